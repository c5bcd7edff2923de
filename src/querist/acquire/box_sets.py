"""Batches of images by their sets of boxes: few of a list that stand for it (PPAL), or those whose classes the labels lack (CALD).

References:
    Yang, Huang & Crowley 2024 (PPAL), arXiv 2211.11612; Yu et al. 2021 (CALD), arXiv 2103.10374.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from querist.acquire.boxes import class_counts
from querist.acquire.checks import finite
from querist.acquire.ranked import whole
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.errors import CapabilityError
from querist.core.records import Selection
from querist.core.sites import Sites
from querist.core.statistic import fold_of
from querist.kernels.boxes import class_weights, jensen_shannon, set_distance
from querist.kernels.item_medoids import k_medoids
from querist.kernels.logits import softmax
from querist.kernels.ragged import binary_entropy, total
from querist.kernels.ranking import top_k

LEAST = 0.05
"""Boxes with a smaller score say nothing."""


@dataclass(frozen=True)
class PPAL:
    """Uncertain boxes count more where their class is learnt badly; of a list of such images, medoids by a distance between sets of boxes.

    Attributes:
        wide: Length of the list in batches.
        alpha: Shape of the weights of classes.
        beta: Largest surplus weight of a class.
    """

    wide: int = 4
    alpha: float = 0.3
    beta: float = 0.2

    @property
    def needs(self) -> frozenset[str]:
        """Boxes, and how well each class is learnt."""
        return frozenset({"sites", "class_quality"})

    def scored(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the first stage: Σ over boxes of the binary entropy of the score, times the weight of the class."""
        quality = finite(np.asarray(view.stat("class_quality"), dtype=np.float64), view.candidates, "class_quality")
        weights = class_weights(np.clip(quality[0], 0.0, 1.0), self.alpha, self.beta) if len(quality) else np.ones(1)

        def scores(said: Sites) -> np.ndarray:
            score, label = np.asarray(said.extra["score"], dtype=np.float64), np.asarray(said.extra["label"], dtype=np.int64)
            return total(binary_entropy(score) * weights[label], said.offsets, ~(score < LEAST) * 1.0, 0.0)

        return finite(fold_of(view, "sites", scores), view.candidates, "scores")

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        scores = self.scored(view)
        listed = np.sort(top_k(scores, whole(self.wide, "wide") * k))
        places, sizes = k_medoids(distances(box_sets(view, listed)), k)
        why = [f"stands for {size} of {len(listed)} listed; score {scores[listed[place]]:.4g}" for place, size in zip(places, sizes, strict=True)]
        return selection(view, listed[places], scores[listed[places]], why)


@dataclass(frozen=True)
class CALD:
    """Images whose boxes change most under augmentation; of these first the ones without boxes, then those whose classes the labels show least.

    Attributes:
        wide: Length of the list in batches.
        updated: Count the classes of the batch as it grows; the published code does not.
    """

    wide: float = 1.2
    updated: bool = True

    @property
    def needs(self) -> frozenset[str]:
        """Consistency and classes over views, and boxes."""
        return frozenset({"sites", "box_views"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        views = finite(np.asarray(view.stat("box_views"), dtype=np.float64), view.candidates, "box_views")
        listed = top_k(-views[:, 0], max(k, round(self.wide * k)))
        profile, known = softmax(views[listed, 1:]), class_counts(view)
        bare, open_ = views[listed, 1:].max(axis=1) <= 0, np.ones(len(listed), dtype=bool)
        rows, why, count = list[int](), list[str](), max(len(view.labelled), 1)
        for _ in range(k):
            away = jensen_shannon(profile, np.tile(softmax(known / count), (len(profile), 1)))
            place = int(np.where(open_, away + 2.0 * bare, -1.0).argmax())
            open_[place] = False
            rows.append(int(listed[place]))
            reason = "no box in any view" if bare[place] else f"its classes are {away[place]:.3g} nats from those labelled"
            why.append(f"{reason}; consistency within {views[listed[place], 0]:.3g} of the wanted one")
            if self.updated:
                known, count = known + views[listed[place], 1:], count + 1
        return selection(view, np.array(rows), -views[rows, 0], why)


def box_sets(view: Any, rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Features, classes and scores of the boxes of some candidates.

    Raises:
        CapabilityError: if the boxes have no features.
    """

    def gathered(said: Sites) -> np.ndarray:
        if said.features is None:
            raise CapabilityError("these boxes have no features", wanted="a detector whose sites have the input of its last layer")
        out = np.empty(len(said), dtype=object)
        for number in range(len(said)):
            one = said.item(number)
            score = np.asarray(one.extra["score"], dtype=np.float64)
            keep = score >= LEAST
            out[number] = (np.asarray(one.features, dtype=np.float64)[keep], np.asarray(one.extra["label"], dtype=np.int64)[keep], score[keep])
        return out

    return list(fold_of(view, "sites", gathered, "candidates", rows))


def distances(sets: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Distances (m, m) between sets of boxes: symmetric, 0 on the diagonal, at most 2."""
    out = np.zeros((len(sets), len(sets)))
    for a, b in combinations(range(len(sets)), 2):
        out[a, b] = out[b, a] = set_distance(sets[a], sets[b])
    return out
