"""One stage of a fit: batches, modes, streams, optimisers and checkpoints are the platform's, never a scheme's."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from querist.core.rng import Streams, torch_seed
from querist.learn.device import evaluating, generator, held
from querist.learn.keepers import Average, Best, State, follow, weights
from querist.learn.layout import layout
from querist.learn.once import part
from querist.learn.optimiser import AdamW, one_cycle
from querist.learn.programme import PART, Group, Hook, Phase, Stage
from querist.learn.step import Step
from querist.learn.unlabelled import Mixed, Order
from querist.nets.base import Network

if TYPE_CHECKING:
    from querist.learn.training import Training

REPORT_EVERY = 20
"""Steps between progress reports."""


class Diverged(Exception):
    """A loss that is not finite: where."""


@dataclass(frozen=True)
class Targets:
    """What a stage trains on: labelled items, then pseudo-labelled ones. They live in this fit only.

    Attributes:
        x: Inputs (n, *shape).
        y: Targets, rows first.
        weight: (n,), None for 1 each.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None


class StageRun:
    """One attempt at one stage.

    Args:
        training: Whose it is.
        number: Place of the stage.
        stage: What to do.
        seen: What the network's hidden layers gave last.
        rate: A factor on all learning rates.
    """

    def __init__(self, training: Training, number: int, stage: Stage, seen: State, rate: float) -> None:
        self._training, self._number, self._stage, self._seen, self._rate = training, number, stage, seen, rate
        setting = training.setting
        streams = setting.streams
        self._streams = streams if stage.part == 0 else streams.of(streams.member + PART * stage.part)
        labels = setting.data.y
        train, held = hold_back(len(labels), stage.validation, streams)
        self._train, self._x, self._y = train, setting.data.x[torch.from_numpy(train)], torch.from_numpy(labels[train])
        pool = setting.data.pool
        there = pool is not None and len(pool) > 0 and stage.unlabelled > 0
        self._pool = None if pool is None or not there else pool.after(setting.data.x) if stage.everything else pool
        for follower in stage.followers:
            training.modules[follower.name] = copy.deepcopy(training.modules[follower.of]).requires_grad_(False)
        self._moving = {name: [tensor for tensor in module.parameters() if tensor.requires_grad] for name, module in training.modules.items()}
        self._phases = [
            phase
            for phase in stage.phases
            if any(not term.unlabelled or self._pool is not None for term in phase.terms) and any(self._moving[name] for name in phase.updates)
        ]
        self._optimisers = {
            phase.name: AdamW([tensor for name in phase.updates for tensor in self._moving[name]], phase.optimiser.weight_decay, phase.optimiser.betas)
            for phase in self._phases
        }
        self._noise = generator(torch_seed(self._streams("augment")))
        self._beside = generator(torch_seed(self._streams("unlabelled")))
        self._aside_state = generator(torch_seed(self._streams("auxiliary"))).get_state()
        self._best = Best(setting.network, setting.task, setting.data.x[torch.from_numpy(held)], torch.from_numpy(labels[held])) if len(held) else None
        self._average = Average(setting.network, stage.steps - int(stage.average * stage.steps)) if stage.average else None
        training.validated_on = max(training.validated_on, len(held))
        self._draws = 1 + sum(phase.repeats - 1 for phase in self._phases)
        self._extra = {phase.name: sum(before.repeats - 1 for before in self._phases[:place]) for place, phase in enumerate(self._phases)}
        self._shuffles, self._since = 0, 0
        self._unlabelled = None if self._pool is None else Order(len(self._pool), stage.unlabelled, self._streams.of(self._streams.member + 1)("unlabelled"))
        self._step, self._last = 0, math.nan
        self._rows: list[Tensor] = []
        self._places: list[np.ndarray] = []
        self._order: Order | Mixed
        self._targets: Targets
        self.shuffle()

    @property
    def progress(self) -> float:
        """Share of the steps that are done."""
        return self._step / self._stage.steps

    def shuffle(self) -> None:
        """Take up the present targets; what was drawn before stays as it was."""
        pseudo = self._training.pseudo
        if pseudo is None:
            self._targets = Targets(self._x, self._y)
        else:
            ones, y = torch.ones(len(self._y)), self._y
            weight = torch.cat([ones, torch.ones(len(pseudo.y)) if pseudo.weight is None else pseudo.weight])
            self._targets = Targets(torch.cat([self._x, pseudo.x]), torch.cat([y, pseudo.y.to(y.dtype)]), weight)
        count, size = len(self._targets.y), self._stage.batch
        source: Streams = self._streams.of(self._streams.member + PART * 1000 * self._shuffles) if self._shuffles else self._streams
        if sets := self._sets(count):
            rngs = [source.of(source.member + PART * 100 * number)("loader") for number in range(len(sets))]
            self._order = Mixed([rows for rows, _ in sets], [size for _, size in sets], rngs)
        else:
            self._order = Order(count, min(size, max(count, 2)), source("loader"))
        self._since, self._shuffles = self._step, self._shuffles + 1

    def _sets(self, count: int) -> list[tuple[np.ndarray, int]]:
        """The parts of a batch: rows and how many of them; none where it is drawn from all rows alike."""
        size, first = self._stage.batch, len(self._y)
        if self._stage.share and first < count:
            own = min(max(round(self._stage.share * size), 1), size)
            return [(np.arange(first), own), (np.arange(first, count), size - own)]
        sets = [(self._members(group, count), group.size) for group in self._stage.groups]
        return [(rows, take) for rows, take in sets if len(rows)]

    def _members(self, group: Group, count: int) -> np.ndarray:
        """Rows of a group among the items trained on."""
        if group.rows is None:
            return np.arange(len(self._y), count)
        return np.flatnonzero(np.isin(self._train, np.array(group.rows, dtype=np.int64)))

    def run(self, saved: State) -> None:
        """All steps.

        Raises:
            Diverged: at a loss that is not finite.
        """
        training, stage = self._training, self._stage
        _modes(training.modules, [*(follower.name for follower in stage.followers), *stage.frozen])
        hooks: dict[int, list[Hook]] = {}
        for hook in stage.hooks:
            for at in hook.at(stage.steps):
                hooks.setdefault(at, []).append(hook)
        with torch.random.fork_rng(devices=[]):
            # torch's dropout layers draw from the global generator only: it is set inside this fork and restored after.
            torch.manual_seed(torch_seed(self._streams("dropout")))
            if saved:
                self._load(saved)
            for step in range(self._step, stage.steps):
                self._step = step
                for hook in hooks.get(step, []):
                    hook.run(training)
                self._draw(step)
                for phase in self._phases:
                    for repeat in range(phase.repeats):
                        self._last = self._update(phase, step, repeat)
                        if "network" in phase.updates:
                            training.loss = self._last
                self._after(step)
        for keeper in (self._average, self._best):
            if keeper is not None:
                keeper.restore()

    def _after(self, step: int) -> None:
        training, stage = self._training, self._stage
        for follower in stage.followers:
            follow(training.modules[follower.name], training.modules[follower.of], follower.decay, step)
        if self._average is not None:
            self._average.take(step)
        if step % REPORT_EVERY == 0 or step == stage.steps - 1:
            training.told(step, self._last, stage)
        if self._best is not None and (step + 1) % max(stage.steps // 10, 1) == 0:
            self._best.offer()
        self._step = step + 1
        checkpoint = training.setting.data.checkpoint
        if checkpoint is not None and checkpoint.due:
            checkpoint.save(self._state())

    def _update(self, phase: Phase, step: int, repeat: int) -> float:
        stage, training = self._stage, self._training
        optimiser = self._optimisers[phase.name]
        shown = self._shown(step, self._extra[phase.name] + repeat if repeat else 0)
        others = (tensor for name, tensors in self._moving.items() if name not in phase.updates for tensor in tensors)
        with held(others), ExitStack() as still:
            for name in phase.still:
                still.enter_context(evaluating(training.modules[name]))
            optimiser.clear()
            parts = []
            for term in phase.terms:
                if term.unlabelled and self._pool is None:
                    continue
                losses = term.loss(shown)
                if losses.numel():
                    factor = term.at(step / stage.steps)
                    parts.append((term.name, losses.mean() if factor == 1.0 else factor * losses.mean()))
            if not parts:
                return self._last
            loss = parts[0][1]
            for _, part in parts[1:]:
                loss = loss + part
            value = float(loss.detach())
            if not math.isfinite(value):
                wrong = next((name for name, part in parts if not math.isfinite(float(part.detach()))), parts[0][0])
                raise Diverged(f"loss {value} at step {step} of phase {phase.name}, term {wrong}")
            if loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call]
                rule = phase.optimiser
                rate = rule.rate if rule.warmup is None else one_cycle(step, stage.steps + 1, rule.rate, rule.warmup)
                optimiser.step(self._rate * rate)
        training.counts[phase.name] = training.counts.get(phase.name, 0) + 1
        return value

    def _draw(self, step: int) -> None:
        """All draws of a step, in ascending order: a phase may share its draw with one that came before a phase with draws of its own."""
        first, draws = (step - self._since) * self._draws, range(self._draws)
        self._rows = [torch.from_numpy(self._order(first + draw)) for draw in draws]
        self._places = [] if self._unlabelled is None else [self._unlabelled(step * self._draws + draw) for draw in draws]

    def _shown(self, step: int, draw: int) -> Step:
        setting, targets, rows = self._training.setting, self._targets, self._rows[draw]

        def raw() -> Tensor:
            assert self._pool is not None
            x = self._pool.batch(self._places[draw])
            self._training.read += len(x)
            return x

        return Step(
            x=layout(self._stage.augment(targets.x[rows], self._noise)), y=targets.y[rows], weight=None if targets.weight is None else targets.weight[rows],
            rows=rows, progress=step / self._stage.steps, number=step, task=setting.task, modules=self._training.modules, aside=self._aside, raw=raw,
            views=self._stage.views, noise=self._beside, seen=self._seen,
        )  # fmt: skip

    def _aside(self, run: Callable[[], Tensor]) -> Tensor:
        """With the second dropout stream."""
        own = torch.get_rng_state()
        torch.set_rng_state(self._aside_state)
        try:
            return run()
        finally:
            self._aside_state = torch.get_rng_state()
            torch.set_rng_state(own)

    def _state(self) -> State:
        training = self._training
        found: State = {"stage": torch.tensor(self._number), "step": torch.tensor(self._step), "rate": torch.tensor(self._rate)}
        found |= {"since": torch.tensor(self._since), "shuffles": torch.tensor(self._shuffles), "read": torch.tensor(training.read)}
        found |= {"rng/labelled": self._noise.get_state(), "rng/unlabelled": self._beside.get_state(), "rng/aside": self._aside_state}
        found["loss"] = torch.tensor(training.loss, dtype=torch.float64)
        found["rng/dropout"] = torch.get_rng_state()
        for name, module in training.modules.items():
            found |= {f"module/{name}/{key}": tensor for key, tensor in weights(module).items()}
        for name, optimiser in self._optimisers.items():
            found |= {f"optimiser/{name}/{key}": tensor for key, tensor in optimiser.state().items()}
        for name, keeper in (("best", self._best), ("average", self._average)):
            if keeper is not None:
                found |= {f"{name}/{key}": tensor for key, tensor in keeper.state().items()}
        if training.pseudo is not None:
            found |= {"pseudo/x": training.pseudo.x, "pseudo/y": training.pseudo.y}
            found |= {} if training.pseudo.weight is None else {"pseudo/weight": training.pseudo.weight}
        found |= {f"memory/{name}": tensor for name, tensor in training.memory.items()}
        found |= {f"note/{name}": torch.tensor(value, dtype=torch.float64) for name, value in training.notes.items()}
        found |= {f"count/{name}": torch.tensor(value) for name, value in training.counts.items()}
        return found

    def _load(self, saved: State) -> None:
        training = self._training
        if "pseudo/x" in saved:
            training.give(saved["pseudo/x"], saved["pseudo/y"], saved.get("pseudo/weight"))
        self._step, self._rate, training.read = int(saved["step"]), float(saved["rate"]), int(saved["read"])
        training.loss = float(saved["loss"])
        self._shuffles = int(saved["shuffles"]) - 1
        self.shuffle()
        self._since = int(saved["since"])
        self._noise.set_state(saved["rng/labelled"])
        self._beside.set_state(saved["rng/unlabelled"])
        self._aside_state = saved["rng/aside"]
        torch.set_rng_state(saved["rng/dropout"])
        for name, module in training.modules.items():
            module.load_state_dict(_below(saved, f"module/{name}/"))
        for name, optimiser in self._optimisers.items():
            optimiser.load(_below(saved, f"optimiser/{name}/"))
        for name, keeper in (("best", self._best), ("average", self._average)):
            if keeper is not None:
                keeper.load(_below(saved, f"{name}/"))
        training.memory |= _below(saved, "memory/")
        training.notes |= {name: float(value) for name, value in _below(saved, "note/").items()}
        training.counts |= {name: int(value) for name, value in _below(saved, "count/").items()}


def hold_back(n: int, share: float, streams: Streams) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to validate on, both ascending."""
    count = int(share * n)
    if not count:
        return np.arange(n), np.empty(0, dtype=np.int64)
    order = streams("split").permutation(n)
    return np.sort(order[count:]), np.sort(order[:count])


def _modes(modules: Mapping[str, nn.Module], still: Sequence[str]) -> None:
    """Training mode, except for what stays as it is and a frozen trunk: its BatchNorm statistics are part of what is kept."""
    for module in modules.values():
        module.train()
        if isinstance(module, Network):
            parameters = list(module.trunk.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.trunk.eval()
    for name in still:
        part(modules, name).eval()


def _below(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
