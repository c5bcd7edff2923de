"""What a scheme is given and what it must return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.nets.base import Network
from querist.tasks.classification.learning import ClassificationHead


@dataclass(frozen=True)
class TrainingSet:
    """The labelled items of a round, in canonical id order.

    Attributes:
        x: Inputs (n, *shape) float32.
        y: Class positions (n,).
    """

    x: Tensor
    y: NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """Facts of a finished fit, for the snapshot."""

    steps: int
    loss: float
    validated_on: int = 0


class Scheme(Protocol):
    """A frozen dataclass that trains a network in place.

    Contract: the same streams give the same weights on one CPU thread; only the training set is seen.
    """

    def fit(self, network: Network, task: ClassificationHead, data: TrainingSet, streams: Streams, report: Report) -> Fit: ...
