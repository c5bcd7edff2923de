"""What all checkpoints of all members say of items, summed up: the `checkpoint_moments` statistic."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from querist.kernels.accumulated import Accumulator
from querist.learn.device import scoring
from querist.learn.layout import layout
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted
    from querist.learn.statistics.points import OnBatch

PREFIX = "checkpoint-"


def compute(fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> NDArray[np.float64]:
    """Rows (n, 3 c + 1) of `kernels.accumulated`, over every checkpoint of every member."""
    kept = [module for fit in fitted.fits for name, module in fit.modules.items() if name.startswith(PREFIX)]
    c = fitted.networks[0].last.out_features
    out = np.empty((len(question.ids), 3 * c + 1))
    with ExitStack() as stack:
        for network in kept:
            stack.enter_context(scoring(network))
        size = batch_size(fitted.networks, fitted.inputs.shape)
        for first in range(0, len(out), size):
            x = layout(fitted.inputs.batch(question.ids[first : first + size]))
            sums = Accumulator(len(x), c)
            for network in kept:
                sums.add(torch.softmax(network(x).double(), dim=1).numpy())
            out[first : first + size] = sums.moments
            on_batch(min(first + size, len(out)))
    return out
