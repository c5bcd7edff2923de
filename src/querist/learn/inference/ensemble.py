"""Deep ensembles: independently trained members are the posterior samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from querist.learn.inference.base import Sampled, Sampler, looked
from querist.nets.base import Network


@dataclass(frozen=True)
class Ensemble:
    """Members differ in initial weights, loader order, augmentation and dropout.

    `features` and `gradients` are those of the first member with the ensemble's mean probabilities.

    Attributes:
        members: Networks to train, ≥ 2.

    Reference:
        Lakshminarayanan et al. 2017, arXiv 1612.01474; Beluch et al. 2018.
    """

    members: int = 5

    @property
    def samples(self) -> int:
        """One per member."""
        return self.members

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler:
        """See `Inference`."""

        def sample(x: Tensor) -> Sampled:
            first = looked(networks[0], x)
            others = [network(x) for network in networks[1:]]
            return first.sampled(torch.stack([first.output, *others], dim=1))

        return sample
