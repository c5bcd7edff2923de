"""Boxes (x1, y1, x2, y2): how they overlap, whether two views of an image agree on them, whether layers do, and how far two sets are apart."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.information import xlogy
from querist.kernels.neighbours import unit

BETA = 1.3
"""CALD's point of least consistency that is worth asking about."""

FAR = 2.0
"""Distance of a box to a set without a box of its class."""


def box_iou(a: Float[np.ndarray, "m 4"], b: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "m n"]:
    """Intersection over union of every box of a with every box of b; 0 where both are empty."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.maximum(high - low, 0.0).prod(axis=2)
    union = _area(a)[:, None] + _area(b)[None] - both
    return np.asarray(np.divide(both, union, out=np.zeros_like(both), where=union > 0))


def jensen_shannon(p: Float[np.ndarray, "n c"], q: Float[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
    """½ KL(p ‖ m) + ½ KL(q ‖ m) of rows in nats, m their mean; in [0, log 2]."""
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    return np.asarray(np.maximum((0.5 * (xlogy(p) + xlogy(q)) - xlogy((p + q) / 2)).sum(axis=1), 0.0))


def consistency(
    p: Float[np.ndarray, "n c"], q: Float[np.ndarray, "n c"], overlap: Float[np.ndarray, " n"], classes: int | None = None
) -> Float[np.ndarray, " n"]:  # fmt: skip
    """How far two matched boxes say the same, in [0, 2]: IoU + ½ (1 - JS(p, q)) (max p + max q).

    Args:
        p: Class probabilities.
        q: Of the other boxes.
        overlap: Intersection over union.
        classes: How many of the first columns are classes; to be sure of background makes a box no surer. All by default.

    Reference:
        Yu et al. 2021 (CALD), arXiv 2103.10374.
    """
    return np.asarray(overlap + 0.5 * (1.0 - jensen_shannon(p, q)) * (p[:, :classes].max(axis=1) + q[:, :classes].max(axis=1)))


def cald(
    boxes: Float[np.ndarray, "m 4"],
    p: Float[np.ndarray, "m c"],
    seen: Float[np.ndarray, "n 4"],
    q: Float[np.ndarray, "n c"],
    beta: float = BETA,
    classes: int | None = None,
) -> float:
    """Least |consistency - β| over the boxes of an image, each matched to the box of another view that overlaps most; lowest first.

    Args:
        boxes: Of the image, mapped into the view.
        p: Their class probabilities.
        seen: Boxes of the view.
        q: Their class probabilities.
        beta: Consistency that is most wanted.
        classes: See `consistency`.

    Returns:
        0, most wanted, for an image without boxes; boxes that the view lacks are taken to agree in nothing.
    """
    if not len(boxes):
        return 0.0
    if not len(seen):
        return float(np.abs(0.5 * p[:, :classes].max(axis=1) - beta).min())
    overlap = box_iou(boxes, seen)
    best = overlap.argmax(axis=1)
    return float(np.abs(consistency(p, q[best], overlap[np.arange(len(boxes)), best], classes) - beta).min())


def layer_margins(
    kept: Float[np.ndarray, "m 4"],
    classes: Int[np.ndarray, " m"],
    priors: Float[np.ndarray, "a 4"],
    layers: Int[np.ndarray, " a"],
    probs: Float[np.ndarray, "a c"],
    least: float = 0.5,
) -> Float[np.ndarray, " m"]:
    """How far the layers of a detector disagree about each box it kept, in [0, 1]: largest less smallest of their best probabilities.

    Args:
        kept: Boxes.
        classes: What each was called.
        priors: Boxes of all layers' predictors.
        layers: Which layer each belongs to.
        probs: What each says.
        least: IoU from which on a predictor speaks about a box.

    Returns:
        0 where fewer than two layers speak.

    Reference:
        Roy, Unmesh & Namboodiri 2018 (BMVC), "margin across convolution layers".
    """
    speaks = box_iou(kept, priors) >= least
    said = np.where(speaks, np.asarray(probs, dtype=np.float64)[:, classes].T, -np.inf)
    best = np.stack([said[:, layers == layer].max(axis=1, initial=-np.inf) for layer in np.unique(layers)], axis=1) if len(layers) else said[:, :1]
    heard = np.isfinite(best)
    gap = np.where(heard, best, -np.inf).max(axis=1, initial=-np.inf) - np.where(heard, best, np.inf).min(axis=1, initial=np.inf)
    return np.where(heard.sum(axis=1) > 1, gap, 0.0)


def set_distance(
    a: tuple[Float[np.ndarray, "m d"], Int[np.ndarray, " m"], Float[np.ndarray, " m"]],
    b: tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"], Float[np.ndarray, " n"]],
) -> float:
    """How far two sets of boxes are apart, in [0, 2]: to the nearest box of the same class, weighed by score, both ways, halved.

    Args:
        a: Features, classes and scores of the boxes of one item.
        b: Of another.

    Returns:
        A box without one of its class in the other set is `FAR`, and so is every box from an empty set; two empty sets are 0 apart.

    Reference:
        Yang, Huang & Crowley 2024 (PPAL, category-conditioned matching), arXiv 2211.11612.
    """
    if not len(a[0]) and not len(b[0]):
        return 0.0
    return 0.5 * (_towards(a, b) + _towards(b, a))


def class_weights(quality: Float[np.ndarray, " c"], alpha: float = 0.3, beta: float = 0.2) -> Float[np.ndarray, " c"]:
    """Weight of each class by how well it is learnt, falling from 1 + β at quality 0 to 1 at quality 1 (PPAL).

    W = 1 + αβ log(γ (1 - q) + 1), γ = e^(1/α) - 1.
    """
    gamma = np.expm1(1.0 / alpha)
    return np.asarray(1.0 + alpha * beta * np.log(gamma * (1.0 - np.asarray(quality, dtype=np.float64)) + 1.0))


def head_discrepancy(first: Float[np.ndarray, "s c"], second: Float[np.ndarray, "s c"]) -> Float[np.ndarray, " s"]:
    """Mean over classes of the squared difference of two classifiers' sigmoids, per anchor, in [0, 1]; fold by `topk_mean`.

    Reference:
        Yuan et al. 2021 (MI-AOD), arXiv 2104.02324.
    """
    return np.asarray(np.square(np.asarray(first, dtype=np.float64) - second).mean(axis=1))


def triplet(confidence: Float[np.ndarray, " s"], box: Float[np.ndarray, " s"], mask: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
    """Confidence × predicted IoU of the box × predicted IoU of the mask, in [0, 1]; the lowest are asked for.

    Reference:
        Wang et al. 2020 (score prediction), arXiv 2012.04829.
    """
    return np.asarray(np.asarray(confidence, dtype=np.float64) * box * mask)


def _towards(a: tuple[np.ndarray, np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    """Score-weighted mean over the boxes of a of the distance to the nearest box of its class in b; `FAR` from or to nothing."""
    (x, kinds, scores), (y, others, _) = a, b
    if not len(x) or not len(y) or scores.sum() <= 0:
        return FAR
    cosine = unit(np.asarray(x, dtype=np.float64)) @ unit(np.asarray(y, dtype=np.float64)).T
    gaps = np.where(kinds[:, None] == others[None], np.clip(1.0 - cosine, 0.0, FAR), FAR).min(axis=1)
    return float(gaps @ (scores / scores.sum()))


def _area(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x[:, 2:] - x[:, :2], 0.0).prod(axis=1))
