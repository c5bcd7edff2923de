"""WAAL: a critic measures how far features of unlabelled items lie from those of labelled ones, and the network brings them together.

Both players see features of eval mode, those that are asked for later, and batches of labelled and unlabelled inputs that are
augmented alike: nothing but the items themselves may tell them apart.

Reference:
    Shui, Zhou, Gagné & Wang 2020, "Deep active learning: unified and principled method for query and training", arXiv 1911.09162;
    gradient penalty: Gulrajani et al. 2017, arXiv 1704.00028.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.device import evaluating, scoring
from querist.learn.layout import layout
from querist.learn.programme import Optimiser, Phase, Programme, Programmed, Setting, Stage, Term
from querist.learn.schemes.adversaries import between, known, labelled_inputs, own, paired, player, samples, steepness
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.training import Training, carried_out
from querist.nets.base import Network
from querist.tasks.classification.learning import ClassificationHead

ALIKE = "augmented as labelled inputs"
"""The view of unlabelled inputs that differs from labelled ones in nothing but the items."""


@dataclass(frozen=True)
class WAAL:
    """The inner scheme with a critic in turn; it provides `critic`. Steps are the inner scheme's.

    Attributes:
        inner: What trains the network.
        weight: Of bringing the features together.
        penalty: Of a critic whose slope is not 1.
        turns: Steps of the critic in each step.
        batch: Unlabelled inputs of a step; the labelled batch is repeated to as many.
        width: Of the critic's hidden layers.
        rate: Learning rate of the critic.
    """

    inner: Programmed = Supervised()
    weight: float = 0.01
    penalty: float = 10.0
    turns: int = 1
    batch: int = 64
    width: int = 64
    rate: float = 3e-3
    provides: ClassVar[frozenset[str]] = frozenset({"critic"})

    def fit(self, network: Network, task: ClassificationHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            TrainingError: when training diverges.
        """
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, whose network also brings features together, and a phase of the critic."""
        critic = player(setting.network.last.in_features, self.width, own(setting, 5))
        base = self.inner.programme(setting)
        count = known(base.stage(), setting)

        def apart(labelled: Tensor, unlabelled: Tensor) -> Tensor:
            """What the critic makes of unlabelled features over labelled ones."""
            return torch.as_tensor(critic(unlabelled) - critic(labelled))

        def together(step: Step) -> Tensor:
            own_x, other_x = labelled_inputs(step, count), step.view(ALIKE)
            with evaluating(step.network):
                features = step.outputs(torch.cat([own_x, other_x])).features
            return apart(*paired(features[: len(own_x)], features[len(own_x) :]))

        def criticised(step: Step) -> Tensor:
            own_x, other_x = labelled_inputs(step, count), step.view(ALIKE)
            features = step.asked(torch.cat([own_x, other_x])).features
            labelled, unlabelled = paired(features[: len(own_x)], features[len(own_x) :])
            slope = steepness(critic, between(labelled, unlabelled, step.noise))
            excess = (slope - 1.0).square().reshape(3, -1).mean(dim=0)
            return self.penalty * excess - apart(labelled, unlabelled)

        joined = base.joined(Term("together", together, self.weight, unlabelled=True))
        stage: Stage = joined.stage()
        turn = Phase("critic", (Term("distance", criticised, unlabelled=True),), Optimiser(self.rate), ("critic",), repeats=self.turns)
        stage = dataclasses.replace(
            stage, phases=(turn, *stage.phases), unlabelled=max(stage.unlabelled, self.batch), views={**stage.views, ALIKE: stage.augment}
        )  # fmt: skip
        changed = joined.with_stage(stage)
        return dataclasses.replace(changed, modules={**changed.modules, "critic": critic}, after=(*changed.after, noted))

    def around(self, scheme: Any) -> WAAL:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def noted(training: Training) -> None:
    """The critic's estimate of the Wasserstein distance of labelled and unlabelled features, and its slope: an estimate only where that is near 1."""
    found = samples(training.setting)
    if found is None:
        return
    network, critic = training.setting.network, training.modules["critic"]
    with scoring(network):
        labelled, unlabelled = (network.trunk(layout(x)) for x in found)
    with scoring(critic):
        distance = critic(unlabelled).mean() - critic(labelled).mean()
    training.notes |= {"wasserstein": float(distance), "slope": float(steepness(critic, torch.cat([labelled, unlabelled]).clone()).detach().mean())}
