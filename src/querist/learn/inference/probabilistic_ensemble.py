"""Deep probabilistic ensembles as an inference: members that were trained together are the posterior samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from querist.core.errors import UsageError
from querist.learn.inference.base import Sampler
from querist.learn.inference.ensemble import Ensemble
from querist.learn.schemes.probabilistic import ProbabilisticEnsemble
from querist.nets.base import Network

FEWEST = 4
"""Members: the variance of two or three weights is too rough to be held to a prior's (the paper reports divergence)."""


@dataclass(frozen=True)
class TogetherEnsemble:
    """Members of one fit.

    Attributes:
        members: Networks to train, ≥ 4.
        weight: Of the divergence, β.
        direction: See `ProbabilisticEnsemble`.

    Reference:
        Chitta, Alvarez & Lesnikowski 2018, arXiv 1811.02640.
    """

    members: int = 8
    weight: float = 1e-5
    direction: str = "paper"
    together: ClassVar[bool] = True

    @property
    def samples(self) -> int:
        """One per member."""
        return self.members

    def around(self, scheme: Any) -> ProbabilisticEnsemble:
        """The scheme for all members at once.

        Raises:
            UsageError: for fewer than four members.
        """
        if self.members < FEWEST:
            raise UsageError("a probabilistic ensemble needs members to have a variance", got=f"members={self.members}", wanted=f"at least {FEWEST}")
        return ProbabilisticEnsemble(scheme, self.weight, self.direction)

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler:
        """See `Inference`."""
        return Ensemble(self.members).prepare(networks, rng)
