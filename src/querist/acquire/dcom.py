"""DCoM: coverage while little is covered, margin when much is, blended by how competent the model has become.

Reference:
    Mishal & Weinshall 2024, arXiv 2407.01804.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.coverage import ball_radius
from querist.acquire.groups import settled_rows
from querist.acquire.selectors import selection
from querist.acquire.unit import SAMPLE, Unit, sampled
from querist.core.contracts import PoolView
from querist.core.records import Selection
from querist.kernels import covering, information


@dataclass(frozen=True)
class DCoM:
    """Greedy by s · margin + (1 - s) · uncovered neighbours, both scaled to [0, 1] over the candidates.

    s = (1 + exp(-steepness (1 - centre))) / (1 + exp(-steepness (coverage - centre))), coverage = share of all items inside a
    labelled item's ball. Such a ball is as wide as 0.2 · coverage + 0.4 of what it holds is predicted as its label.

    Attributes:
        steepness: Of the logistic function.
        centre: Coverage at which margin takes half.
        widest: Largest radius of a ball, times the first radius.
        delta: The first radius; 0 takes ProbCover's rule with `purity`.
        purity: Share of pure balls in that rule.
        sample: As in `FacilityLocation`.
    """

    steepness: float = 50.0
    centre: float = 0.8
    widest: float = 1.5
    delta: float = 0.0
    purity: float = 0.95
    sample: int = SAMPLE

    @property
    def needs(self) -> frozenset[str]:
        """Probabilities for margin and pseudo-labels, features for coverage."""
        return frozenset({"probs", "features"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        x, covered = Unit().coordinates(view), Unit().covered(view)
        probs = finite(np.asarray(view.stat("probs")), view.candidates, "probs")
        radii, delta, coverage = self._balls(view, x, covered, probs, rng)
        share = self.share(coverage)
        rows, note = sampled(len(x), k, self.sample)
        margin = _scaled(information.margin(probs[rows]))
        live = covering.outside(x[rows], covered, radii)
        picks, fresh, values = covering.ball_cover(x[rows], live, delta, k, lambda gains: share * margin + (1 - share) * _scaled(gains))
        why = [f"{count} uncovered items within {delta:.3g}, scaled margin {margin[row]:.3g} with weight {share:.3g} (coverage {coverage:.2f}){note}"
               for row, count in zip(picks, fresh, strict=True)]  # fmt: skip
        return selection(view, rows[picks], values, why)

    def share(self, coverage: float) -> float:
        """Weight of margin: nearly 0 far below `centre`, 1 at full coverage."""
        return float((1 + np.exp(-self.steepness * (1 - self.centre))) / (1 + np.exp(-self.steepness * (coverage - self.centre))))

    def _balls(self, view: PoolView, x: np.ndarray, covered: np.ndarray, probs: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
        """Radius of every covered item's ball, the radius of the picks, and the coverage."""
        everything = np.concatenate([covered, x])
        delta = self.delta or ball_radius(everything, view.classes, self.purity, self.sample, rng)
        radii = np.full(len(covered), delta)
        labels = np.asarray(view.labels, dtype=np.int64)
        if len(labels) and np.isfinite(delta):
            coverage = 1.0 - float(covering.outside(everything, covered, radii).mean())
            predicted = np.concatenate([information.predictive(part).argmax(axis=1) for part in (*settled_rows(view, "probs"), probs)])
            pure = covering.pure_radii(everything, predicted, covered[: len(labels)], labels, self.widest * delta, 0.2 * coverage + 0.4)
            # Nobody has said what the pending items are: their balls are of the usual size.
            radii = np.concatenate([pure, np.full(len(covered) - len(labels), pure.mean())])
        return radii, float(radii.mean()) if len(radii) else delta, 1.0 - float(covering.outside(everything, covered, radii).mean())


def _scaled(values: np.ndarray) -> np.ndarray:
    """Min–max to [0, 1]; zeros where all are equal."""
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / (high - low) if high > low else np.zeros(len(values)))
