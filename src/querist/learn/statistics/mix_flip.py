"""`mix_flip`: how far an item's features must be mixed with those of labelled classes to change the prediction; of the first member."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from querist.kernels.mixing import class_anchors, mixing_cap
from querist.learn.statistics.points import OnBatch
from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted


def compute(fitted: Fitted, question: Question, on_batch: OnBatch) -> NDArray[np.float32]:
    """(n,), in closed form: behind the features there is one linear layer."""
    if not question.ids:
        return np.empty(0, dtype=np.float32)
    last = fitted.networks[0].last
    weight, bias = last.weight.detach().numpy(), (np.zeros(last.out_features) if last.bias is None else last.bias.detach().numpy())
    features, labels = question.anchors()
    out = mixing_cap(question.features(), weight, bias, class_anchors(features, np.asarray(labels, dtype=np.int64)))
    on_batch(len(question.ids))
    return out.astype(np.float32)
