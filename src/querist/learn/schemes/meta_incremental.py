"""Meta-incremental training: every round's answers are a task, and the weights are those from which one step on a task does well on the rest of it.

Reference:
    Ostapuk, Yang & Cudré-Mauroux 2019, "ActiveLink: deep active learning for link prediction in knowledge graphs" (WWW);
    Finn, Abbeel & Levine 2017, arXiv 1703.03400 (the gradient through the step).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.before import Before
from querist.learn.layout import layout
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.stage_run import hold_back
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network

ITEMS, ROUNDS = "meta/items", "meta/rounds"

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""


@dataclass(frozen=True)
class MetaIncremental:
    """The inner scheme's steps, each on a few tasks with a step ahead in every one of them; meant for the refit `warm`.

    Attributes:
        inner: Says how many steps, the optimiser and what else there is; its loss of the labelled batch is replaced.
        rate: η, of the step ahead; 0 is plain training on these batches.
        window: How many tasks are trained on, the newest first; 1 is plain incremental training.
        tasks: Tasks of a step at most: the newest, and others of the window at random.
        batch: Items of a task in a step at most: one half for the step ahead, the other for what comes of it.
        first_order: Leave out the derivative of the step itself.
        smoothing: Label smoothing.
    """

    inner: Programmed = Supervised()
    rate: float = 0.1
    window: int = 10_000
    tasks: int = 4
    batch: int = 128
    first_order: bool = False
    smoothing: float = 0.0

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with this loss in the phase that moves the network."""
        made, data = self.inner.programme(setting), setting.data
        stage = made.stage()
        train, _ = hold_back(len(data.y), stage.validation, setting.streams)
        asked = asked_in(data.ids, data.before, setting.streams.round) if data.ids else np.full(len(data.y), setting.streams.round)
        groups = [train[asked[train] == number] for number in np.unique(asked[train])[::-1]][: self.window]
        meta = Term("meta", self._loss(data, groups))
        number = max(place for place, phase in enumerate(stage.phases) if "network" in phase.updates)
        phase = stage.phases[number]
        kept = tuple(term for term in phase.terms if term.name != "labelled")
        phases = (*stage.phases[:number], dataclasses.replace(phase, terms=(meta, *kept)), *stage.phases[number + 1 :])
        changed = made.with_stage(dataclasses.replace(stage, phases=phases))
        return dataclasses.replace(changed, after=(*changed.after, _remembering(data.ids, asked)))

    def around(self, scheme: Any) -> MetaIncremental:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)

    def _loss(self, data: TrainingSet, groups: Sequence[NDArray[np.int64]]) -> Callable[[Step], Tensor]:
        targets = torch.from_numpy(data.y)

        def batch(rows: Tensor) -> Batch:
            return layout(data.x[rows]), targets[rows]

        def loss(step: Step) -> Tensor:
            others = 1 + torch.randperm(max(len(groups) - 1, 0), generator=step.noise)[: self.tasks - 1]
            losses = []
            for place in (0, *others.tolist()):
                rows = torch.from_numpy(groups[place])[torch.randperm(len(groups[place]), generator=step.noise)[: self.batch]]
                half = len(rows) // 2
                inner, outer = (rows[:half], rows[half:]) if half > 1 else (rows, rows)  # too few to divide
                both = [batch(part if len(part) > 1 else part.repeat(2)) for part in (inner, outer)]
                losses.append(looked_ahead(step.network, self._told(step.task), both[0], both[1], self.rate, first_order=self.first_order))
            return torch.cat(losses)

        return loss

    def _told(self, task: TaskHead) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda output, target: task.loss(output, target, smoothing=self.smoothing)


def looked_ahead(network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], inner: Batch, outer: Batch, rate: float, *, first_order: bool = False) -> Tensor:
    """Losses (m,) on the outer batch of the weights θ - η ∇L(θ; inner); their gradient in θ goes through the step.

    Args:
        network: With weights θ; they are not changed.
        loss: Outputs and targets to losses, unreduced.
        inner: What the step is made on.
        outer: What its result is judged by.
        rate: η.
        first_order: Take the step as a constant.
    """
    weights: dict[str, Tensor] = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    if rate:
        first = loss(network(inner[0]), inner[1]).mean()
        grads = torch.autograd.grad(first, list(weights.values()), create_graph=not first_order, allow_unused=True)
        weights = {name: weight if grad is None else weight - rate * grad for (name, weight), grad in zip(weights.items(), grads, strict=True)}
    return loss(functional_call(network, weights, (outer[0],)), outer[1])


def asked_in(ids: Sequence[str], before: Before | None, now: int) -> NDArray[np.int64]:
    """The round after which each item was first trained on (n,): what the round before remembered, and this round for all others."""
    known = {} if before is None or ITEMS not in before.memory else dict(zip(before.memory[ITEMS].tolist(), before.memory[ROUNDS].tolist(), strict=True))
    return np.array([known.get(_number(item), now) for item in ids], dtype=np.int64)


def _remembering(ids: Sequence[str], asked: NDArray[np.int64]) -> Callable[[Training], None]:
    def remember(training: Training) -> None:
        if ids:
            training.memory |= {ITEMS: torch.tensor([_number(item) for item in ids]), ROUNDS: torch.from_numpy(asked)}

    return remember


def _number(item: str) -> int:
    """Memory holds numbers: 64 bits of a digest of the id."""
    return int.from_bytes(hashlib.sha256(item.encode()).digest()[:8], "big", signed=True)
