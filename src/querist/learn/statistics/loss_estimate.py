"""What the loss prediction module says of items: the `loss_estimate` statistic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from querist.learn.device import scoring
from querist.learn.hidden import tapped
from querist.learn.layout import layout
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted
    from querist.learn.statistics.points import OnBatch


def compute(fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> NDArray[np.float32]:
    """Estimated losses (n,), the mean over members."""
    out = np.zeros(len(question.ids), dtype=np.float32)
    size = batch_size(fitted.networks, fitted.inputs.shape)
    for network, fit in zip(fitted.networks, fitted.fits, strict=True):
        module = fit.modules["loss"]
        with scoring(network), scoring(module), tapped(network) as seen:
            for first in range(0, len(out), size):
                network(layout(fitted.inputs.batch(question.ids[first : first + size])))
                out[first : first + size] += module(list(seen.values())).numpy() / len(fitted.networks)
                on_batch(min(first + size, len(out)))
    return out
