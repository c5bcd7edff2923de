"""Random draws with a plan: balanced over predicted classes, or stratified by clusters of the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.embeddings import Features
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.records import Selection
from querist.kernels.allocation import round_robin, systematic
from querist.kernels.information import predictive
from querist.kernels.weighted_kmeans import assign, weighted_kmeans


@dataclass(frozen=True)
class RandomBalanced:
    """One random item of every predicted class, in random order of the classes, then another one of each, and so on."""

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`."""
        return frozenset({"probs"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; all scores are 0."""
        if k <= 0 or not len(view.candidates):
            return Selection((), ())
        classes = finite(predictive(view.stat("probs")), view.candidates, "probs").argmax(axis=1)
        rows = round_robin(classes, k, rng)
        why = tuple(f"drawn from predicted class {classes[row]}" for row in rows)
        return selection(view, rows, (0.0,) * len(rows), why)


@dataclass(frozen=True)
class RandomStratified:
    """From every k-means cluster of the features its share of the batch, rounded up or down; every item is as likely as any other.

    Attributes:
        strata: Number of clusters.
        sample: Candidates from which the centres are learnt, drawn at random when there are more.
        iterations: Most Lloyd steps.
    """

    strata: int = 20
    sample: int = 20_000
    iterations: int = 20

    @property
    def needs(self) -> frozenset[str]:
        """Always `features`."""
        return frozenset({"features"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; all scores are 0."""
        n = len(view.candidates)
        if k <= 0 or not n:
            return Selection((), ())
        x = Features().coordinates(view)
        drawn = np.sort(rng.permutation(n)[: self.sample])
        centres = weighted_kmeans(x[drawn], np.ones(len(drawn)), max(self.strata, 1), rng, self.iterations).centres
        strata, _ = assign(x, centres)
        sizes = np.bincount(strata, minlength=len(centres))
        rows = systematic(strata, k, rng)
        why = tuple(f"drawn from stratum {strata[row]} with {sizes[strata[row]]} of {n} candidates" for row in rows)
        return selection(view, rows, (0.0,) * len(rows), why)
