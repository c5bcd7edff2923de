"""How far masks overlap: Dice and intersection over union, and what disagrees where several maps of one item were binarised.

Reference:
    Zhao et al. 2020, arXiv 2005.03225 (deeply supervised active learning: the outputs of three decoder stages).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def dice(a: Bool[np.ndarray, "n ..."], b: Bool[np.ndarray, "n ..."], smooth: float = 1.0) -> Float[np.ndarray, " n"]:
    """(2 |a ∩ b| + smooth) / (|a| + |b| + smooth), in [0, 1]; two empty masks agree (1 for any smooth > 0)."""
    both, either = _sizes(a, b)
    return (2.0 * both + smooth) / (either + smooth)


def iou(a: Bool[np.ndarray, "n ..."], b: Bool[np.ndarray, "n ..."], smooth: float = 1.0) -> Float[np.ndarray, " n"]:
    """(|a ∩ b| + smooth) / (|a ∪ b| + smooth), in [0, 1]."""
    both, either = _sizes(a, b)
    return np.asarray((both + smooth) / (either - both + smooth))


def side_disagreement(masks: Bool[np.ndarray, "n m ..."], smooth: float = 1.0) -> Float[np.ndarray, " n"]:
    """1 - mean Dice of the first mask with each of the others, in [0, 1]: final output against side outputs; 0 for one mask."""
    if masks.shape[1] < 2:
        return np.zeros(len(masks))
    return np.asarray(1.0 - np.mean([dice(masks[:, 0], masks[:, other], smooth) for other in range(1, masks.shape[1])], axis=0))


def set_disagreement(masks: Bool[np.ndarray, "n m ..."], smooth: float = 1.0) -> Float[np.ndarray, " n"]:
    """1 - mean Dice over all pairs of the m masks, in [0, 1] (`set_disagree`); 0 for one mask."""
    pairs = [dice(masks[:, a], masks[:, b], smooth) for b in range(masks.shape[1]) for a in range(b)]
    return 1.0 - np.mean(pairs, axis=0) if pairs else np.zeros(len(masks))


def _sizes(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|a ∩ b| and |a| + |b|, float64."""
    axes = tuple(range(1, a.ndim))
    return (a & b).sum(axis=axes, dtype=np.float64), a.sum(axis=axes, dtype=np.float64) + b.sum(axis=axes, dtype=np.float64)
