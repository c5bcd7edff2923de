"""Two classifiers that agree where there are labels and are driven apart where there are none, so that images on which they differ stand out.

Reference:
    Yuan et al. 2021 (MI-AOD), arXiv 2104.02324.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.learn.programme import Phase, Programme, Programmed, Setting, Stage, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network
from querist.tasks.detection import two_heads

CLASSIFIERS: Final = ("network.head.1.first", "network.head.1.second")
OTHERS: Final = ("network.trunk", "network.head.1.boxes", "network.head.1.bags")


@dataclass(frozen=True)
class MIAOD:
    """Labels; then in turn: what both classifiers see alike, what they see apart, labels again.

    Attributes:
        inner: Whose stage, optimiser and number of steps it takes.
        weight: λ of the discrepancy and of the bags.
        loops: How often both are done after the labels.
        epochs: Shares of the steps of a stage with labels and of one with the discrepancy: 3 to 1.
    """

    inner: Programmed = Supervised(batch=16)
    weight: float = 0.5
    loops: int = 2
    epochs: tuple[int, int] = (3, 1)

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner training stage, cut into pieces.

        Raises:
            UsageError: for a network without two classifiers.
        """
        if not hasattr(setting.network.head[-1], "second"):
            raise UsageError("MI-AOD needs a detector with two classifiers", wanted="SmallDetector(two=True)", hint="Take the recipe small-detector-two.")
        classes, programme = setting.task.outputs, self.inner.programme(setting)
        base = programme.stage()
        unit = base.steps / ((1 + self.loops) * self.epochs[0] + 2 * self.loops * self.epochs[1])
        long, short = (max(round(unit * share), 1) for share in self.epochs)
        stages = [self._stage(base, base.name, long, (_labelled(classes),), part=base.part)]
        for loop in range(1, self.loops + 1):
            alike = (_labelled(classes), self._gap(classes), self._bags(classes))
            stages += [
                self._stage(base, f"alike {loop}", short, alike, frozen=CLASSIFIERS, part=3 * loop - 2),
                self._stage(base, f"apart {loop}", short, (_labelled(classes), self._gap(classes, apart=True)), frozen=OTHERS, part=3 * loop - 1),
                self._stage(base, f"labels {loop}", long, (_labelled(classes),), part=3 * loop),
            ]
        return dataclasses.replace(programme, stages=tuple(stages))

    def around(self, scheme: Any) -> MIAOD:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)

    def _stage(self, base: Stage, name: str, steps: int, terms: tuple[Term, ...], frozen: tuple[str, ...] = (), part: int = 0) -> Stage:
        optimiser = dataclasses.replace(base.phases[0].optimiser, rate=base.phases[0].optimiser.rate * (0.5 if frozen else 1.0))
        return dataclasses.replace(
            base, name=name, steps=steps, phases=(Phase(name, terms, optimiser),), unlabelled=base.batch if frozen else 0, frozen=frozen, part=part
        )

    def _gap(self, classes: int, *, apart: bool = False) -> Term:
        def loss(step: Step) -> Tensor:
            return two_heads.discrepancy_losses(step.outputs(step.unlabelled).logits, classes, apart=apart)

        return Term("apart" if apart else "alike", loss, self.weight, unlabelled=True)

    def _bags(self, classes: int) -> Term:
        def loss(step: Step) -> Tensor:
            output = step.outputs(step.unlabelled).logits
            return two_heads.bag_losses(output, two_heads.shown_to(output, classes), classes)

        return Term("bags", loss, self.weight, unlabelled=True)


def _labelled(classes: int) -> Term:
    """The labelled batch with either classifier, and what its images show as bags."""

    def loss(step: Step) -> Tensor:
        output = step.output.logits
        each = two_heads.detection_losses(output, step.y, classes) + two_heads.bag_losses(output, two_heads.shown_by(step.y, classes), classes)
        return each if step.weight is None else each * step.weight

    return Term("labelled", loss)
