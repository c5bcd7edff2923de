"""Laplace's approximation of the last layer of a trained network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from learn_short import SHORT

from querist.core.contracts import no_report
from querist.core.errors import TrainingError, UsageError
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.kernels.information import bald, entropy
from querist.kernels.laplace import best_precision, softmax_bends
from querist.learn.device import generator
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inference.laplace import Laplace, Posterior, bends
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.nets.base import MLP
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
INPUTS = ArrayInputs(ArrayPool(clouds(60)))


def fit(inference: object, labels: int = 12) -> Fitted:
    labelled = {item: label(item) for item in ids(0, labels)}
    return Learner(MLP((8,)), SHORT, inference).fit(INPUTS, TASK, labelled, Streams(0, 1), None, no_report)  # type: ignore[arg-type]


def last(fitted: Fitted) -> Posterior:
    layer = fitted.networks[0].last
    assert isinstance(layer, Posterior)
    return layer


def test_the_kept_curvature_is_that_of_the_labelled_items_as_they_are() -> None:
    fitted = fit(Laplace(structure="full"))
    layer, found = last(fitted), last(fitted).curvature
    assert found.left is not None
    kept = (found.left * found.values.ravel()) @ found.left.T
    network, x, y = fitted.networks[0].eval(), INPUTS.batch(ids(0, 12)), torch.arange(12) % 3
    with torch.no_grad():
        phi = torch.cat([network.trunk(x), torch.ones(12, 1)], dim=1).double()
    weights = torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach().double()
    hessian = torch.autograd.functional.hessian(lambda w: torch.nn.functional.cross_entropy(phi @ w.T, y, reduction="sum"), weights)
    np.testing.assert_allclose(kept, hessian.reshape(27, 27).numpy(), atol=1e-5)


def test_training_is_that_of_the_plain_network() -> None:
    plain, found = fit(Deterministic()).networks[0].state_dict(), fit(Laplace()).networks[0].state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in plain.items())


def test_the_mean_of_many_samples_lies_around_the_trained_network_and_a_tight_prior_gives_it_back() -> None:
    plain = fit(Deterministic()).score(ids(12, 60)).probs[:, 0]
    tight = fit(Laplace(precision=1e10)).score(ids(12, 60)).probs
    assert np.abs(tight - plain[:, None]).max() < 1e-3
    loose = fit(Laplace(samples=400, precision=1.0)).score(ids(12, 60)).probs
    assert (entropy(loose) >= entropy(plain[:, None]) - 0.05).all(), "averaging over weights makes less sure"
    assert bald(loose).mean() > 10 * bald(tight).mean()


def test_more_labels_narrow_the_posterior() -> None:
    found = [bald(fit(Laplace(samples=200, precision=1.0), labels).score(ids(40, 60)).probs).mean() for labels in (3, 36)]
    assert found[1] < 0.7 * found[0]


def test_bends_are_those_of_the_task_s_own_loss() -> None:
    """Of cross-entropy diag p − ppᵀ whatever the label; of other losses what they are."""
    z, y = torch.randn((5, 3), generator=generator(0)).double(), torch.tensor([0, 1, 2, 0, 1])
    np.testing.assert_allclose(bends(TASK, z, y), softmax_bends(torch.softmax(z, dim=1).numpy()), atol=1e-12)

    class Yes:
        def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.binary_cross_entropy_with_logits(output, target, reduction="none").sum(dim=1)

    p = torch.sigmoid(z).numpy()
    np.testing.assert_allclose(bends(Yes(), z, (z > 0).double()), (p * (1 - p))[:, :, None] * np.eye(3), atol=1e-12)  # type: ignore[arg-type]


def test_parts_of_any_size_give_the_same_curvature(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = last(fit(Laplace(structure="kronecker"), 36)).curvature
    monkeypatch.setattr("querist.learn.inference.laplace.BENDS", 1)
    np.testing.assert_allclose(last(fit(Laplace(structure="kronecker"), 36)).curvature.values, whole.values, atol=1e-6)


def test_precision_zero_takes_the_largest_evidence() -> None:
    layer = last(fit(Laplace(precision=0.0)))
    squared = float(layer.weight.detach().square().sum() + layer.bias.detach().square().sum())
    assert float(layer.get_buffer("precision")) == pytest.approx(best_precision(layer.curvature.values, squared))
    assert float(last(fit(Laplace())).get_buffer("precision")) == 30.0


def test_an_item_far_away_is_disputed_more() -> None:
    fitted = fit(Laplace(samples=200))
    sampler = fitted.inference.prepare(fitted.networks, stream(0, 1, "dropout"))
    x = torch.from_numpy(clouds(30))
    with torch.inference_mode():
        near, far = (sampler(scale * x).logits.std(dim=1).mean() for scale in (1.0, 5.0))
    assert float(far) > 2 * float(near)


@pytest.mark.parametrize("structure", ["full", "kronecker", "diagonal"])
def test_it_is_restored_with_its_curvature(structure: str, tmp_path: Path) -> None:
    fitted = fit(Laplace(structure=structure))
    fitted.save(tmp_path)
    again = Learner(MLP((8,)), SHORT, Laplace(structure=structure)).restore(INPUTS, TASK, tmp_path, Streams(0, 1))
    assert again is not None and np.array_equal(again.score(ids(12, 40)).probs, fitted.score(ids(12, 40)).probs)


def test_the_structure_follows_the_size_of_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Laplace().dress(MLP((width,)).make((4,), 3, generator(0))).last for width in (8, 500)]
    assert [layer.structure for layer in made] == ["full", "kronecker"]  # type: ignore[union-attr]
    monkeypatch.setattr("querist.learn.inference.laplace.WIDE", 100)
    assert Laplace().dress(MLP((500,)).make((4,), 3, generator(0))).last.structure == "diagonal"  # type: ignore[union-attr]


def test_what_cannot_be_is_refused() -> None:
    network = MLP((8,)).make((4,), 3, generator(0))
    with pytest.raises(UsageError, match="structure"):
        Laplace(structure="triangular").dress(network)
    with pytest.raises(UsageError, match="differ"):
        Laplace(samples=1).prepare([network], stream(0, 1, "dropout"))
    with pytest.raises(TrainingError, match="identical"):
        Laplace().prepare([network], stream(0, 1, "dropout"))
