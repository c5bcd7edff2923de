"""Items whose prediction a small change disputes, one for each cluster of them: ALFA-Mix and DropQuery.

Reference:
    Parvaneh et al. 2022 (ALFA-Mix), arXiv 2203.07034; Gupte et al. 2024 (DropQuery), arXiv 2401.14555.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.scores import Margin
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels.information import predictive
from querist.kernels.medoids import medoids
from querist.kernels.neighbours import unit


class Dispute(NamedTuple):
    """Who is disputed (n,), how much (n,; decides who fills up first), and what disputes them, in words."""

    disputed: np.ndarray
    degree: np.ndarray
    why: str


class Disputant(Protocol):
    """A frozen dataclass that disputes predictions."""

    @property
    def needs(self) -> frozenset[str]: ...

    def __call__(self, view: PoolView, k: int) -> Dispute: ...


@dataclass(frozen=True)
class Mixes:
    """Feature mixes with labelled class anchors that change the prediction; the cap grows until more than k items flip.

    Attributes:
        cap: First cap, and what it grows by, up to 1.
    """

    cap: float = 0.2

    @property
    def needs(self) -> frozenset[str]:
        """Always `mix_flip`."""
        return frozenset({"mix_flip"})

    def __call__(self, view: PoolView, k: int) -> Dispute:
        """See `Disputant`."""
        if not 0 < self.cap <= 1:
            raise UsageError("a mix takes a part of an anchor", got=f"cap={self.cap:g}", wanted="0 < cap ≤ 1")
        caps = finite(np.asarray(view.stat("mix_flip"), dtype=np.float64), view.candidates, "mix_flip")
        for step in range(1, int(np.ceil(1.0 / self.cap - 1e-9)) + 1):
            cap = min(step * self.cap, 1.0)
            flips = (caps > 0) & (caps <= cap)
            if flips.sum() > k:
                break
        return Dispute(flips, np.zeros(len(caps)), f"mixes of up to {cap:.3g} flip")


@dataclass(frozen=True)
class Dropout:
    """Dropped features that change the prediction in more than half of the passes."""

    @property
    def needs(self) -> frozenset[str]:
        """The passes, and the prediction without dropout."""
        return frozenset({"head_samples", "probs"})

    def __call__(self, view: PoolView, k: int) -> Dispute:
        """See `Disputant`."""
        samples, probs = (finite(np.asarray(view.stat(name)), view.candidates, name) for name in ("head_samples", "probs"))
        predicted = predictive(probs).argmax(axis=1)
        changed = (samples.argmax(axis=2) != predicted[:, None]).sum(axis=1)
        return Dispute(changed > samples.shape[1] // 2, changed.astype(np.float64), f"more than half of {samples.shape[1]} dropout passes change")


@dataclass(frozen=True)
class Disputed:
    """Cluster the features of disputed items by k-means and take the item nearest to each centre.

    When fewer than k are disputed all of them are taken; the most disputed of the others, by margin where equal, fill up.

    Attributes:
        by: Who disputes.
        unit: Cluster features of length 1.
    """

    by: Disputant = Mixes()
    unit: bool = True

    @property
    def needs(self) -> frozenset[str]:
        """What the disputant needs, features to cluster, and probabilities for the margin."""
        return self.by.needs | {"features", "probs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; scores are shares of the disputed items, and of those that fill up margin - 1."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        dispute, margin = self.by(view, k), finite(Margin()(view), view.candidates, "margin")
        rows = np.flatnonzero(dispute.disputed)
        features = finite(np.asarray(view.stat("features")), view.candidates, "features")[rows]
        found = medoids(unit(features) if self.unit else features, k, rng)
        others = np.setdiff1d(np.arange(len(view.candidates)), rows)
        fill = others[np.lexsort((others, -margin[others], -dispute.degree[others]))[: k - len(found.rows)]]
        shares = found.sizes / max(len(rows), 1)
        why = [f"stands for {size} of {len(rows)} items that {dispute.why}" for size in found.sizes]
        why += [f"fills up: only {len(rows)} items are disputed; margin {margin[row]:.4g}" for row in fill]
        return selection(view, (*rows[found.rows], *fill), (*shares, *(margin[fill] - 1.0)), why)
