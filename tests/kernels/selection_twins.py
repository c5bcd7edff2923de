"""Plain twins of the selections, and pools that are hard for them."""

from __future__ import annotations

import numpy as np

from querist.core.rng import stream

N = 500


def squared(x: np.ndarray, row: np.ndarray) -> np.ndarray:
    gap = x.astype(np.float64) - row.astype(np.float64)
    return np.asarray(np.einsum("nd,nd->n", gap, gap))


def plain_k_center(x: np.ndarray, centres: np.ndarray, k: int) -> tuple[list[int], list[float]]:
    near, picks, values = np.full(len(x), np.inf), [], []
    for centre in centres:
        near = np.minimum(near, squared(x, centre))
    for _ in range(min(k, len(x))):
        if picks or len(centres):
            pick = int(np.argmax(near))
        else:
            to_mean = squared(x, x.mean(axis=0, dtype=np.float64))
            pick = int(np.argmax(to_mean <= to_mean.min() * (1 + 1e-9)))
        picks.append(pick)
        values.append(float(near[pick]))
        near = np.minimum(near, squared(x, x[pick]))
        near[picks] = -np.inf
    return picks, values


def plain_lcmd(x: np.ndarray, centres: np.ndarray, k: int) -> tuple[list[int], list[int]]:
    near, owner, free, picks, clusters = np.full(len(x), np.inf), np.full(len(x), -1), np.ones(len(x), dtype=bool), [], []
    known = list(centres)
    for position, centre in enumerate(known):
        gap = squared(x, centre)
        owner[gap < near], near = position, np.minimum(gap, near)
    for _ in range(min(k, len(x))):
        if known:
            weights = np.bincount(owner, near, minlength=len(known))
            members = np.flatnonzero(owner == weights.argmax())
            pick = int(members[near[members].argmax()]) if weights.max() > 0 else int(free.argmax())
        else:
            pick = int(np.argmax(squared(x, np.zeros(x.shape[1]))))
        picks.append(pick)
        clusters.append(int(owner[pick]))
        gap = squared(x, x[pick])
        owner[gap < near], near = len(known), np.minimum(gap, near)
        owner[pick], near[pick], free[pick] = len(known), 0.0, False
        known.append(x[pick])
    return picks, clusters


def pools() -> dict[str, np.ndarray]:
    """Name → pool: what makes float32 or a shortcut choose otherwise."""
    rng = stream(0, 0, "oracle")
    twenty = 1000 * rng.normal(size=(20, 8))
    return {
        "gauss": rng.normal(size=(N, 32)).astype(np.float32),
        "power law": (rng.normal(size=(N, 64)) * np.arange(1, 65) ** -1.0).astype(np.float32),
        "far from the origin": (rng.normal(size=(N, 16)) + 1000).astype(np.float32),
        "duplicates": rng.normal(size=(60, 16)).astype(np.float32)[rng.integers(0, 60, N)],
        "all the same": np.ones((N, 5), dtype=np.float32),
        "grid": rng.integers(0, 9, size=(N, 2)).astype(np.float32),
        "small grid, float64": rng.integers(0, 4, size=(N, 5)).astype(np.float64),
        "rectified, low rank": np.maximum(rng.normal(size=(N, 6)) @ rng.normal(size=(6, 64)), 0).astype(np.float32),
        "tight clusters far apart": (rng.normal(size=(N, 8)) * 1e-2 + twenty[rng.integers(0, 20, N)]).astype(np.float32),
        "tiny": (rng.normal(size=(N, 8)) * 1e-25).astype(np.float32),
        "huge": (rng.normal(size=(N, 8)) * 1e30).astype(np.float32),
        "float16": rng.normal(size=(N, 8)).astype(np.float16),
        "near-ties": np.repeat(rng.normal(size=(N // 5, 8)), 5, axis=0) * (1 + 1e-9 * rng.normal(size=(N, 1))),
        "corners": rng.integers(0, 2, size=(N, 12)).astype(np.float32),
        "one column": rng.normal(size=(N, 1)).astype(np.float32),
    }
