"""Deep probabilistic ensembles: members are trained together, and at every place the spread of their weights is held to a prior's.

Reference:
    Chitta, Alvarez & Lesnikowski 2018, "Deep probabilistic ensembles: approximate variational inference through KL regularization",
    arXiv 1811.02640; "Large-scale visual active learning with deep probabilistic ensembles", arXiv 1811.03575.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.mean_field import without_decay
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network

TINY = 1e-8
"""Added to the variance of a weight over members: identical members have a large divergence, not an infinite one."""

NORMALISED_VARIANCE = 0.01
"""Of the prior of BatchNorm's scale and shift."""

DIRECTIONS = ("paper", "elbo")


@dataclass(frozen=True)
class ProbabilisticEnsemble:
    """The inner scheme's terms for every member, with a divergence of the members' weights from a prior.

    Attributes:
        inner: What would train one member: one stage of one phase, labels alone.
        weight: Of the divergence, β.
        direction: `paper`: KL(prior ‖ members), as the paper's formula is; `elbo`: KL(members ‖ prior), as its derivation says.
    """

    inner: Programmed = Supervised()
    weight: float = 1e-5
    direction: str = "paper"

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` and the others of `data` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """One phase that moves all members.

        Raises:
            UsageError: if the inner programme is more than labels, or for an unknown direction.
        """
        if self.direction not in DIRECTIONS:
            raise UsageError("unknown direction of a divergence", got=self.direction, wanted=", ".join(DIRECTIONS))
        made = self.inner.programme(setting)
        stage = made.stages[0]
        plain = len(made.stages) == len(stage.phases) == 1 and not made.modules and not made.hidden
        if not plain or stage.validation or stage.followers or any(term.unlabelled for term in stage.phases[0].terms):
            raise UsageError(
                "members are trained together on labels alone",
                got=f"{type(self.inner).__name__} with more than that",
                wanted="a scheme of one phase of labelled terms",
            )
        names = [f"member-{number}" for number in range(1, len(setting.data.others) + 1)]
        members = [setting.network, *setting.data.others]

        def apart(_step: Step) -> Tensor:
            return divergence(members, self.direction).reshape(1)

        phase = without_decay(stage.phases[0])
        terms = [*phase.terms, *(member(term, name) for name in names for term in phase.terms)]
        if names:
            terms.append(Term("divergence", apart, self.weight))
        phase = dataclasses.replace(phase, terms=tuple(terms), updates=("network", *names))
        return made.with_stage(dataclasses.replace(stage, phases=(phase,), average=0.0))

    def around(self, scheme: Any) -> ProbabilisticEnsemble:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def member(term: Term, name: str) -> Term:
    """The term as it is for another member."""

    def loss(step: Step) -> Tensor:
        return term.loss(dataclasses.replace(step, modules={**step.modules, "network": step.modules[name]}))

    return Term(f"{term.name} of {name}", loss, term.weight)


def divergence(members: Sequence[nn.Module], direction: str = "paper") -> Tensor:
    """Ω, summed over all places of weights.

    Args:
        members: Networks of one shape, ≥ 2.
        direction: See `ProbabilisticEnsemble`.
    """
    found = [omega(torch.stack(weights), mean, variance, direction) for weights, mean, variance in places(members)]
    return torch.stack(found).sum()


def places(members: Sequence[nn.Module]) -> Iterator[tuple[list[Tensor], float, float]]:
    """Weights of each layer over the members, with mean and variance of their prior.

    Convolutions and linear layers have He's prior by fan-out, N(0, 2 / (outputs · w · h)); BatchNorm N(1, 0.01) for scales and N(0, 0.01) for
    shifts. Biases of other layers have none.
    """
    for layers in zip(*(module.modules() for module in members), strict=True):
        layer = layers[0]
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd):
            weight = layer.weight
            yield [one.weight for one in layers], 0.0, 2.0 / (weight.shape[0] * weight[0, 0].numel())
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.affine:
            yield [one.weight for one in layers], 1.0, NORMALISED_VARIANCE
            yield [one.bias for one in layers], 0.0, NORMALISED_VARIANCE


def omega(weights: Tensor, mean: float, variance: float, direction: str = "paper") -> Tensor:
    """Twice the divergence of Gaussians fitted to members and a prior, constants dropped in the paper's form, summed over places.

    Args:
        weights: (members, …).
        mean: Of the prior.
        variance: Of the prior.
        direction: `paper`: Σ log σ² + (σp² + (μ − μp)²) / σ²; `elbo`: Σ ½ (log(σp² / σ²) + (σ² + (μ − μp)²) / σp² − 1).
    """
    centre = weights.mean(dim=0)
    spread = (weights - centre).square().mean(dim=0) + TINY
    away = (centre - mean).square()
    if direction == "paper":
        return (spread.log() + (variance + away) / spread).sum()
    return 0.5 * (variance / spread).log().add((spread + away) / variance).sub(1.0).sum()
