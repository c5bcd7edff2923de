"""What an inference brings to the training: layers, a scheme around the scheme, members in one fit, and what is computed afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from learn_short import SHORT

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.inference.base import Sampler
from querist.learn.inference.ensemble import Ensemble
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.programme import Programme, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.twins import Twins
from querist.learn.step import Step
from querist.learn.training import carried_out
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

INPUTS = ArrayInputs(ArrayPool(clouds(40)))
TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
LABELLED = {item: label(item) for item in ids(0, 12)}


@dataclass(frozen=True)
class Close:
    """Members are pulled together: what one fit alone can do."""

    inner: Any
    pull: float = 0.0

    def fit(self, network: Network, task: ClassificationHead, data: TrainingSet, streams: Streams, report: Any) -> Fit:
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        others = {f"member-{number}": other for number, other in enumerate(setting.data.others, start=1)}

        def apart(step: Step) -> torch.Tensor:
            return torch.stack([(step.network.last.weight - step.modules[name].last.weight).square().sum() for name in others])  # type: ignore[union-attr, operator]

        def also(step: Step) -> torch.Tensor:
            return torch.cat([step.task.loss(step.outputs(step.x, name).logits, step.y) for name in others])

        made = self.inner.programme(setting).joined(Term("apart", apart, self.pull), Term("others", also))
        stage = made.stage()
        return made.with_stage(dataclasses.replace(stage, phases=(dataclasses.replace(stage.phases[0], updates=("network", *others)),)))


@dataclass(frozen=True)
class Together:
    members: int = 3
    pull: float = 0.0
    together: bool = True

    @property
    def samples(self) -> int:
        return self.members

    def dress(self, network: Network) -> Network:
        network.register_buffer("settled", torch.zeros(1))
        return network

    def around(self, scheme: Any) -> Any:
        return Close(scheme, self.pull)

    def settle(self, network: Network, task: ClassificationHead, data: TrainingSet) -> None:
        network.settled.fill_(float(len(data.y)))  # type: ignore[union-attr, operator]

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler:
        return Ensemble(self.members).prepare(networks, rng)


def fit(inference: Any, folder: Path | None = None) -> Fitted:
    return Learner(MLP((8,)), SHORT, inference).fit(INPUTS, TASK, LABELLED, Streams(0, 1), None, no_report, ids(12, 40), folder)


def spread(fitted: Fitted) -> float:
    return float(torch.stack([network.last.weight.detach() for network in fitted.networks]).std(dim=0).mean())


def test_members_of_one_fit_are_all_trained_and_see_each_other() -> None:
    fresh = [Learner(MLP((8,)), SHORT, Together())._fresh(INPUTS, TASK, Streams(0, 1, member), MLP((8,))) for member in range(3)]
    free, pulled = fit(Together()), fit(Together(pull=100.0))
    for before, after in zip(fresh, free.networks, strict=True):
        assert not torch.equal(before.last.weight, after.last.weight)
    assert spread(pulled) < 0.5 * spread(free)
    assert [len(one.modules) for one in free.fits] == [0, 0, 0] and len({one.steps for one in free.fits}) == 1


def test_what_is_settled_is_kept_and_restored(tmp_path: Path) -> None:
    fitted = fit(Together(), tmp_path)
    fitted.save(tmp_path)
    again = Learner(MLP((8,)), SHORT, Together()).restore(INPUTS, TASK, tmp_path, Streams(0, 1))
    assert again is not None and again.hash() == fitted.hash()
    assert [float(network.settled) for network in again.networks] == [12.0, 12.0, 12.0]  # type: ignore[arg-type]
    assert not list(tmp_path.glob("training-*")), "nothing is left of the fit in progress"


def test_an_inference_that_brings_nothing_trains_member_by_member() -> None:
    alone = fit(Ensemble(2))
    first = Learner(MLP((8,)), SHORT).fit(INPUTS, TASK, LABELLED, Streams(0, 1), None, no_report)
    assert torch.equal(alone.networks[0].last.weight, first.networks[0].last.weight)


def test_a_scheme_without_a_programme_cannot_be_wrapped() -> None:
    with pytest.raises(UsageError, match="programme"):
        Learner(MLP((8,)), Twins(SHORT), Together()).fit(INPUTS, TASK, LABELLED, Streams(0, 1), None, no_report)
