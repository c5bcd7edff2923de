"""How well a detector learnt each class: the `class_quality` statistic, one row for all. The scheme of that name measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted
    from querist.learn.statistics.points import OnBatch


def compute(fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> NDArray[np.float32]:
    """(n, c) in [0, 1], the mean over members; all rows are the same."""
    told = np.mean([fit.modules["class_quality"].quality.numpy() for fit in fitted.fits if "class_quality" in fit.modules], axis=0)  # type: ignore[operator]
    on_batch(len(question.ids))
    return np.tile(told.astype(np.float32), (len(question.ids), 1))
