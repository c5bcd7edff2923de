"""A FakeView of items with boxes, for acquisitions that read what a detector says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from querist.core.rng import stream
from querist.core.sites import Sites, offsets_of
from querist.core.statistic import rows_of
from querist.kernels.folding import Aggregator
from querist.testing.fake_view import FakeView

FINE, COARSE = 4, 2
PLACES = FINE**2 + COARSE**2
SIDE = 64.0


@dataclass
class BoxView(FakeView):
    """Every place of a detector of two levels on images of 64 pixels is a row of the statistic `sites`, (n, places, c + 1 + 4 + 1).

    Its numbers are class probabilities with background last, a box, and whether that box is kept (positive) or thrown away.
    """

    aggregator = Aggregator("sum")

    @classmethod
    def random(cls, n: int = 40, labelled: int = 6, pending: int = 2, k: int = 4, c: int = 3, d: int = 5, seed: int = 0) -> BoxView:
        """Drawn at random; about every tenth item has no box."""
        base = FakeView.random(n, labelled, pending, k, c, d, seed)
        view = cls(**{name: getattr(base, name) for name in base.__dataclass_fields__})
        rng = stream(seed, 1, "oracle")
        for group, ids in (("candidates", view.candidates), ("labelled", view.labelled), ("pending", view.pending)):
            logits = 1.5 * rng.normal(size=(len(ids), PLACES, c + 1))
            probs = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
            kept = (rng.random((len(ids), PLACES, 1)) < 0.3) & (rng.random((len(ids), 1, 1)) > 0.1)
            objects = rng.choice(priors(), size=(len(ids), 3))  # every place sees one of three objects of its image
            boxes = objects[np.arange(len(ids))[:, None], rng.integers(3, size=(len(ids), PLACES))] + rng.normal(size=(len(ids), PLACES, 4))
            drawn = {"sites": np.concatenate([probs, boxes, kept], axis=2), "class_quality": np.tile(rng.random(c), (len(ids), 1))}
            drawn["box_views"] = np.concatenate([rng.random((len(ids), 1)), rng.random((len(ids), c)) * kept.any(axis=1)], axis=1)
            view = replace(view, stats={**view.stats, group: {**view.stats.get(group, {}), **drawn}})
        return view

    def fold(self, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        """See `SitesView.fold`; two chunks."""
        raw = np.asarray(self.stat(name, of))
        raw = raw if places is None else raw[places]
        return np.concatenate([np.asarray(fn(said(part))) for part in np.array_split(raw, 2) if len(part)] or [np.empty((0,))])

    def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
        """Some rows of a statistic."""
        return rows_of(self.stat(name, of), places)


def priors() -> np.ndarray:
    """(places, 4)."""
    rows = []
    for cells in (FINE, COARSE):
        half = SIDE / cells / 2
        y, x = np.meshgrid(np.arange(half, SIDE, 2 * half), np.arange(half, SIDE, 2 * half), indexing="ij")
        middle = np.stack([x.ravel(), y.ravel()], axis=1)
        rows.append(np.concatenate([middle - half, middle + half], axis=1))
    return np.concatenate(rows)


def boxes(probs: np.ndarray, place: np.ndarray, features: np.ndarray, rng: np.random.Generator) -> Sites:
    """One item with these boxes (s, k, c + 1), (s, 4), (s, f), and beside them what a detector says at its places, drawn at random."""
    mean, classes = probs.mean(axis=1), probs.shape[2] - 1
    raw = np.concatenate([rng.dirichlet(np.ones(classes + 1), size=PLACES), priors() + rng.normal(size=(PLACES, 4)), np.zeros((PLACES, 1))], axis=1)
    own = mean[:, :classes].argmax(axis=1) if len(mean) else np.empty(0, dtype=int)
    extra = {"score": mean[:, :classes].max(axis=1, initial=0.0), "label": own, "level": np.zeros(len(mean)), "source": np.zeros(len(mean), dtype=int)}
    values = np.repeat(place[:, None], probs.shape[1], axis=1)
    return Sites(
        offsets_of(np.array([len(mean)])),
        probs=probs.astype(np.float32),
        values=values,
        place=place,
        features=features,
        extra=extra,
        items=said(raw[None]).items,
    )


def said(raw: np.ndarray) -> Sites:
    """What `DetectionHead.sites` would say of rows of the statistic."""
    probs, boxes = raw[..., :-5], raw[..., -5:-1]
    kept = ~(raw[..., -1] <= 0)  # NaN is kept: it has to be found
    level = np.tile(np.repeat([0.0, 1.0], [FINE**2, COARSE**2]), (len(raw), 1))
    own = probs[kept]
    extra = {"score": own[:, :-1].max(axis=1, initial=0.0), "label": own[:, :-1].argmax(axis=1) if len(own) else np.empty(0, dtype=int), "level": level[kept]}
    items = {"probs": probs, "boxes": boxes, "priors": np.tile(priors(), (len(raw), 1, 1)), "level": level}
    items["further"] = np.log(np.maximum(probs[..., ::-1], 1e-9))
    return Sites(
        offsets_of(kept.sum(axis=1)), probs=own[:, None], values=boxes[kept][:, None], place=boxes[kept], features=boxes[kept] / SIDE, extra=extra, items=items
    )
