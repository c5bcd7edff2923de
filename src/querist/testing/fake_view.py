"""A PoolView over plain arrays: acquisitions are tested without any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from querist.core.contracts import STATISTICS
from querist.core.errors import CapabilityError
from querist.core.order import canonical
from querist.core.rng import stream
from querist.core.sites import Sites
from querist.core.statistic import rows_of
from querist.kernels.logits import softmax


@dataclass
class FakeView:
    """Statistics by group and name.

    Attributes:
        candidates, labelled, pending: Ids in canonical order.
        labels: Class position per labelled item.
        classes: Number of classes.
        round: Number of the round.
        stats: group → name → array or pair.
        memory: What the method's last selection left for this one.
    """

    candidates: Sequence[str]
    labelled: Sequence[str] = ()
    pending: Sequence[str] = ()
    labels: Sequence[int] = ()
    classes: int = 3
    round: int = 1
    stats: dict[str, dict[str, Any]] = field(default_factory=dict)
    memory: Mapping[str, Any] | None = None

    def stat(self, name: str, of: str = "candidates") -> Any:
        """See `PoolView.stat`."""
        try:
            return self.stats[of][name]
        except KeyError:
            raise CapabilityError(f"no statistic {name!r} of {of} here") from None

    def fold(self, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        """See `SitesView.fold`: items are their own only sites, of one chunk."""
        rows = self.stat(name if name in self.stats[of] else "probs", of)
        rows = rows if places is None else rows[places]
        offsets = np.arange(len(rows) + 1)
        return np.asarray(fn(Sites(offsets, values=rows) if name == "values" else Sites(offsets, probs=rows)))

    @classmethod
    def random(cls, n: int = 40, labelled: int = 6, pending: int = 2, k: int = 4, c: int = 3, d: int = 5, seed: int = 0) -> FakeView:
        """Statistics drawn at random, with every name that the contracts know."""
        rng = stream(seed, 0, "oracle")
        total = n + labelled + pending
        order = rng.permutation(total)
        ids = canonical(f"item-{row}" for row in range(total))
        rows = {"candidates": np.sort(order[:n]), "labelled": np.sort(order[n : n + labelled]), "pending": np.sort(order[n + labelled :])}
        centres = rng.normal(size=(c, d)) * 2
        features = (centres[rng.integers(c, size=total)] + rng.normal(size=(total, d))).astype(np.float32)
        logits = features @ rng.normal(size=(d, c)) * 0.5
        samples = logits[:, None, :] + rng.normal(size=(total, k, c)) * 0.7
        return cls.of(ids, rows, features, softmax(samples).astype(np.float32), rng.integers(c, size=labelled).tolist())

    @classmethod
    def of(cls, ids: Sequence[str], rows: dict[str, np.ndarray], features: np.ndarray, probs: np.ndarray, labels: Sequence[int]) -> FakeView:
        """A view over rows of common arrays; gradients follow from probabilities and features, the rest is drawn."""
        from querist.kernels.accumulated import Accumulator
        from querist.kernels.gradients import residual

        rng = stream(len(ids), 0, "oracle")
        whole: dict[str, Any] = {"features": features, "probs": probs, "sites": probs, "gradients": (residual(probs.mean(axis=1)), features)}
        for name in ("costs", "boundary_distance", "iterative_distance", "word_gradient", "mix_flip"):
            whole[name] = rng.uniform(0.5, 2.0, size=len(ids)).astype(np.float32)
        whole["values"] = rng.normal(size=(len(ids), probs.shape[1], 2)).astype(np.float32)
        whole["head_samples"] = softmax(np.log(probs[:, :1] + 1e-6) + rng.normal(size=(len(ids), 3, probs.shape[2]))).astype(np.float32)
        whole["codes"] = rng.normal(size=(len(ids), 5)).astype(np.float32)
        sums = Accumulator(len(ids), probs.shape[2])
        for sample in range(probs.shape[1]):
            sums.add(probs[:, sample])
        whole["checkpoint_moments"] = sums.moments
        for name in sorted(STATISTICS.keys() - whole.keys()):  # what schemes' modules say of an item
            whole[name] = rng.normal(size=len(ids)).astype(np.float32)
        stats = {group: {name: rows_of(value, r) for name, value in whole.items()} for group, r in rows.items()}
        groups = {group: [ids[i] for i in r] for group, r in rows.items()}
        return cls(groups["candidates"], groups["labelled"], groups["pending"], labels, probs.shape[2], stats=stats)

    def take(self, rows: np.ndarray) -> FakeView:
        """The same view with some of its candidates."""
        chosen = {name: rows_of(value, rows) for name, value in self.stats["candidates"].items()}
        ids = [self.candidates[i] for i in rows]
        return replace(self, candidates=ids, stats={**self.stats, "candidates": chosen})

    def filled(self, name: str, value: Any) -> FakeView:
        """The same view with one statistic of the candidates replaced."""
        return replace(self, stats={**self.stats, "candidates": {**self.stats["candidates"], name: value}})
