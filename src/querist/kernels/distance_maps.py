"""Uncertainty away from contours: variances summed with the depth in the predicted mask, because every contour is uncertain.

Reference:
    Górriz et al. 2017, arXiv 1711.09168.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from querist.core.optional import require


def depth(mask: Bool[np.ndarray, "*p"]) -> Float[np.ndarray, "*p"]:
    """Distance of each pixel (or voxel) inside the mask to the nearest one outside, scaled to [0, 1] by the largest; 0 outside.

    An empty mask is 0 everywhere. In a mask without an outside the distance is that to the border of the image.
    """
    if not mask.any():
        return np.zeros(mask.shape)
    transform: Any = require("scipy.ndimage", by="a distance transform").distance_transform_edt
    padded = np.pad(mask, 1) if mask.all() else mask
    distance = np.asarray(transform(padded), dtype=np.float64)
    if mask.all():
        distance = distance[(slice(1, -1),) * mask.ndim]
    return np.asarray(distance / distance.max())


def edt_sum(u: Float[np.ndarray, "n ..."], masks: Bool[np.ndarray, "n ..."]) -> Float[np.ndarray, " n"]:
    """Σ over the pixels of an item of score times depth in its predicted mask; 0 where nothing was predicted.

    Args:
        u: Score of each pixel, ≥ 0: the variance over samples.
        masks: What the model itself predicts, of its mean, not of one of its samples.
    """
    folded = (np.vdot(np.asarray(score, dtype=np.float64), depth(mask)) for score, mask in zip(u, masks, strict=True))
    return np.fromiter(folded, dtype=np.float64, count=len(u))
