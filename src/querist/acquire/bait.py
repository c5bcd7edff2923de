"""BAIT: the batch that lowers tr(M⁻¹ F) most, M the Fisher information of what is labelled, F of the whole pool.

Reference:
    Ash et al. 2021, arXiv 2106.09675; two classes and the binary form: Huseljic et al. 2024, arXiv 2404.08981.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.groups import settled
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels import fisher, information, ranking
from querist.kernels.geometry import ROWS

WIDE: Final = 8192
"""Side of the information matrix (classes × dimensions) above which features are reduced: 512 MB in float64."""
REDUCED: Final = 64
MATRICES: Final = 6
"""Matrices of that side that are held at a time: target, start, inverse, spread, and two on the way."""
LEAST: Final = 64
"""Candidates that must be able to compete, however small the batch is."""
EXPECTATIONS: Final[Mapping[str, Callable[[Any], Any]]] = {"all": fisher.full_rows, "top2": fisher.top_rows, "binary": fisher.binary_rows}


@dataclass(frozen=True)
class BAIT:
    """Forward–backward greedy selection by the last layer's Fisher information. Pending items count as labelled.

    Time O(n·q²·d²) once and O(n·q·d·r) per pick; memory (q·d)² and `table_bytes` for the candidates' tables. Here q = r = c
    for `all`, q = c and r = 2 for `top2`, q = r = 1 for `binary`.

    Attributes:
        expectation: Over `all` classes, over the `top2` most probable ones, or `binary`: predicted class against the rest.
        ridge: λ of M = λI + …
        official_scaling: Weigh a candidate b/(n_L + b) as the published code does, not 1/(n_L + b) like a labelled item.
        extra: The forward pass picks `extra`·k, the backward pass removes down to k.
        pca_dim: Principal directions of the features that are kept; None keeps all while q·d ≤ 8192, then 64 or as many as fit.
        prefilter: Only the `prefilter`·k candidates of smallest margin compete; 0: as many as `table_bytes` holds, all if possible.
        table_bytes: What the candidates' tables may take.
        max_bytes: What matrices and tables may take in all; what needs more is refused before anything is made.
    """

    expectation: str = "all"
    ridge: float = 1.0
    official_scaling: bool = False
    extra: int = 2
    pca_dim: int | None = None
    prefilter: int = 0
    table_bytes: int = 1 << 29
    max_bytes: int = 7 << 29

    @property
    def needs(self) -> frozenset[str]:
        """`probs` and `features`, of candidates, labelled and pending items."""
        return frozenset({"probs", "features"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        if self.expectation not in EXPECTATIONS or not self.ridge > 0:
            raise UsageError("BAIT cannot do this", got=(self.expectation, self.ridge), wanted=f"one of {', '.join(EXPECTATIONS)}, and λ > 0")
        self._refuse(view.stat("probs").shape[-1], view.stat("features").shape[-1], k)
        rows = EXPECTATIONS[self.expectation]
        p, h = _statistics(view, "candidates")
        known = [_statistics(view, of) for of, _ in settled(view)]
        q = rows(p[:1]).shape[2]
        axes = self._axes(q, [h, *(features for _, features in known)])
        h, known = _reduced(h, axes), [(probs, _reduced(features, axes)) for probs, features in known]
        labelled = sum(len(probs) for probs, _ in known)
        seen = sum((fisher.information(rows, *pair) for pair in known), start=np.zeros((q * h.shape[1],) * 2))
        target = (fisher.information(rows, p, h) + seen) / (len(p) + labelled)
        # The mean information of the labelled, times n_L/(n_L + b), is their sum over n_L + b.
        start = self.ridge * np.eye(len(seen)) + seen / (labelled + k)
        weight = (k if self.official_scaling else 1) / (labelled + k)
        kept = self._kept(p, h.shape[1], k)
        found = fisher.forward_backward(rows(p[kept]), h[kept].astype(np.float64), start, target, weight, k, max(self.extra, 1))
        why = tuple(f"lowers the trace by {gain:.3g} of {found.before:.3g} (after the batch {found.after:.3g})" for gain in found.gains)
        return selection(view, kept[found.rows], found.gains, why)

    def _axes(self, q: int, features: list[np.ndarray]) -> np.ndarray | None:
        """Principal directions (d, pca_dim), of the second moment about 0: information is about hhᵀ, not about centred features."""
        d = features[0].shape[1]
        wanted = self._directions(q, d)
        if wanted >= d:
            return None
        moment = np.zeros((d, d))
        for part in features:
            for start in range(0, len(part), ROWS):
                block = part[start : start + ROWS].astype(np.float64)
                moment += block.T @ block
        return np.linalg.eigh(moment)[1][:, ::-1][:, :wanted]

    def needed(self, classes: int, d: int, k: int) -> int:
        """Bytes of the information matrices and of the least tables for a batch of k from features of d dimensions."""
        r, q = {"all": (classes, classes), "top2": (2, classes)}.get(self.expectation, (1, 1))
        side = q * min(d, self._directions(q, d))
        return 8 * (MATRICES * side**2 + 2 * r**2 * max(self.extra * k, LEAST))

    def _refuse(self, classes: int, d: int, k: int) -> None:
        needed = self.needed(classes, d, k)
        if needed > self.max_bytes:
            side = min(d, self._directions(1 if self.expectation == "binary" else classes, d))
            got = f"c·d = {classes:,}·{side:,}, a batch of {k:,}: {needed / 1e9:.1f} GB"
            hint = "Use bait_top2 or bait_binary, or a smaller pca_dim." if self.expectation == "all" else "Use bait_binary, or a smaller pca_dim."
            raise UsageError(f"BAIT ({self.expectation}) is too large here", got=got, wanted=f"at most {self.max_bytes / 1e9:.1f} GB (max_bytes)", hint=hint)

    def _directions(self, q: int, d: int) -> int:
        """How many principal directions are kept; d or more: all."""
        return self.pca_dim or (d if q * d <= WIDE else max(1, min(REDUCED, WIDE // q)))

    def _kept(self, p: np.ndarray, d: int, k: int) -> np.ndarray:
        """Rows that compete, ascending: all, or those of smallest margin."""
        r, q = EXPECTATIONS[self.expectation](p[:1]).shape[1:]
        most = max(self.table_bytes // (8 * (2 * r * r + r * q + d)), self.extra * k)
        most = min(most, self.prefilter * k) if self.prefilter else most
        return np.arange(len(p)) if most >= len(p) else np.sort(ranking.top_k(information.margin(p[:, None]), most))


def _statistics(view: PoolView, of: str) -> tuple[np.ndarray, np.ndarray]:
    ids = getattr(view, of)
    p = finite(information.predictive(view.stat("probs", of)), ids, "probs")
    return p, finite(np.asarray(view.stat("features", of)), ids, "features")


def _reduced(h: np.ndarray, axes: np.ndarray | None) -> np.ndarray:
    if axes is None:
        return h
    return np.concatenate([h[start : start + ROWS].astype(np.float64) @ axes for start in range(0, len(h), ROWS)])
