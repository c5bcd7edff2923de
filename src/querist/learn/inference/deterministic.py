"""One forward pass in eval mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from querist.learn.inference.base import Sampled, Sampler, looked
from querist.nets.base import Network


@dataclass(frozen=True)
class Deterministic:
    """k = 1: the network as it was trained."""

    members: int = 1
    samples: int = 1

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler:
        """See `Inference`."""
        network = networks[0]

        def sample(x: Tensor) -> Sampled:
            return looked(network, x).sampled()

        return sample
