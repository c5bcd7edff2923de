"""Pre-training without labels of the pool, once in a project; every round starts from the weights that came of it.

Reference:
    Simeoni et al. 2020, "Rethinking deep active learning", arXiv 1911.08177 (once, and every round starts from there);
    Chen et al. 2020, arXiv 2002.05709 (SimCLR; frozen features and a probe); Caron et al. 2018, arXiv 1807.05520 (DeepCluster).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.core.spec import digest
from querist.learn.device import evaluating
from querist.learn.programme import Once, Programme, Programmed, Setting, Stage
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.simclr import SimCLR
from querist.learn.schemes.supervised import Supervised
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network


class Pretext(Protocol):
    """A frozen dataclass: something to learn from inputs of the pool alone.

    It may also have `leaves`, the parts that later rounds begin with; without it that is `network.trunk`.
    """

    def stage(self, setting: Setting, width: int) -> tuple[Stage, Mapping[str, nn.Module]]:
        """The stage and the modules that it needs beside a network with features of this width."""


@dataclass(frozen=True)
class Pretrained:
    """The inner scheme on a trunk that learnt from the inputs of the whole pool first.

    The pre-training is carried out in the first round and remembered, so that all rounds start from the same trunk. It reads no label of the pool.
    Without unlabelled items it is left out.

    Attributes:
        inner: What trains the network from labels.
        by: What is learnt from inputs alone.
        probe: Hold the trunk after that, and train the head on its features.
    """

    inner: Programmed = Supervised()
    by: Pretext = SimCLR()
    probe: bool = False

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    @property
    def provides(self) -> frozenset[str]:
        """What the scheme inside provides."""
        return frozenset(getattr(self.inner, "provides", ()))

    def programme(self, setting: Setting) -> Programme:
        """The pre-training, then the inner programme."""
        inner, pool = self.inner.programme(setting), setting.data.pool
        if pool is None or not len(pool):
            return inner
        stage, modules = self.by.stage(setting, width(setting.network, tuple(setting.data.x.shape[1:])))
        stage = dataclasses.replace(stage, everything=True, once=Once(getattr(self.by, "leaves", ("network.trunk",)), digest(self.by)[:16]))
        later = tuple(dataclasses.replace(each, frozen=(*each.frozen, "network.trunk")) for each in inner.stages) if self.probe else inner.stages
        return dataclasses.replace(inner, stages=(stage, *later), modules={**inner.modules, **modules}, passing=(*inner.passing, *modules))

    def around(self, scheme: Any) -> Pretrained:
        """The same with another scheme innermost."""
        return dataclasses.replace(self, inner=innermost(self.inner, scheme))


def innermost(inner: Any, scheme: Any) -> Any:
    """The inner scheme with another one inside it, or that one, if it holds none."""
    return inner.around(scheme) if hasattr(inner, "around") else scheme


def width(network: Network, shape: tuple[int, ...]) -> int:
    """Columns of the features of inputs of this shape."""
    with evaluating(network), torch.no_grad():
        return int(network.trunk(torch.zeros((1, *shape))).shape[1])
