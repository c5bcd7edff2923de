"""Named, spawned random streams. No global seeds anywhere: whoever draws is handed the stream of that name.

The stream of `(seed, round, name)` is the same in every process and does not depend on how much any other stream
has drawn, so methods that are compared share initial sets, initial weights and loader order by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from querist.core.errors import UsageError

STREAMS: Final = ("init_set", "model_init", "loader", "augment", "dropout", "select", "oracle", "split", "subpool", "unlabelled", "auxiliary")


def stream(seed: int, round_: int, name: str, member: int = 0) -> np.random.Generator:
    """The random stream of one purpose in one round.

    Args:
        seed: Root seed of the project or run, ≥ 0.
        round_: Round number, ≥ 0.
        name: One of `STREAMS`.
        member: Ensemble member or other sub-stream, ≥ 0.

    Returns:
        A fresh generator; two calls with equal arguments draw the same numbers.

    Raises:
        UsageError: for an unknown name or a negative number.
    """
    if name not in STREAMS:
        raise UsageError("unknown random stream", got=name, wanted=", ".join(STREAMS))
    if seed < 0 or round_ < 0 or member < 0:
        raise UsageError("seeds and rounds cannot be negative", got=(seed, round_, member), wanted="≥ 0")
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(round_, STREAMS.index(name), member))
    return np.random.Generator(np.random.PCG64(sequence))


def torch_seed(rng: np.random.Generator) -> int:
    """A 63-bit seed for a `torch.Generator`, drawn from a stream."""
    return int(rng.integers(0, 2**63 - 1))


@dataclass(frozen=True)
class Streams:
    """The named streams of one round (and one ensemble member): `streams("loader")` is a fresh generator each time."""

    seed: int
    round: int
    member: int = 0

    def __call__(self, name: str) -> np.random.Generator:
        """The stream of this name; see `stream`."""
        return stream(self.seed, self.round, name, self.member)

    def of(self, member: int) -> Streams:
        """The same round for another ensemble member."""
        return Streams(self.seed, self.round, member)
