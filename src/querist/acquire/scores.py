"""Scores: one number per candidate from the statistics of the view, higher = more wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from querist.acquire.sites import ProbsKernel, item_scores
from querist.core.contracts import PoolView
from querist.kernels import information


class Score(Protocol):
    """A frozen dataclass that maps a view to scores (n,)."""

    @property
    def needs(self) -> frozenset[str]: ...

    def __call__(self, view: PoolView) -> np.ndarray: ...


@dataclass(frozen=True)
class _OfProbs:
    """A kernel over `probs` (n, k, c)."""

    kernel: ClassVar[ProbsKernel]
    certifies: ClassVar[bool] = False
    """Whether an item scores NaN whose mean over samples is no distribution."""
    folds: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`."""
        return frozenset({"probs"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        return item_scores(view, type(self).kernel)


@dataclass(frozen=True)
class LeastConfidence(_OfProbs):
    """1 - p(1): how unsure the network is of its own prediction."""

    kernel: ClassVar[ProbsKernel] = staticmethod(information.least_confidence)
    certifies: ClassVar[bool] = True


@dataclass(frozen=True)
class Margin(_OfProbs):
    """1 - (p(1) - p(2)): how close the two best classes are (Scheffer et al. 2001)."""

    kernel: ClassVar[ProbsKernel] = staticmethod(information.margin)
    certifies: ClassVar[bool] = True


@dataclass(frozen=True)
class Ratio(_OfProbs):
    """p(2) / p(1); its order does not depend on the softmax temperature."""

    kernel: ClassVar[ProbsKernel] = staticmethod(information.ratio)


@dataclass(frozen=True)
class Entropy(_OfProbs):
    """Predictive entropy in nats."""

    kernel: ClassVar[ProbsKernel] = staticmethod(information.entropy)
    certifies: ClassVar[bool] = True


@dataclass(frozen=True)
class BALD(_OfProbs):
    """Mutual information of label and weights (arXiv 1112.5745, 1703.02910); needs k > 1 posterior samples."""

    kernel: ClassVar[ProbsKernel] = staticmethod(information.bald)


@dataclass(frozen=True)
class Estimated:
    """A statistic of one number per item as the score, or its negative.

    Attributes:
        statistic: Its name.
        sign: 1 if more is more wanted, -1 if less is.
    """

    statistic: str = "loss_estimate"
    sign: float = 1.0

    @property
    def needs(self) -> frozenset[str]:
        """The statistic."""
        return frozenset({self.statistic})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        return np.asarray(self.sign * np.asarray(view.stat(self.statistic), dtype=np.float64))
