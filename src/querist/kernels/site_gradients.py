"""Gradient embedding of an item with many sites: the mean over its sites of the last layer's gradient at the predicted class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from querist.core.sites import Sites


def site_gradients(sites: Sites) -> NDArray[np.float32]:
    """(n, c·f): Σ_j w_j (p̄_j - e_ŷj) ⊗ h_j / Σ_j w_j with the input h_j of the last layer; 0 for an item without sites.

    Where numbers are predicted the gradient of the prediction itself stands in: mean w_j h_j, (n, f). With one site of weight 1 this is
    the embedding of BADGE.

    Args:
        sites: With `features`.

    Raises:
        ValueError: without them.

    Reference:
        Ash et al. 2020, arXiv:1906.03671, for one site; the mean over sites is this project's.
    """
    if sites.features is None:
        raise ValueError("a gradient embedding needs the features of the sites")
    weight = np.ones(sites.count) if sites.weight is None else np.asarray(sites.weight, dtype=np.float64)
    residual = np.ones((sites.count, 1)) if sites.probs is None else _residual(sites.probs)
    out = np.zeros((len(sites), residual.shape[1] * sites.features.shape[1]), dtype=np.float32)
    for item in range(len(sites)):
        rows = slice(int(sites.offsets[item]), int(sites.offsets[item + 1]))
        total = float(weight[rows].sum())
        if total > 0:
            out[item] = ((residual[rows] * weight[rows, None]).T @ sites.features[rows].astype(np.float64) / total).ravel()
    return out


def shared_gradients(sites: Sites, features: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, j·c·f): the last layer's gradient at the predicted classes of all j sites of an item, which it computes from the item's own features.

    Where numbers are predicted the gradient of the prediction itself stands in: the features.

    Args:
        sites: As many of every item.
        features: Input (n, f) of the last layer.

    Raises:
        ValueError: for items with different numbers of sites.
    """
    if sites.probs is None:
        return np.asarray(features, dtype=np.float32)
    if len(sites) and sites.count % len(sites) | np.ptp(np.diff(sites.offsets)):
        raise ValueError("a gradient embedding of sites without features needs as many sites of every item")
    residual = _residual(sites.probs).reshape(len(sites), -1)
    return np.asarray((residual[:, :, None] * features[:, None]).reshape(len(sites), -1), dtype=np.float32)


def _residual(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    mean = probs.mean(axis=1, dtype=np.float64)
    mean[np.arange(len(mean)), mean.argmax(axis=1)] -= 1.0
    return np.asarray(mean)
