"""Learning to Sample: its two ends, its quota, and what it does without labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from querist.acquire.to_sample import LearningToSample
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.kernels.boosting import thresholds
from querist.kernels.farthest import k_center
from querist.kernels.trade import traded
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

VIEW = FakeView.random(n=60, labelled=30, pending=3)


def pick(method: LearningToSample, k: int = 8, view: FakeView = VIEW) -> list[str]:
    return list(method.select(view, k, stream(0, 1, "select")).ids)


def rows(names: list[str], view: FakeView = VIEW) -> list[int]:
    return [list(view.candidates).index(name) for name in names]


def plain(x: np.ndarray, new: np.ndarray, base: np.ndarray, slope: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Fifty stumps at 0.3, written down: outputs of new items."""
    splits = [(j, t, x[:, j] <= t) for j in range(x.shape[1]) for t in thresholds(x[:, j])]
    out, told = np.tile(base, (len(x), 1)), np.tile(base, (len(new), 1))
    for _ in range(50):
        g, h = slope(out)
        gains = [sum((g[side].sum(axis=0) ** 2 / (h[side].sum(axis=0) + 1)).sum() for side in (left, ~left)) for _, _, left in splits]
        j, t, left = splits[next(i for i, gain in enumerate(gains) if gain >= max(gains) * (1 - 1e-12))]
        low, high = (0.3 * g[side].sum(axis=0) / (h[side].sum(axis=0) + 1) for side in (left, ~left))
        out = out + np.where(left[:, None], low, high)
        told = told + np.where((new[:, j] <= t)[:, None], low, high)
    return told


def share(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def test_share_one_is_the_largest_predicted_losses() -> None:
    """A classifier without each fold gives losses, a second model learns them: all of it from scratch."""
    known, y = VIEW.stat("features", "labelled").astype(np.float64), np.asarray(VIEW.labels)
    fold = np.empty(30, dtype=int)
    fold[np.argsort(y, kind="stable")] = np.arange(30) % 3
    losses = np.empty(30)
    for held in range(3):
        target = np.eye(3)[y[fold != held]]
        z = plain(known[fold != held], known[fold == held], np.zeros(3), lambda out, target=target: (target - share(out), share(out) * (1 - share(out))))  # type: ignore[misc]
        losses[fold == held] = -np.log(share(z)[np.arange(len(z)), y[fold == held]])
    candidates = VIEW.stat("features").astype(np.float64)
    predicted = plain(known, candidates, np.array([losses.mean()]), lambda out: (losses[:, None] - out, np.ones_like(out)))[:, 0]
    chosen = rows(pick(LearningToSample(share=1.0)))
    np.testing.assert_allclose(predicted[chosen], np.sort(predicted)[::-1][:8], atol=1e-9)
    assert predicted[chosen[0]] > np.median(predicted) + 0.1, "else this test shows nothing"


def test_share_zero_is_farthest_first() -> None:
    covered = np.concatenate([VIEW.stat("features", of) for of in ("labelled", "pending")])
    assert rows(pick(LearningToSample(share=0.0))) == k_center(VIEW.stat("features"), covered, 8)[0].tolist()
    bare = dataclasses.replace(VIEW, labelled=[], pending=[], labels=[])
    assert rows(pick(LearningToSample(share=0.0), view=bare), bare) == k_center(VIEW.stat("features"), VIEW.stat("features")[:0], 8)[0].tolist()


def test_between_the_ends_both_count() -> None:
    """Two near items with high scores, two farther ones, one far with the lowest: neither the best score nor the farthest comes first."""
    x = np.array([[0.0], [0.1], [5.0], [5.1], [9.0]])
    scores = np.array([1.0, 0.9, 0.6, 0.4, 0.0])
    covered = np.array([[-1.0]])
    assert traded(x, covered, scores, 1.0, 2)[0].tolist() == [0, 1]
    assert traded(x, covered, scores, 0.0, 2)[0].tolist() == [4, 2]
    assert traded(x, covered, scores + 2.0, 1.0, 1)[1].tolist() == [1.0], "scores from 0 to 1"
    found, values = traded(x, covered, scores, 0.5, 3)
    assert found.tolist() == [2, 0, 1]
    np.testing.assert_allclose(values, [0.3 + 0.3, 0.5 + 0.05, 0.45 + 0.005])


def test_naive_twin() -> None:
    rng = stream(5, 0, "oracle")
    x, covered, scores = rng.normal(size=(25, 3)), rng.normal(size=(4, 3)), rng.normal(size=25)
    u = (scores - scores.min()) / (scores.max() - scores.min())
    near = [min(np.linalg.norm(a - b) for b in covered) for a in x]
    scale, chosen = max(near), []
    for _ in range(6):
        value = [-1.0 if i in chosen else 0.3 * u[i] + 0.7 * near[i] / scale for i in range(25)]
        chosen.append(int(np.argmax(value)))
        near = [min(near[i], float(np.linalg.norm(x[i] - x[chosen[-1]]))) for i in range(25)]
    assert traded(x, covered, scores, 0.3, 6)[0].tolist() == chosen


def test_a_quota_spreads_the_batch_over_predicted_classes() -> None:
    x, scores = np.arange(8.0)[:, None], np.arange(8.0)[::-1].copy()
    classes = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    found = traded(x, x[:0], scores, 1.0, 6, classes)[0]
    assert sorted(classes[found].tolist()) == [0, 0, 0, 1, 1, 2], "two of each, and class 2 has but one"
    assert classes[traded(x, x[:0], scores, 1.0, 3, classes)[0]].tolist() == [0, 1, 2]
    balanced = LearningToSample(share=1.0, balanced=True)
    assert len(set(pick(balanced, 9))) == 9


@pytest.mark.parametrize("labels", [[], [0] * 30])
def test_without_two_classes_distance_decides(labels: list[int]) -> None:
    view = dataclasses.replace(VIEW, labels=labels)
    assert pick(LearningToSample(), view=view) == pick(LearningToSample(share=0.0), view=view)


def test_labels_decide() -> None:
    assert pick(LearningToSample(share=1.0)) != pick(LearningToSample(share=1.0), view=dataclasses.replace(VIEW, labels=list(VIEW.labels)[::-1]))


def test_what_cannot_be_is_refused() -> None:
    for wrong in (LearningToSample(share=1.5), LearningToSample(folds=1)):
        with pytest.raises(UsageError, match="share"):
            pick(wrong)
