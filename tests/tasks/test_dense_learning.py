"""Segmentation on the learner's side, against torch, scikit-learn and twins of a few lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch.nn import functional

from querist.core.errors import LabelError
from querist.core.rng import stream
from querist.kernels.information import entropy
from querist.tasks import heads, new_space
from querist.tasks.dense.learning import DenseHead
from querist.tasks.dense.measures import hausdorff, measured
from querist.tasks.dense.runs import NOBODY, to_runs

NAMES = ("ground", "cat", "dog")
HEAD = DenseHead(NAMES)


def drawn(n: int = 4, grid: tuple[int, ...] = (5, 6), channels: int = 3, missing: float = 0.3) -> tuple[torch.Tensor, np.ndarray]:
    rng = stream(0, n, "oracle")
    targets = rng.integers(0, 3, size=(n, *grid)).astype(np.uint8)
    targets[rng.random(targets.shape) < missing] = NOBODY
    return torch.from_numpy(3 * rng.normal(size=(n, channels, *grid))).float(), targets


def test_the_head_of_the_label_space() -> None:
    assert heads.head(new_space("dense", NAMES).schema()) == HEAD and HEAD.outputs == 3


def test_targets_are_what_runs_say() -> None:
    _, targets = drawn()
    values = {str(row): to_runs(target, NAMES) for row, target in enumerate(targets)}
    made = HEAD.targets(values)
    assert made.dtype == np.uint8 and np.array_equal(made, targets) and len(HEAD.targets({})) == 0
    with pytest.raises(LabelError, match="one size"):
        HEAD.targets({**values, "odd": to_runs(targets[0, :2], NAMES)})


@pytest.mark.parametrize("grid", [(5, 6), (3, 4, 5)])
def test_the_loss_is_the_mean_over_labelled_pixels(grid: tuple[int, ...]) -> None:
    output, targets = drawn(grid=grid)
    weights = torch.tensor([0.5, 1.0, 2.0])
    found = HEAD.loss(output, torch.from_numpy(targets), smoothing=0.1, weights=weights)
    for row in range(len(targets)):
        known = torch.from_numpy(targets[row] != NOBODY)
        wanted = torch.from_numpy(targets[row]).long()[known]
        pixels = functional.cross_entropy(output[row][:, known].T, wanted, reduction="none", label_smoothing=0.1) * weights[wanted]
        torch.testing.assert_close(found[row], pixels.mean())
    torch.testing.assert_close(HEAD.loss(output[:1], torch.from_numpy(targets[:1]), smoothing=0.1, weights=weights)[0], found[0])
    assert torch.isfinite(HEAD.loss(output * 1e4, torch.from_numpy(targets))).all()


def test_a_full_map_has_the_usual_loss_and_an_empty_one_none() -> None:
    output, targets = drawn(missing=0.0)
    target = torch.from_numpy(targets)
    torch.testing.assert_close(HEAD.loss(output, target).mean(), functional.cross_entropy(output, target.long()))
    output.requires_grad_()
    loss = HEAD.loss(output, torch.full_like(target, NOBODY))
    loss.sum().backward()
    assert not loss.any() and output.grad is not None and not output.grad.any()


def test_side_outputs_share_the_loss() -> None:
    output, targets = drawn(channels=9)
    target = torch.from_numpy(targets)
    parts = [HEAD.loss(output[:, start : start + 3], target) for start in (0, 3, 6)]
    torch.testing.assert_close(HEAD.loss(output, target), 0.6 * parts[0] + 0.3 * parts[1] + 0.1 * parts[2])
    torch.testing.assert_close(HEAD.predict(output), HEAD.predict(output[:, :3]))


def test_pseudo_targets_doubt_and_discrepancy() -> None:
    output, _ = drawn()
    target, sure = HEAD.pseudo(output)
    probs = torch.softmax(output, dim=1)
    assert target.dtype == torch.uint8 and torch.equal(target, probs.argmax(dim=1).to(torch.uint8))
    torch.testing.assert_close(sure, probs.amax(dim=1).flatten(1).mean(dim=1))
    rows = probs.permute(0, 2, 3, 1).reshape(-1, 1, 3).double().numpy()
    np.testing.assert_allclose(HEAD.doubt(output).numpy(), entropy(rows).reshape(4, -1).mean(axis=1), rtol=1e-5)
    assert not HEAD.discrepancy(output, output).any() and (HEAD.discrepancy(output, -output) > 0).all()


@pytest.mark.parametrize("grid", [(5, 6), (3, 4, 5)])
def test_sites_are_pixels_row_by_row(grid: tuple[int, ...]) -> None:
    rng = stream(1, 0, "oracle")
    output, hidden = torch.from_numpy(rng.normal(size=(2, 4, 3, *grid))), torch.from_numpy(rng.normal(size=(2, 7, *grid)))
    said = HEAD.sites(output, output[:, 0], hidden)
    assert len(said) == 2 and said.count == 2 * np.prod(grid) and said.grid == grid and said.weight is None and not said.extra
    assert said.probs is not None and said.features is not None and said.probs.shape == (said.count, 4, 3)
    whole = torch.softmax(output, dim=2).numpy()
    for item in range(2):
        for site, place in enumerate(np.ndindex(grid)):
            row = item * int(np.prod(grid)) + site
            np.testing.assert_allclose(said.probs[row], whole[(item, slice(None), slice(None), *place)])
            np.testing.assert_allclose(said.features[row], hidden[(item, slice(None), *place)].numpy())


def test_sites_of_side_outputs_and_of_windows() -> None:
    rng = stream(2, 0, "oracle")
    output = torch.from_numpy(rng.normal(size=(2, 1, 7, 4, 5)))
    said = HEAD.sites(output, output[:, 0])
    assert said.weight is not None and np.array_equal(said.weight, (output[:, 0, 6] >= 0).flatten().numpy().astype(np.float32))
    stages = said.extra["sides"]
    assert stages.shape == (40, 2)
    assert np.array_equal(stages[:, 1], output[:, 0, 3:6].argmax(dim=1).flatten().numpy())


def test_metrics_are_the_usual_ones() -> None:
    output, targets = drawn(n=6, grid=(9, 8))
    said = HEAD.sites(output[:, None], output)
    found = HEAD.metrics([said.part(0, 2), said.part(2, 6)], targets)
    known = targets != NOBODY
    guessed = output.argmax(dim=1).numpy()
    true, told = targets[known], guessed[known]
    assert found["miou"] == pytest.approx(metrics.jaccard_score(true, told, average="macro"))
    assert found["dice"] == pytest.approx(metrics.f1_score(true, told, average="macro", labels=[1, 2]))
    assert found["pixel_accuracy"] == pytest.approx(metrics.accuracy_score(true, told))
    assert HEAD.metrics([], targets[:0]) == {}
    perfect = measured(zip(targets % 3, targets % 3, strict=True), 3)
    assert perfect == {"miou": 1.0, "pixel_accuracy": 1.0, "dice": 1.0, "hausdorff": 0.0}


def test_hausdorff_distance() -> None:
    from scipy.spatial.distance import directed_hausdorff

    rng = stream(3, 0, "oracle")
    for _ in range(5):
        a, b = rng.random((2, 12, 10)) < 0.1
        both = max(directed_hausdorff(np.argwhere(a), np.argwhere(b))[0], directed_hausdorff(np.argwhere(b), np.argwhere(a))[0])
        assert hausdorff(a, b) == pytest.approx(both)
    none = np.zeros((3, 4), dtype=bool)
    assert hausdorff(none, none) == 0.0 and hausdorff(none, ~none) == hausdorff(~none, none) == 5.0


def test_a_class_that_is_nowhere_is_left_out() -> None:
    true: Any = np.zeros((1, 4, 4), dtype=np.uint8)
    assert measured(zip(true, true, strict=True), 3) == {"miou": 1.0, "pixel_accuracy": 1.0}
    said = true.copy()
    said[0, 0, 0] = 1
    found = measured(zip(said, true, strict=True), 3)
    assert found["miou"] == pytest.approx((15 / 16 + 0) / 2) and found["dice"] == 0.0 and found["hausdorff"] == pytest.approx(32**0.5)


def test_weights_make_up_for_unequal_classes() -> None:
    targets = np.array([[[0, 0, 0, 1], [0, 0, 0, NOBODY]]], dtype=np.uint8)
    weights = HEAD.weights(targets)
    assert weights[1] == pytest.approx(6 * weights[0]) and weights[2] == 1.0 and weights[:2].mean() == pytest.approx(1.0)
