"""Feature mixing: z + α ⊙ (anchor - z) in front of a linear layer, with the α that raises the loss most.

Reference:
    Parvaneh et al. 2022 (ALFA-Mix), arXiv 2203.07034, the closed form for α.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

ROWS = 4096
SMALLEST = float(np.finfo(np.float32).tiny)
"""The cap of an item that lies on a boundary already; 0 means that nothing flips it."""


def class_anchors(features: Float[np.ndarray, "m d"], labels: Int[np.ndarray, " l"]) -> Float[np.ndarray, "a d"]:
    """Mean features of every class that has labels, in the order of the classes; of all items when labels are not known."""
    if len(labels) != len(features):
        return features.mean(axis=0, keepdims=True, dtype=np.float64) if len(features) else features.astype(np.float64)
    means = [features[labels == label].mean(axis=0, dtype=np.float64) for label in np.unique(labels)]
    return np.stack(means) if means else np.empty((0, features.shape[1]))


def mixing_cap(
    features: Float[np.ndarray, "n d"], weight: Float[np.ndarray, "c d"], bias: Float[np.ndarray, " c"], anchors: Float[np.ndarray, "a d"]
) -> Float[np.ndarray, " n"]:
    """The smallest ε in (0, 1] at which the best mix with some anchor changes the prediction, 0 where none does.

    Under the cap ε the closed form is α = (ε/√d) ‖anchor - z‖ g/‖g‖ ⊘ (anchor - z), where g is the gradient of the
    predicted class's loss. So α ⊙ (anchor - z) is a step of length (ε/√d) ‖anchor - z‖ along g: how far it reaches is
    the anchor's doing, where it leads is not. Along a line the logits are linear, and the first crossing is exact.
    """
    out = np.zeros(len(features))
    if not len(anchors):
        return out
    w, centres = weight.astype(np.float64), anchors.astype(np.float64)
    for first in range(0, len(features), ROWS):
        z = features[first : first + ROWS].astype(np.float64)
        to_anchors = (z**2).sum(axis=1)[:, None] - 2.0 * z @ centres.T + (centres**2).sum(axis=1)
        reach = np.sqrt(np.maximum(to_anchors.max(axis=1), 0.0) / z.shape[1])
        way = _crossing(z @ w.T + bias, w)
        caps = np.divide(way, reach, out=np.full(len(z), np.inf), where=reach > 0)
        out[first : first + ROWS] = np.where(caps <= 1.0, np.maximum(caps, SMALLEST), 0.0)
    return out


def _crossing(logits: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Length (n,) of the way along the gradient of the loss to the first class that overtakes the predicted one."""
    rows, predicted = np.arange(len(logits)), logits.argmax(axis=1)
    others = logits.copy()
    others[rows, predicted] = -np.inf
    top = others.max(axis=1, keepdims=True)
    # p - e_ŷ over the mass of the others: it does not underflow when the network is certain.
    pull = np.exp(others - np.where(np.isfinite(top), top, 0.0))
    pull /= np.maximum(pull.sum(axis=1, keepdims=True), SMALLEST)
    pull[rows, predicted] = -1.0
    slope = pull @ w
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    rates = np.divide(slope, length, out=np.zeros_like(slope), where=length > 0) @ w.T
    gain = rates - rates[rows, predicted][:, None]
    gap = logits[rows, predicted][:, None] - logits
    gain[rows, predicted] = 0.0
    return np.asarray(np.divide(gap, gain, out=np.full_like(gap, np.inf), where=gain > 0).min(axis=1))
