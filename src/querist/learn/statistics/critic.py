"""How far from the labelled items a Wasserstein critic on the features places an item: the `critic` statistic."""

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
    """Values (n,), the mean over members."""
    out = np.zeros(len(question.ids), dtype=np.float32)
    size = batch_size(fitted.networks, fitted.inputs.shape)
    for network, fit in zip(fitted.networks, fitted.fits, strict=True):
        critic = fit.modules["critic"]
        with scoring(network), scoring(critic):
            for first in range(0, len(out), size):
                features = network.trunk(layout(fitted.inputs.batch(question.ids[first : first + size])))
                out[first : first + size] += critic(features).numpy() / len(fitted.networks)
                on_batch(min(first + size, len(out)))
    return out
