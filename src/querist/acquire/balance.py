"""Wrappers for classes of unequal size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.ranked import MARGIN, ranked, whole
from querist.acquire.selectors import selection
from querist.core.contracts import Acquisition, PoolView
from querist.core.records import Selection
from querist.kernels.allotting import against_deficits, level
from querist.kernels.information import predictive

ROWS = 65536
"""Candidates whose probabilities are averaged at a time."""


@dataclass(frozen=True)
class ClassBalance:
    """Take the method's candidates so that the predicted classes of the batch come out even.

    Attributes:
        inner: The method; its order decides within a class.
        count_labels: Start from the classes of the labels that are there, so that rare classes catch up; else from nothing.
        wide: For a method whose picks depend on each other, how many of its picks per item wanted are dealt out.
    """

    inner: Acquisition = MARGIN
    count_labels: bool = True
    wide: int = 10

    folds: ClassVar[bool] = False
    """Probabilities of the items themselves are read."""

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `probs`."""
        return self.inner.needs | {"probs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        found = ranked(self.inner, view, whole(self.wide, "wide") * k, rng)
        predicted = np.concatenate([np.empty(0, dtype=np.int64), *(mean.argmax(axis=1) for mean in _means(view))])
        counts = _labelled(view, view.stat("probs").shape[2]) if self.count_labels else np.zeros(view.stat("probs").shape[2])
        places = level(predicted[found.rows], counts, k)
        rows = found.rows[places]
        why = [f"predicted class {predicted[row]}: {found.reason(int(place))}" for row, place in zip(rows, places, strict=True)]
        return selection(view, rows, found.values[places], why)


@dataclass(frozen=True)
class ImbalanceAware:
    """Rare classes weigh more: the method's score plus the probability of a class that is short of its even share.

    Attributes:
        inner: The method; its scores, spread over [0, 1], are the gains.
        weight: λ: how much a certain member of a class that is short is worth beside the best score; 0 leaves the method as it is.
        wide: For a method whose picks depend on each other, how many of its picks per item wanted are compared.

    Reference:
        Bengar et al. 2022, arXiv 2107.12262.
    """

    inner: Acquisition = MARGIN
    weight: float = 1.0
    wide: int = 10

    folds: ClassVar[bool] = False
    """Probabilities of the items themselves are read."""

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `probs`."""
        return self.inner.needs | {"probs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if not k:
            return Selection((), ())
        found = ranked(self.inner, view, whole(self.wide, "wide") * k, rng)
        have = _labelled(view, view.stat("probs").shape[2])
        deficits = np.maximum((have.sum() + k) / len(have) - have, 0.0)
        spread = float(found.gains[0] - found.gains[-1])
        gains = (found.gains - found.gains[-1]) / spread if spread > 0 else np.zeros(len(found.rows))

        def probable(place: int) -> np.ndarray:
            return np.asarray(view.stat("probs")[found.rows[place]].mean(axis=0, dtype=np.float64))

        def expected(classes: np.ndarray) -> np.ndarray:
            return np.asarray(np.concatenate([mean @ classes for mean in _means(view)])[found.rows])

        picks, totals = against_deficits(gains, expected, probable, deficits, self.weight, k)
        classes = [int(probable(int(place)).argmax()) for place in picks]
        why = [f"class {c} is short of {deficits[c]:.3g}: {found.reason(int(place))}" for c, place in zip(classes, picks, strict=True)]
        return selection(view, found.rows[picks], totals, why)


def _means(view: PoolView) -> Iterator[np.ndarray]:
    """Mean probabilities (m, c) of the candidates, some rows at a time."""
    probs = view.stat("probs")
    for start in range(0, len(probs), ROWS):
        mean = predictive(probs[start : start + ROWS])
        finite(mean, view.candidates[start : start + ROWS], "probs")
        yield mean


def _labelled(view: PoolView, classes: int) -> np.ndarray:
    """How many labels each class has."""
    return np.bincount(np.asarray(view.labels, dtype=np.int64), minlength=classes).astype(np.float64)
