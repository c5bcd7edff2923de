"""Scores of disagreement among posterior samples or committee members. Votes take few values: ties follow predictive entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from querist.acquire.scores import _OfProbs
from querist.acquire.sites import ProbsKernel
from querist.kernels import information
from querist.kernels.ranking import tie_broken


def _by_votes(kernel: ProbsKernel) -> ProbsKernel:
    """The kernel with ties in the order of predictive entropy."""

    def score(probs: np.ndarray) -> np.ndarray:
        return tie_broken(kernel(probs), information.entropy(probs), float(np.log(probs.shape[2])))

    return score


@dataclass(frozen=True)
class VariationRatio(_OfProbs):
    """Share of samples that do not vote for the modal class (Freeman 1965; Beluch et al. 2018)."""

    kernel: ClassVar[ProbsKernel] = staticmethod(_by_votes(information.variation_ratio))


@dataclass(frozen=True)
class VoteEntropy(_OfProbs):
    """Entropy of the samples' votes in nats (Dagan & Engelson 1995)."""

    kernel: ClassVar[ProbsKernel] = staticmethod(_by_votes(information.vote_entropy))


@dataclass(frozen=True)
class MeanSTD(_OfProbs):
    """Standard deviation of a class's probability over the samples, averaged over classes."""

    kernel: ClassVar[ProbsKernel] = staticmethod(information.mean_std)
