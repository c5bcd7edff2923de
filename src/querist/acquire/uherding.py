"""Uncertainty herding: MaxHerding with every item weighted by a tempered uncertainty, and a radius that shrinks with the labels.

Few labels: the held-out probe is calibrated only by a high temperature, weights are nearly equal, the radius is wide (MaxHerding).
Many: confident probabilities and a tiny radius, where an item covers itself only (margin).

Reference:
    Bae, Oliveira & Sutherland 2025 (ICLR), arXiv 2412.20644.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.compose import Subview
from querist.acquire.coverage import with_rest
from querist.acquire.selectors import selection
from querist.acquire.sites import item_scores
from querist.acquire.unit import SAMPLE, Unit, sampled
from querist.core.contracts import PoolView
from querist.core.optional import require
from querist.core.records import Selection
from querist.kernels import calibration, herding, information, neighbours

GRID = np.arange(1.0, 20.0, 0.1)
"""Temperatures tried."""

FOLDS = 3

LOOSE = 1000.0
"""Inverse regularisation of the probe: it may be as sure of itself as a network's head, else there is nothing to calibrate."""


@dataclass(frozen=True)
class UHerding:
    """Greedy argmax_j Σ_i u_i max(0, k(x_i, x_j) - c_i): u the margin uncertainty after tempering, k a Gaussian.

    Attributes:
        width: Width of the Gaussian while fewer than two places are covered; then it is their smallest distance.
        temperature: 0 finds it on held-out labels of a logistic probe of the features; else this one.
        sample: As in `FacilityLocation`.
    """

    width: float = 1.0
    temperature: float = 0.0
    sample: int = SAMPLE

    folds: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[str]:
        """Probabilities weigh, features cover."""
        return frozenset({"probs", "features"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        rows, note = sampled(len(view.candidates), k, self.sample)
        looked = Subview(view, rows) if note else view
        x, covered = Unit().coordinates(looked), Unit().covered(view)
        gap, temperature = neighbours.smallest_gap(covered) if len(covered) > 1 else np.inf, self._temperature(view, covered)
        width = gap if np.isfinite(gap) else self.width
        weights = np.ones(len(rows))
        if not np.isinf(temperature):
            weights = finite(item_scores(looked, partial(self._weights, temperature=temperature)), looked.candidates, "probs")
        picks, gains = herding.facility_location(x, covered, herding.Gaussian(width), k, weights)
        told = "equal weights" if np.isinf(temperature) else f"temperature {temperature:.3g}"
        why = [f"adds {gain:.4g} to the coverage of uncertainty, of its own {weights[row]:.3g} (radius {width:.3g}, {told}){note}"
               for row, gain in zip(picks, gains, strict=True)]  # fmt: skip
        found = with_rest(x, covered, picks, gains, k, why)
        return selection(view, rows[found.rows], found.values, found.why)

    @staticmethod
    def _weights(probs: np.ndarray, temperature: float) -> np.ndarray:
        """1 - (p(1) - p(2)) of the tempered mean probabilities."""
        return information.margin(calibration.temper(information.predictive(probs), temperature)[:, None])

    def _temperature(self, view: PoolView, covered: np.ndarray) -> float:
        """The given or fitted temperature; infinite (equal weights) where nothing is labelled or nothing could be held out."""
        if self.temperature:
            return self.temperature
        labels = np.asarray(view.labels, dtype=np.int64)
        if not len(labels):
            return 1.0 if len(view.labelled) else np.inf
        held_out = probe(covered[: len(labels)], labels)
        return np.inf if held_out is None else calibration.best_temperature(held_out, labels, GRID)


def probe(x: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Held-out probabilities (n, c) of a logistic regression by three folds, each class dealt out in turn; None if a fold lacks two classes."""
    fold = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        fold[rows] = np.arange(len(rows)) % FOLDS
    if any(len(np.unique(labels[fold != part])) < 2 for part in range(FOLDS)):
        return None
    model = require("sklearn.linear_model", by="uncertainty herding").LogisticRegression
    out = np.zeros((len(labels), int(labels.max()) + 1))
    for part in np.unique(fold):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a probe that has not quite converged serves as well
            fitted = model(C=LOOSE, max_iter=300).fit(x[fold != part], labels[fold != part])
        out[np.ix_(fold == part, fitted.classes_)] = fitted.predict_proba(x[fold == part])
    return out
