"""Scores of images by what a detector says of their boxes, its levels and its places. What is not kept as a box counts where a method says so.

References:
    Brust, Käding & Denzler 2019, arXiv 1809.09875; Roy, Unmesh & Namboodiri 2018 (BMVC); Aghdam et al. 2019, arXiv 1911.09168; Yuan et al.
    2021 (MI-AOD), arXiv 2104.02324.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from querist.core.contracts import PoolView
from querist.core.errors import CapabilityError, UsageError
from querist.core.sites import Sites
from querist.core.statistic import fold_of
from querist.kernels import information, local, ragged
from querist.kernels.boxes import head_discrepancy, layer_margins
from querist.kernels.logits import softmax

MEASURES: Final[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {
    "entropy": information.entropy,
    "margin": lambda probs: information.margin(probs) ** 2,
    "least_confidence": information.least_confidence,
}
"""Uncertainty of a box from its class vector (s, k, c + 1)."""
SEEN: Final = 0.5
"""Score from which on a predicted box of a labelled item counts as one of its class."""


@dataclass(frozen=True)
class _OfBoxes:
    """Needs boxes."""

    @property
    def needs(self) -> frozenset[str]:
        """Always `sites`."""
        return frozenset({"sites"})


@dataclass(frozen=True)
class BoxUncertainty(_OfBoxes):
    """Uncertainty of every box, folded to the image.

    Attributes:
        measure: `entropy`, `margin` (the square of 1 - (p(1) - p(2))) or `least_confidence`, of the whole class vector with background.
        by: `sum` (prefers crowded images, whose labels are dear), `mean` or `max`.
        balanced: Weigh boxes by predicted class, (N + C) / (N_c + 1) with N_c boxes of class c found in the labelled items.
        empty: Score of an image without boxes.
    """

    measure: str = "entropy"
    by: str = "sum"
    balanced: bool = False
    empty: float = 0.0

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates.

        Raises:
            UsageError: for an unknown measure or fold.
        """
        if self.measure not in MEASURES or self.by not in ragged.JOINS:
            raise UsageError("unknown score of boxes", got=f"{self.measure}, {self.by}", wanted=f"{', '.join(MEASURES)}; {', '.join(ragged.JOINS)}")
        weights = rarity(view) if self.balanced else None

        def scores(said: Sites) -> np.ndarray:
            own = MEASURES[self.measure](np.asarray(said.probs))
            own = own if weights is None else own * weights[_labels(said)]
            return np.asarray(ragged.JOINS[self.by](own, said.offsets, None, self.empty))

        return fold_of(view, "sites", scores)


@dataclass(frozen=True)
class LayerMargin(_OfBoxes):
    """How far the levels of a detector disagree about its boxes: a committee that costs nothing.

    Attributes:
        by: How the image's boxes are joined.
        least: Overlap from which on a place speaks about a box.
    """

    by: str = "max"
    least: float = 0.5

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates, in [0, 1] for `max`."""

        def scores(said: Sites) -> np.ndarray:
            return np.asarray(ragged.JOINS[self.by](self._margins(said), said.offsets, None, 0.0))

        return fold_of(view, "sites", scores)

    def _margins(self, said: Sites) -> np.ndarray:
        """(s,)."""
        out = np.zeros(said.count)
        for number in range(len(said)):
            one, rows = said.item(number), slice(int(said.offsets[number]), int(said.offsets[number + 1]))
            level = places(said, "level")[number].astype(np.int64)
            asked = level >= 0
            probs, boxes = (places(said, name)[number][asked] for name in ("probs", "boxes"))
            out[rows] = layer_margins(
                np.asarray(one.place, dtype=np.float64), _labels(one), boxes.astype(np.float64), level[asked], probs.astype(np.float64), self.least
            )
        return out


@dataclass(frozen=True)
class NeighbourDivergence(_OfBoxes):
    """Where the map of a level quarrels with its own neighbourhood about whether there is an object; mean over cells of the loudest place.

    Attributes:
        radius: Of the window, in places of the level.
        rows: Cells of the image from top to bottom.
        columns: And from left to right.
    """

    radius: int = 1
    rows: int = 4
    columns: int = 4

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""

        def scores(said: Sites) -> np.ndarray:
            maps = [local.neighbour_divergence(one, self.radius) for one in object_maps(said)]
            high, wide = (max(one.shape[axis] for one in maps) for axis in (1, 2))
            return local.grid_max_mean(np.sum([_stretched(one, high, wide) for one in maps], axis=0), (self.rows, self.columns))

        return fold_of(view, "sites", scores)


@dataclass(frozen=True)
class HeadDiscrepancy(_OfBoxes):
    """How far two classifiers of a detector are apart at its places: mean over the k places where they are furthest.

    Attributes:
        k: Places, all where there are fewer.
    """

    k: int = 10_000

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates.

        Raises:
            CapabilityError: for a detector with one classifier.
        """

        def scores(said: Sites) -> np.ndarray:
            first = places(said, "probs")
            if "further" not in said.items or said.items["further"].shape[2] < first.shape[2]:
                raise CapabilityError(
                    "this detector has one classifier", wanted="two, as the scheme mi_aod trains them", hint="Take the recipe small-detector-two."
                )
            logits = said.items["further"][..., : first.shape[2]].astype(np.float64)
            apart = head_discrepancy(first.reshape(-1, first.shape[2]).astype(np.float64), softmax(logits).reshape(-1, first.shape[2]))
            return ragged.topk_mean(apart, np.arange(len(said) + 1) * first.shape[1], k=self.k)

        return fold_of(view, "sites", scores)


def places(said: Sites, name: str) -> np.ndarray:
    """What a detector says at every place (n, a, …).

    Raises:
        CapabilityError: if it says nothing of places.
    """
    if name not in said.items:
        raise CapabilityError(f"these sites have no {name} of places", wanted="the sites of a detector")
    return np.asarray(said.items[name])


def object_maps(said: Sites) -> list[np.ndarray]:
    """Probability (n, h, w) of any object at the places of each level; the largest where a place has several priors."""
    probs, priors, level = places(said, "probs"), places(said, "priors")[0], places(said, "level")[0]
    maps = []
    for number in np.unique(level[level >= 0]):
        here = level == number
        middle = np.round((priors[here, :2] + priors[here, 2:]) / 2, 2)
        (columns, column), (rows, row) = (np.unique(middle[:, axis], return_inverse=True) for axis in (0, 1))
        flat = np.zeros((len(rows) * len(columns), len(said)))
        np.maximum.at(flat, row * len(columns) + column, 1.0 - probs[:, here, -1].astype(np.float64).T)
        maps.append(flat.T.reshape(len(said), len(rows), len(columns)))
    return maps


def rarity(view: Any) -> np.ndarray:
    """Weights (c,) of predicted classes: (N + C) / (N_c + 1), by the boxes that are found in the labelled items."""
    found = class_counts(view)
    return np.asarray((found.sum() + len(found)) / (found + 1.0)) if len(view.labelled) else np.ones(len(found))


def class_counts(view: Any) -> np.ndarray:
    """How many boxes of each class (c,) are found in the labelled items."""
    if not len(view.labelled):
        return np.zeros(int(view.classes))

    def counts(said: Sites) -> np.ndarray:
        seen = np.asarray(said.extra["score"]) >= SEEN
        out = np.zeros((len(said), int(view.classes)))
        np.add.at(out, (said.owner[seen], _labels(said)[seen]), 1.0)
        return out

    return np.asarray(fold_of(view, "sites", counts, "labelled").sum(axis=0))


def _labels(said: Sites) -> np.ndarray:
    if "label" not in said.extra:
        raise CapabilityError("these sites are no boxes", wanted="the sites of a detector")
    return np.asarray(said.extra["label"], dtype=np.int64)


def _stretched(x: np.ndarray, high: int, wide: int) -> np.ndarray:
    """A map on a finer grid, every place repeated."""
    return x[:, np.arange(high) * x.shape[1] // high][:, :, np.arange(wide) * x.shape[2] // wide]
