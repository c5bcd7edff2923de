"""Batches that trade uncertainty against the similarity of their members, with steps of exploration (Exploration-P).

Reference:
    Yin et al. 2017, doi:10.1109/ICDM.2017.67.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from querist.kernels.budget import current

TINY = float(np.finfo(np.float32).tiny)
"""A probability of 0 counts as the smallest normal float32."""


def centred_log_probs(mean: Float[np.ndarray, "n c"], *, unit: bool) -> Float[np.ndarray, "n c"]:
    """The logits up to a constant per item: log p minus its mean over the classes; of length 1 (or 0) if `unit`."""
    logs = np.log(np.maximum(mean.astype(np.float64), TINY))
    f = logs - logs.mean(axis=1, keepdims=True)
    if unit:
        length = np.sqrt(np.einsum("nc,nc->n", f, f))[:, None]
        f = np.divide(f, length, out=np.zeros_like(f), where=length > 0)
    return np.asarray(f)


def explore_exploit(
    uncertainty: Float[np.ndarray, " n"],
    f: Float[np.ndarray, "n c"],
    k: int,
    alpha: float,
    explore: Bool[np.ndarray, " k"],
    shortlist: Int[np.ndarray, " s"],
    covered: Float[np.ndarray, "m c"],
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"], Bool[np.ndarray, " k"]]:
    """Pick k rows, one after the other, at O(n·c) each through a running sum.

    Args:
        uncertainty: E_i, higher = more wanted.
        f: Similarity of i and j is f_i·f_j.
        k: How many, at most n.
        alpha: Weight of the redundancy: an exploiting step takes the largest E_i - (alpha / |S|) Σ_{j in S} f_i·f_j.
        explore: Which steps explore instead: they take the row of the shortlist with the least mean similarity to `covered` and S
            (with neither, the step exploits).
        shortlist: Rows that exploration may take, at least k.
        covered: f of labelled and pending items.

    Returns:
        Rows; the exploiting objective of each at its step; whether the step explored. Ties go to the lower row.
    """
    free = np.ones(len(uncertainty), dtype=bool)
    listed = np.zeros(len(uncertainty), dtype=bool)
    listed[shortlist] = True
    batch, known = np.zeros(f.shape[1]), covered.sum(axis=0, dtype=np.float64)
    rows, values, explored = np.empty(k, dtype=np.int64), np.empty(k), np.zeros(k, dtype=bool)
    for step in range(k):
        wanted = uncertainty - (alpha / max(step, 1)) * (f @ batch)
        explored[step] = explore[step] and step + len(covered) > 0
        if explored[step]:
            row = int(np.argmin(np.where(free & listed, f @ (known + batch), np.inf)))
        else:
            row = int(np.argmax(np.where(free, wanted, -np.inf)))
        rows[step], values[step] = row, wanted[row]
        free[row] = False
        batch += f[row]
        current().picked(step + 1, k)
    return rows, values, explored
