"""Ensembles of networks with MC dropout: the samples of all members side by side (DEBAL, Pop & Fulop 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from querist.learn.inference.base import Sampled, Sampler
from querist.learn.inference.mc_dropout import MCDropout
from querist.nets.base import Network


@dataclass(frozen=True)
class EnsembleMCDropout:
    """members · draws functions: independently trained members, each with own consistent masks.

    Sample s belongs to member s // draws. `features` and `gradients` are those of the first member with the mean
    probabilities of all.

    Attributes:
        members: Networks to train.
        draws: Masks per member, ≥ 2.

    Reference:
        Pop & Fulop 2018, Deep Ensemble Bayesian Active Learning, arXiv 1811.03897.
    """

    members: int = 3
    draws: int = 10

    @property
    def samples(self) -> int:
        """All members' draws."""
        return self.members * self.draws

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler:
        """See `Inference`.

        Raises:
            UsageError: for fewer than two draws per member.
            TrainingError: if a member has no dropout.
        """
        samplers = [MCDropout(self.draws).prepare([network], rng) for network in networks]

        def sample(x: Tensor) -> Sampled:
            parts = [sampler(x) for sampler in samplers]
            return parts[0]._replace(logits=torch.cat([part.logits for part in parts], dim=1))

        return sample
