"""Statistics of a forward pass: what they mean, how they are cut into batches, what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from querist.core.errors import CapabilityError, TrainingError
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.device import generator, scoring
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted
from querist.learn.statistics.forward import ACTIVATION_BYTES, Scored, batch_size, score
from querist.learn.view import FittedView
from querist.nets.base import MLP, Network
from querist.nets.cnn import SmallCNN

X = stream(0, 0, "oracle").normal(size=(11, 6)).astype(np.float32)


def fitted(x: np.ndarray = X, network: Network | None = None) -> Fitted:
    made = network or MLP(hidden=(5,)).make((6,), 3, generator(0))
    return Fitted([made.eval()], Deterministic(), ArrayInputs(ArrayPool(x)), Streams(0, 1), ())


def test_gradients_are_autograds() -> None:
    """Of the cross-entropy of the predicted label, with respect to the last layer, bias left out."""
    made = fitted()
    ids = [str(row) for row in range(len(X))]
    a, h = made.score(ids).named("gradients")
    network, inputs = made.networks[0], made.inputs.batch(ids)
    for row in range(len(X)):
        network.zero_grad()
        output = network(inputs[row : row + 1])
        functional.cross_entropy(output, output.argmax(dim=1)).backward()
        assert network.last.weight.grad is not None
        np.testing.assert_allclose(np.outer(a[row], h[row]), network.last.weight.grad.numpy(), atol=1e-6)
        assert network.last.bias.grad is not None
        np.testing.assert_allclose(a[row], network.last.bias.grad.numpy(), atol=1e-6)


def test_small_batches_and_one_pass_agree() -> None:
    network = fitted().networks[0]

    def run(batch: int) -> Scored:
        done: list[int] = []

        def load(ids: Sequence[str]) -> Tensor:
            return torch.from_numpy(X[[int(item) for item in ids]])

        with scoring(network):
            scored = score(Deterministic().prepare([network], stream(0, 1, "dropout")), load, [str(row) for row in range(11)], batch, done.append)
        assert done == sorted(done) and done[-1] == 11
        return scored

    np.testing.assert_allclose(run(4).probs, run(11).probs, atol=1e-6)
    np.testing.assert_allclose(run(1).features, run(11).features, atol=1e-5)


def test_no_items_no_rows() -> None:
    scored = fitted().score([])
    assert len(scored.probs) == len(scored.features) == len(scored.named("gradients")[0]) == 0


def test_an_output_that_is_not_finite_names_its_item() -> None:
    network = MLP(hidden=(5,)).make((6,), 3, generator(0)).eval()
    x = torch.from_numpy(X.copy())
    x[4, 2] = torch.nan
    with scoring(network), pytest.raises(TrainingError, match="first is 'item-4'"):
        score(
            Deterministic().prepare([network], stream(0, 1, "dropout")), lambda ids: x[[int(item[5:]) for item in ids]],
            [f"item-{row}" for row in range(11)], 3, lambda done: None,
        )  # fmt: skip


def test_batches_fit_the_largest_activation() -> None:
    small, large = MLP(hidden=(5,)).make((6,), 3, generator(0)), SmallCNN((32,), stem=64).make((1, 64, 64), 3, generator(0)).eval()
    assert batch_size([small], (6,)) == 4096
    assert batch_size([large], (1, 64, 64)) == max(ACTIVATION_BYTES // (64 * 64 * 64 * 4), 16)
    assert not any(module._forward_hooks for module in large.modules())


def test_scoring_restores_each_modules_mode() -> None:
    network = MLP().make((6,), 3, generator(0))
    network.trunk.eval()
    network.head.train()
    flags = [module.training for module in network.modules()]
    with pytest.raises(RuntimeError, match="on purpose"), scoring(network):
        assert not any(module.training for module in network.modules())
        raise RuntimeError("on purpose")
    assert [module.training for module in network.modules()] == flags


def test_the_view_scores_each_group_once_and_offers_what_is_provided() -> None:
    made, calls = fitted(), []

    def scored(ids: Sequence[str]) -> Scored:
        calls.append(tuple(ids))
        return made.score(ids)

    view = FittedView(["0", "1", "2"], ["3"], ["4"], [1], 3, scored, frozenset({"probs", "features"}))
    assert calls == [], "nothing is computed before it is asked for"
    assert view.stat("probs").shape == (3, 1, 3) and view.stat("features").shape == (3, 5) and view.stat("features", "pending").shape == (1, 5)
    assert view.stat("probs") is view.stat("probs")
    assert calls == [("0", "1", "2"), ("4",)]
    with pytest.raises(CapabilityError, match="'gradients'"):
        view.stat("gradients")
