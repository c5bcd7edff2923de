"""What a scheme is given and what it must return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray
from torch import Tensor, nn

from querist.core.contracts import Pool, Report
from querist.core.rng import Streams
from querist.learn.before import Before
from querist.learn.checkpoint import Checkpoint
from querist.learn.inputs import ArrayInputs, Inputs
from querist.learn.task import TaskHead
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import Network


def as_they_are(pool: Pool, name: str) -> Inputs:
    """Arrays of a pool, nothing standardised."""
    return ArrayInputs(pool, raw=True)


@dataclass(frozen=True)
class TrainingSet:
    """What a round trains on.

    Attributes:
        x: Inputs (n, *shape) float32 of the labelled items, in canonical id order.
        y: Targets (n, …), rows first, as the task makes them.
        ids: Their ids.
        pool: The unlabelled items, inputs only; None where there are none.
        before: The round before; None in the first.
        checkpoint: Where the fit keeps its progress; None keeps none.
        others: Networks of further members that are trained together with the first, for inferences that say so.
        beside: Pool, name → inputs of its items, read as those of the labelled items are; numbers as they are unless told otherwise.
    """

    x: Tensor
    y: NDArray[Any]
    ids: tuple[str, ...] = ()
    pool: Unlabelled | None = None
    before: Before | None = None
    checkpoint: Checkpoint | None = None
    others: tuple[Network, ...] = ()
    beside: Callable[[Pool, str], Inputs] = as_they_are


@dataclass(frozen=True)
class Fit:
    """Facts of a finished fit, for the snapshot.

    Attributes:
        steps: Optimiser steps of the network that answers.
        loss: Its last loss.
        validated_on: Labelled items that were held back to choose a checkpoint.
        phases: Phase → its optimiser steps, where there is more than one.
        unlabelled: Unlabelled inputs that were read in training, repetitions counted.
        notes: What the scheme wants to be known of it, such as how many pseudo-labels there were.
        modules: What was trained beside the network and serves its statistics.
        memory: What the scheme wants to find again in the next round.
    """

    steps: int
    loss: float
    validated_on: int = 0
    phases: Mapping[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    notes: Mapping[str, float] = field(default_factory=dict)
    modules: Mapping[str, nn.Module] = field(default_factory=dict, compare=False)
    memory: Mapping[str, Tensor] = field(default_factory=dict, compare=False)


class Scheme(Protocol):
    """A frozen dataclass that trains a network in place.

    It may also have `provides`, the names of statistics that its modules give (see `learn.statistics.registry`), and
    `programme(setting)`, by which other schemes wrap it.

    Contract: the same streams give the same weights on one CPU thread; only the training set is seen.
    """

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit: ...
