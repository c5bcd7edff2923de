"""What an item looks like to an auto-encoder of the whole pool: the `codes` statistic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from querist.learn.device import scoring
from querist.learn.layout import layout
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted
    from querist.learn.statistics.points import OnBatch


def compute(fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> NDArray[np.float32]:
    """Codes (n, l), those of the first member's auto-encoder: codes of several have nothing to do with each other."""
    coder = fitted.fits[0].modules["coder"]
    size, parts = batch_size(fitted.networks, fitted.inputs.shape), []
    with scoring(coder):
        for first in range(0, len(question.ids), size):
            parts.append(coder(layout(fitted.inputs.batch(question.ids[first : first + size]))).numpy())
            on_batch(min(first + size, len(question.ids)))
    return np.concatenate(parts) if parts else np.empty((0, 1), dtype=np.float32)
