"""Ablations for claim 7: the same methods without their random rounds, with more of them, and with them at the end.

On PYTHONPATH for the run: `PYTHONPATH=docs/gen/claims querist bench docs/results/claim_7/bench.toml --out claim_7`.
"""

from __future__ import annotations

from dataclasses import dataclass

from querist.acquire.compose import Compose, Random
from querist.acquire.exploration import ExplorationP
from querist.acquire.farthest_first import FFActive
from querist.acquire.ranked import CORESET
from querist.acquire.scores import Entropy
from querist.acquire.staged import Switch
from querist.core.contracts import Acquisition

ENTROPY = Compose(score=Entropy())


@dataclass(frozen=True)
class Farthest3(FFActive):
    """FF-Active with three random rounds."""

    warmup_rounds: int = 3


@dataclass(frozen=True)
class FarthestThenRandom(Switch):
    """Farthest-first, and the three last of ten rounds at random: as much random as `Farthest3`, but late."""

    early: Acquisition = CORESET
    late: Acquisition = Random()
    rounds: int = 8


@dataclass(frozen=True)
class Entropy3(Switch):
    """Three random rounds, then entropy."""

    early: Acquisition = Random()
    late: Acquisition = ENTROPY
    rounds: int = 4


@dataclass(frozen=True)
class EntropyThenRandom(Switch):
    """Entropy, and the three last of ten rounds at random."""

    early: Acquisition = ENTROPY
    late: Acquisition = Random()
    rounds: int = 8


@dataclass(frozen=True)
class Exploit(ExplorationP):
    """Exploration-P that never explores."""

    horizon: int = 1
    floor: float = 0.0
