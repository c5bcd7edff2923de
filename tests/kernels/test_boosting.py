"""Boosted stumps against a plain twin, and what they can learn."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import boosting

pytestmark = pytest.mark.torchless


def plain(x: np.ndarray, y: np.ndarray, rounds: int, rate: float) -> np.ndarray:
    """The regressor, written down: every column, every threshold, residuals."""
    out = np.full(len(y), y.mean())
    for _ in range(rounds):
        r = y - out
        splits = []
        for j in range(x.shape[1]):
            for t in boosting.thresholds(x[:, j]):
                left = x[:, j] <= t
                splits.append((r[left].sum() ** 2 / (left.sum() + 1) + r[~left].sum() ** 2 / ((~left).sum() + 1), j, t))
        _, j, t = max(splits, key=lambda split: split[0])
        left = x[:, j] <= t
        out = out + rate * np.where(left, r[left].sum() / (left.sum() + 1), r[~left].sum() / ((~left).sum() + 1))
    return out


def test_regressor_is_the_plain_one() -> None:
    rng = stream(0, 0, "oracle")
    x, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    np.testing.assert_allclose(boosting.predicted(boosting.regressor(x, y, 6, 0.5), x)[:, 0], plain(x, y, 6, 0.5), atol=1e-10)


def test_every_stump_lowers_the_loss() -> None:
    rng = stream(0, 0, "oracle")
    x = rng.normal(size=(80, 3))
    y = np.digitize(x[:, 0] + 0.2 * rng.normal(size=80), [-0.5, 0.5])
    losses = []
    for rounds in (0, 5, 20, 60):
        model = boosting.classifier(x, y, 3, rounds, 0.3)
        losses.append(-boosting.log_softmax(boosting.predicted(model, x))[np.arange(80), y].mean())
    assert losses[0] == pytest.approx(np.log(3.0)) and losses == sorted(losses, reverse=True) and losses[-1] < 0.3


def test_a_classifier_finds_a_band_and_tells_new_items() -> None:
    rng = stream(1, 0, "oracle")
    x = rng.uniform(-1, 1, size=(600, 5))
    y = (np.abs(x[:, 2]) < 0.5).astype(np.int64)
    model = boosting.classifier(x[:400], y[:400], 2, 60, 0.3)
    assert (boosting.predicted(model, x[400:]).argmax(axis=1) == y[400:]).mean() > 0.9


def test_held_out_losses_are_not_those_of_training() -> None:
    """Labels without a pattern: a model that has seen them is sure, one that has not is wrong."""
    rng = stream(2, 0, "oracle")
    x, y = rng.normal(size=(60, 6)), rng.integers(2, size=60)
    seen = -boosting.log_softmax(boosting.predicted(boosting.classifier(x, y, 2, 60, 0.3), x))[np.arange(60), y]
    assert seen.mean() < 0.5 < np.log(2.0) * 0.9 < boosting.held_out_losses(x, y, 2, 3, 60, 0.3).mean()


def test_the_sampling_model_ranks_new_losses() -> None:
    """Half of the plane has random labels: predicted losses of items that no model has seen must rank the true ones."""
    spearmanr = pytest.importorskip("scipy.stats").spearmanr
    rng = stream(3, 0, "oracle")
    x = rng.normal(size=(900, 2))
    y = np.where(x[:, 0] > 0, rng.integers(0, 2, 900), (x[:, 1] > 0).astype(np.int64))
    losses = boosting.held_out_losses(x[:500], y[:500], 2, 3, 50, 0.3)
    predicted = boosting.predicted(boosting.regressor(x[:500], losses, 50, 0.3), x[500:])[:, 0]
    model = boosting.classifier(x[:500], y[:500], 2, 50, 0.3)
    true = -boosting.log_softmax(boosting.predicted(model, x[500:]))[np.arange(400), y[500:]]
    assert spearmanr(predicted, true).statistic > 0.3


def test_nothing_to_split() -> None:
    model = boosting.regressor(np.ones((5, 2)), np.arange(5.0), 10, 0.3)
    assert boosting.predicted(model, np.zeros((3, 2))).tolist() == [[2.0]] * 3
    assert boosting.thresholds(np.array([1.0, 1.0])).size == 0 and len(boosting.thresholds(np.arange(1000.0))) == boosting.CUTS


def test_classifier_is_the_plain_one() -> None:
    """Unequal classes: slopes do not sum to 0, and curvatures differ from item to item."""
    rng = stream(4, 0, "oracle")
    x, y = rng.normal(size=(40, 3)), (rng.random(40) < 0.2).astype(np.int64) + (rng.random(40) < 0.1)
    out, target = np.zeros((40, 3)), np.eye(3)[y]
    for _ in range(5):
        p = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
        g, h = target - p, p * (1 - p)
        splits = []
        for j in range(3):
            for t in boosting.thresholds(x[:, j]):
                left = x[:, j] <= t
                splits.append((sum((g[part].sum(axis=0) ** 2 / (h[part].sum(axis=0) + 1)).sum() for part in (left, ~left)), j, t))
        _, j, t = max(splits, key=lambda split: split[0])
        left = x[:, j] <= t
        for part in (left, ~left):
            out[part] += 0.5 * g[part].sum(axis=0) / (h[part].sum(axis=0) + 1)
    np.testing.assert_allclose(boosting.predicted(boosting.classifier(x, y, 3, 5, 0.5), x), out, atol=1e-10)


def test_thresholds_lie_midway_and_where_the_items_are() -> None:
    assert boosting.thresholds(np.array([3.0, 1.0, 2.0, 1.0, 3.0])).tolist() == [1.5, 2.5]
    n = 100 * boosting.CUTS
    wanted = (np.arange(boosting.CUTS) + 0.5) * 100
    assert np.abs(boosting.thresholds(np.arange(float(n))) - wanted).max() <= 1.0


def test_logarithms_of_the_softmax_do_not_overflow() -> None:
    assert boosting.log_softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0]])).tolist() == [[0.0, -1000.0], [-np.log(2.0)] * 2]
