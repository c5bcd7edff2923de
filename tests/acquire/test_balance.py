"""Classes of unequal size: even predicted classes, and rare classes that weigh more."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.balance import ClassBalance, ImbalanceAware
from querist.acquire.compose import Random
from querist.acquire.ranked import CORESET, MARGIN
from querist.core.rng import stream
from querist.kernels.allotting import against_deficits, level
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, 1, "select")


def skewed(labels: list[int], sharp: float = 0.97) -> FakeView:
    """220 candidates, 200 of class 0 and 20 of class 1, a nearly perfect model."""
    truth = np.arange(220) % 11 == 0
    noise = stream(1, 0, "oracle").uniform(0, 0.02, size=220)
    right = sharp - noise
    probs = np.where(truth[:, None], np.stack([1 - right, right], axis=1), np.stack([right, 1 - right], axis=1)).astype(np.float32)[:, None]
    view = FakeView([f"{row}" for row in range(220)], [f"l{row}" for row in range(len(labels))], (), labels, 2)
    view.stats = {"candidates": {"probs": probs, "features": stream(2, 0, "oracle").normal(size=(220, 3)).astype(np.float32)}, "labelled": {}, "pending": {}}
    return view


def classes(ids: tuple[str, ...]) -> list[int]:
    return [int(int(item) % 11 == 0) for item in ids]


@pytest.mark.parametrize("wrapper", [ClassBalance(), ImbalanceAware(weight=50.0)])
@pytest.mark.parametrize(("labels", "k", "rare"), [([], 10, 5), ([0] * 10, 12, 11), ([0] * 10 + [1], 9, 9), ([1, 1], 10, 4), ([], 60, 20)])
def test_a_perfect_model_gives_even_classes(wrapper: ClassBalance, labels: list[int], k: int, rare: int) -> None:
    """Within one of the even count where the pool has so many."""
    chosen = wrapper.select(skewed(labels), k, rng())
    assert len(set(chosen.ids)) == k
    assert abs(sum(classes(chosen.ids)) - rare) <= 1
    assert sum(classes(MARGIN.select(skewed(labels), k, rng()).ids)) < rare or k == 10


def test_within_a_class_the_method_decides() -> None:
    view = skewed([])
    order = MARGIN.select(view, 220, rng()).ids
    chosen = ClassBalance().select(view, 10, rng())
    for wanted in (0, 1):
        assert [item for item in chosen.ids if classes((item,)) == [wanted]] == [item for item in order if classes((item,)) == [wanted]][:5]
    without = ClassBalance(count_labels=False).select(skewed([0] * 10), 10, rng())
    assert sum(classes(without.ids)) == 5


def test_no_weight_is_the_method_itself() -> None:
    view = FakeView.random(n=120)
    for inner in (MARGIN, CORESET):
        assert ImbalanceAware(inner, weight=0.0).select(view, 9, rng()).ids == inner.select(view, 9, rng()).ids


def test_a_class_without_labels_and_without_candidates_does_no_harm() -> None:
    view = dataclasses.replace(FakeView.random(), labels=[0, 0, 0, 0, 0, 0])
    for wrapper in (ClassBalance(), ImbalanceAware(), ClassBalance(CORESET), ImbalanceAware(CORESET)):
        assert len(set(wrapper.select(view, 40, rng()).ids)) == 40


def test_balanced_random_picks_are_even_and_uniform_within_a_class() -> None:
    view, counts = skewed([]), np.zeros(220)
    acquisition = ClassBalance(Random(), wide=100)
    for seed in range(300):
        chosen = acquisition.select(view, 10, rng(seed))
        assert sum(classes(chosen.ids)) == 5
        counts[[int(item) for item in chosen.ids]] += 1
    rare = np.arange(220) % 11 == 0
    for members in (counts[rare], counts[~rare]):
        wanted = 300 * 5 / len(members)
        # Chi-square with as many degrees of freedom as members: five standard deviations.
        assert ((members - wanted) ** 2 / wanted).sum() < len(members) + 5 * (2 * len(members)) ** 0.5


def test_level_by_hand() -> None:
    groups = np.array([0, 0, 1, 0, 2, 1])
    assert level(groups, np.zeros(3), 6).tolist() == [0, 2, 4, 1, 5, 3]
    assert level(groups, np.array([0.0, 5.0, 5.0]), 4).tolist() == [0, 1, 3, 2]
    assert level(groups, np.zeros(4), 99).tolist() == [0, 2, 4, 1, 5, 3]


def test_deficits_equal_the_naive_twin() -> None:
    for seed in range(30):
        draw = rng(seed)
        probs, gains = draw.dirichlet(np.full(4, 0.3), size=25), draw.random(25)
        deficits, weight = draw.uniform(-1, 3, size=4), float(draw.uniform(0, 3))
        picks, values = against_deficits(gains, lambda w, p=probs: p @ w, lambda row, p=probs: p[row], deficits, weight, 12)
        left, taken = deficits.copy(), []
        for step in range(12):
            total = [gains[i] + weight * sum(probs[i, c] for c in range(4) if left[c] > 0) for i in range(25)]
            best = max((i for i in range(25) if i not in taken), key=lambda i, t=total: t[i])
            assert picks[step] == best and values[step] == pytest.approx(total[best])
            taken.append(best)
            left -= probs[best]
