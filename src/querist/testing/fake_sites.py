"""A view of items with sites over plain arrays: what a method does with tokens, pixels, boxes and numbers is tested without any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from querist.core.contracts import Fold
from querist.core.order import canonical
from querist.core.rng import stream
from querist.core.sites import Sites, joined
from querist.kernels.folding import Aggregator
from querist.kernels.logits import softmax
from querist.kernels.site_gradients import site_gradients
from querist.tasks.heads import kind
from querist.testing.box_view import boxes
from querist.testing.fake_view import FakeView

CHUNK: Final = 7
"""Items folded at once: no divisor of anything."""

SHAPES: Final = {
    "multi_output": (5, 5, 2), "tagging": (1, 9, 5), "dense": (16, 16, 3), "detection": (0, 6, 4), "instance": (0, 6, 4),
    "link": (12, 12, 2), "sequence": (6, 6, 8), "regression": (1, 1, 2),
}  # fmt: skip
"""Kind → fewest and most sites of an item, classes (or numbers) of a site."""


@dataclass
class FakeSites(FakeView):
    """See `FakeView`; the statistic `sites` (or `values`) of a group is an array of `Sites`, one an item.

    Attributes:
        aggregator: How scores of sites become scores of items.
    """

    aggregator: Aggregator = Aggregator()

    @classmethod
    def of_kind(cls, name: str, n: int = 40, labelled: int = 6, pending: int = 2, k: int = 4, seed: int = 0) -> FakeSites:
        """A view of a kind with sites, drawn at random; some items of detection are empty."""
        rng = stream(seed, 0, "oracle")
        ids = canonical(f"item-{row}" for row in range(n + labelled + pending))
        order = rng.permutation(len(ids))
        rows = {"candidates": np.sort(order[:n]), "labelled": np.sort(order[n : n + labelled]), "pending": np.sort(order[n + labelled :])}
        said = np.empty(len(ids), dtype=object)
        for item in range(len(ids)):
            said[item] = one(name, k, rng)
        whole = _statistics(name, said, rng)
        stats = {group: {key: _rows(value, places) for key, value in whole.items()} for group, places in rows.items()}
        groups = {group: [ids[place] for place in places] for group, places in rows.items()}
        by = Aggregator(kind(name).aggregator)
        return cls(groups["candidates"], groups["labelled"], groups["pending"], (), SHAPES[name][2], stats=stats, aggregator=by)

    def fold(self, name: str, fn: Fold, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        """See `SitesView.fold`."""
        said = self.stat(name, of)
        said = said if places is None else said[places]
        if not len(said):
            return np.empty((0,))
        return np.concatenate([np.asarray(fn(joined(list(said[first : first + CHUNK])))) for first in range(0, len(said), CHUNK)])


def one(name: str, k: int, rng: np.random.Generator) -> Sites:
    """One item of a kind."""
    low, high, c = SHAPES[name]
    s = int(rng.integers(low, high + 1))
    features = rng.normal(size=(s, 4)).astype(np.float32)
    logits = features @ rng.normal(size=(4, c)) + rng.normal(size=(k, s, c))
    if name == "regression":
        return Sites(np.array([0, s]), values=logits.transpose(1, 0, 2), noise=np.exp(logits).transpose(1, 0, 2), features=features)
    corner = rng.uniform(0, 40, size=(s, 2))
    if name in ("detection", "instance"):
        return boxes(softmax(logits.transpose(1, 0, 2)), np.concatenate([corner, corner + rng.uniform(4, 20, size=(s, 2))], axis=1), features, rng)
    return Sites(
        np.array([0, s]), probs=softmax(logits.transpose(1, 0, 2)).astype(np.float32), features=features, grid=(4, 4) if name == "dense" else None,
        items={"sequence_logprob": -rng.exponential(size=(1, k)) * s} if name in ("tagging", "sequence") else {},
    )  # fmt: skip


def _statistics(name: str, said: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    embedded = site_gradients(joined(list(said)))
    features = np.stack([np.zeros(4) if not part.count else part.features.mean(axis=0) for part in said]) + 0.1 * rng.normal(size=(len(said), 4))
    whole: dict[str, Any] = {kind(name).sites: said, "features": features.astype(np.float32), "gradients": (np.ones((len(said), 1), np.float32), embedded)}
    for further in ("costs", "loss_estimate"):
        whole[further] = rng.uniform(0.5, 2.0, size=len(said)).astype(np.float32)
    return whole


def _rows(value: Any, places: np.ndarray | Sequence[int]) -> Any:
    return tuple(part[places] for part in value) if isinstance(value, tuple) else value[places]
