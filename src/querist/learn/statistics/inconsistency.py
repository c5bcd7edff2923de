"""How much an item's probabilities vary over augmentations: the `inconsistency` statistic.

Reference:
    Gao et al. 2020, arXiv 1910.07153.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from querist.learn.device import scoring
from querist.learn.layout import layout
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted
    from querist.learn.statistics.points import OnBatch


def compute(fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> NDArray[np.float32]:
    """(n,) ≥ 0, summed over classes, the mean over members."""
    out = np.zeros(len(question.ids), dtype=np.float32)
    size = batch_size(fitted.networks, fitted.inputs.shape)
    for network, fit in zip(fitted.networks, fitted.fits, strict=True):
        asker = fit.modules["asker"]
        with scoring(network):
            for first in range(0, len(out), size):
                x = fitted.inputs.batch(question.ids[first : first + size])
                probs = torch.stack([torch.softmax(network(layout(view)), dim=-1) for view in asker(x)])
                out[first : first + size] += probs.var(dim=0, correction=0).sum(dim=-1).numpy() / len(fitted.networks)
                on_batch(min(first + size, len(out)))
    return out
