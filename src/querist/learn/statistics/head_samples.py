"""`head_samples`: class probabilities when some of the features in front of the last layer are dropped; of the first member.

Every item has masks of its own, drawn from the round's stream and the item's id, so they depend on nothing else.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from querist.learn.statistics.points import OnBatch
from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted

SAMPLES = 3
RATE = 0.75
"""As in DropQuery, arXiv 2401.14555."""

ROWS = 1024


def compute(fitted: Fitted, question: Question, on_batch: OnBatch) -> NDArray[np.float32]:
    """(n, SAMPLES, c) float32."""
    last = fitted.networks[0].last
    weight, bias = last.weight.detach().numpy(), (0.0 if last.bias is None else last.bias.detach().numpy())
    features, root = question.features(), int(fitted.streams("dropout").integers(2**63))
    out = np.empty((len(features), SAMPLES, len(weight)), dtype=np.float32)
    for first in range(0, len(features), ROWS):
        rows = features[first : first + ROWS]
        kept = np.stack([_drawn(root, item, features.shape[1]) for item in question.ids[first : first + ROWS]])
        logits = (rows[:, None] * kept) @ weight.T + bias
        logits -= logits.max(axis=2, keepdims=True)
        np.exp(logits, out=logits)
        out[first : first + ROWS] = logits / logits.sum(axis=2, keepdims=True)
        on_batch(min(first + ROWS, len(features)))
    return out


def _drawn(root: int, item: str, d: int) -> NDArray[np.float32]:
    """Masks (SAMPLES, d): 0 with probability RATE, else 1 / (1 - RATE)."""
    digest = hashlib.blake2b(item.encode(), digest_size=8, key=root.to_bytes(8, "little")).digest()
    rng = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
    return ((rng.random((SAMPLES, d), dtype=np.float32) >= RATE) / np.float32(1.0 - RATE)).astype(np.float32)
