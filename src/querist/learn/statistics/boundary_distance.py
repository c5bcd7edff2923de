"""`boundary_distance`: the norm of DeepFool's perturbation, in units of the (standardised) input; of the first member without dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from querist.learn.statistics.deepfool import DeepFool
from querist.learn.statistics.points import OnBatch, distances
from querist.learn.statistics.question import Question, Run

if TYPE_CHECKING:
    from querist.learn.learner import Fitted

ATTACK = DeepFool()


def compute(fitted: Fitted, question: Question, on_batch: OnBatch) -> NDArray[np.float32]:
    """(n,), the largest float32 for what never flipped: a part of a way is no distance."""
    return distances(fitted, question.ids, _attack, ATTACK.classes, on_batch)


def _attack(run: Run, x: Tensor) -> tuple[Tensor, Tensor]:
    fooled = ATTACK(run, x)
    return fooled.perturbation, fooled.flipped
