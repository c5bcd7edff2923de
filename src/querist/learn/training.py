"""Carries a programme out, stage by stage; a stage that diverges is tried once more from its beginning at half the rate."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor, nn

from querist.core.contracts import Report
from querist.core.errors import TrainingError
from querist.learn.device import held
from querist.learn.hidden import tapped
from querist.learn.keepers import State, weights
from querist.learn.once import part, recalled, result
from querist.learn.programme import Programme, Programmed, Setting, Stage, written
from querist.learn.schemes.base import Fit
from querist.learn.stage_run import Diverged, StageRun, Targets


def carried_out(scheme: Programmed, setting: Setting, report: Report) -> Fit:
    """Fit by a scheme's programme."""
    return Training(written(scheme, setting), setting, report).run()


class Training:
    """A fit in progress, as hooks see it.

    Attributes:
        setting: Network, task, data and streams.
        modules: `network`, further members that are trained together with it (`member-1`, …), what the programme brings, and followers.
        notes: What the scheme wants to be known.
        memory: What it wants to find again in the next round.
    """

    def __init__(self, programme: Programme, setting: Setting, report: Report) -> None:
        self.setting, self._programme, self._report = setting, programme, report
        others = {f"member-{number}": other for number, other in enumerate(setting.data.others, start=1)}
        self.modules: dict[str, nn.Module] = {"network": setting.network, **others, **programme.modules}
        self.notes: dict[str, float] = {}
        self.memory: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.read, self.validated_on, self.loss = 0, 0, math.nan
        self._pseudo: Targets | None = None
        self._current: StageRun | None = None
        self._done = 0
        self._total = sum(stage.steps for stage in programme.stages)

    @property
    def pseudo(self) -> Targets | None:
        """The pseudo-labelled items."""
        return self._pseudo

    @property
    def progress(self) -> float:
        """Share of the present stage's steps that are done."""
        return 0.0 if self._current is None else self._current.progress

    def give(self, x: Tensor, y: Tensor, weight: Tensor | None = None) -> None:
        """Train on these too, from now on, instead of those given before; an empty batch takes them back."""
        before, self._pseudo = self._pseudo, Targets(x, y, weight) if len(y) else None
        if self._current is not None and (before is not None or self._pseudo is not None):
            self._current.shuffle()

    def run(self) -> Fit:
        """Every stage, then what comes after.

        Raises:
            TrainingError: when a loss is not finite, also at half the rate.
        """
        checkpoint = self.setting.data.checkpoint
        saved = checkpoint.load() if checkpoint is not None else {}
        first = int(saved["stage"]) if saved else 0
        watched: AbstractContextManager[dict[str, Tensor]] = tapped(self.setting.network) if self._programme.hidden else nullcontext({})
        with watched as seen:
            for number, stage in enumerate(self._programme.stages):
                if number >= first:
                    self._carry_out(number, stage, seen, saved if number == first else {})
                self._done += stage.steps
        for act in self._programme.after:
            act(self)
        if self._programme.answers != "network":
            self.setting.network.load_state_dict(self.modules[self._programme.answers].state_dict())
        for module in self.modules.values():
            module.eval()
        if checkpoint is not None:
            checkpoint.done()
        return self._fit()

    def told(self, step: int, loss: float, stage: Stage) -> None:
        """Report a step of the present stage."""
        extra = {"step": self._done + step + 1, "steps": self._total, "loss": loss}
        self._report("train", (self._done + step + 1) / self._total, extra if len(self._programme.stages) == 1 else {**extra, "stage": stage.name})

    def _carry_out(self, number: int, stage: Stage, seen: State, saved: State) -> None:
        kept = recalled(stage, self.modules, self.setting.data.before)
        if kept is not None:
            self.memory |= kept
            return
        begin, counts = {name: weights(module) for name, module in self.modules.items()}, dict(self.counts)
        pseudo, notes, memory = self._pseudo, dict(self.notes), dict(self.memory)
        for rate in (1.0, 0.5):
            try:
                with held(tensor for name in stage.frozen for tensor in part(self.modules, name).parameters()):
                    self._current = StageRun(self, number, stage, seen, rate)
                    self._current.run(saved)
                break
            except Diverged as error:
                if rate < 1.0:
                    raise TrainingError(
                        "training diverged, also at half the rate", got=str(error), wanted="a finite loss", hint="Lower the learning rate or check the inputs."
                    ) from None
                self._pseudo, self.memory = pseudo, dict(memory)
                self.notes = {**notes, "halved": notes.get("halved", 0.0) + 1.0}
                saved, self.counts = {}, dict(counts)
                for name, state in begin.items():
                    self.modules[name].load_state_dict(state)
        self._current = None
        self.memory |= result(stage, self.modules)

    def _fit(self) -> Fit:
        moving = [phase.name for stage in self._programme.stages for phase in stage.phases if "network" in phase.updates]
        single = len(self.counts) == 1
        own = {name: module for name, module in self.modules.items() if name in self._programme.modules and name not in self._programme.passing}
        return Fit(
            steps=sum(self.counts.get(name, 0) for name in dict.fromkeys(moving)), loss=self.loss, validated_on=self.validated_on,
            phases={} if single else dict(self.counts), unlabelled=self.read, notes=dict(self.notes), modules=own, memory=dict(self.memory),
        )  # fmt: skip
