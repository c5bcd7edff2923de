"""Stages that are carried out once in a project, and what a stage can hold or mix."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from torch import Tensor, nn

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.programme import TRAIN, Hook, Once, Optimiser, Phase, Programme, Setting, Stage, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised, labelled
from querist.learn.training import Training, carried_out
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

INPUTS = ArrayInputs(ArrayPool(clouds(60)))
INNER = Supervised(steps=Steps(0.0, 12, 12), batch=8, rate=0.02)
SEEN: list[dict[str, Tensor]] = []
"""The trunk at the beginning of each training stage."""


@dataclass(frozen=True)
class Before:
    """Something unsupervised, once, in front of plain training."""

    key: str = ""

    def fit(self, network: Any, task: Any, data: TrainingSet, streams: Streams, report: Any) -> Fit:
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        aside = nn.Linear(8, 2)
        nn.init.constant_(aside.weight, 0.1)

        def unlike(step: Any) -> Tensor:
            return (aside(step.outputs(step.unlabelled).features) - 1.0).square().mean(dim=1)

        phase = Phase("apart", (Term("unlike", unlike, unlabelled=True),), Optimiser(0.01), ("network", "aside"))
        first = Stage("apart", 9, (phase,), unlabelled=6, everything=True, part=1, once=Once(("network.trunk", "aside"), self.key))
        inner = INNER.programme(setting)
        watch = Hook(lambda training: SEEN.append({name: tensor.clone() for name, tensor in setting.network.trunk.state_dict().items()}))
        inner = inner.with_stage(dataclasses.replace(inner.stage(), hooks=(watch,)))
        return dataclasses.replace(inner, stages=(first, *inner.stages), modules={"aside": aside})


def rounds(folder: Path, n: int = 3, learners: Any = None, classes: Any = (CLASSES,) * 9) -> list[Fitted]:
    SEEN.clear()
    made: list[Fitted] = []
    for number in range(1, n + 1):
        here = folder / str(number)
        here.mkdir(parents=True)
        told = {item: label(item) for item in ids(0, 9 * number)}
        learner = Learner(MLP((8,)), Before()) if learners is None else learners[number - 1]
        task = ClassificationHead.of(new_space("classification", classes[number - 1]).schema())
        previous = str(folder / str(number - 1)) if made else None
        made.append(learner.fit(INPUTS, task, told, Streams(0, number), previous, no_report, ids(9 * number, 60), here))
        made[-1].save(here)
    return made


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_round_starts_from_the_same_weights_and_they_are_paid_for_once(tmp_path: Path) -> None:
    made = rounds(tmp_path)
    assert same(SEEN[0], SEEN[1]) and same(SEEN[0], SEEN[2])
    assert [fitted.fits[0].phases for fitted in made] == [{"apart": 9, "train": 12}, {}, {}]
    assert [fitted.fits[0].steps for fitted in made] == [21, 12, 12] and made[1].fits[0].unlabelled == 0
    assert not same(dict(made[0].networks[0].trunk.state_dict()), dict(made[1].networks[0].trunk.state_dict())), "trained on from there"
    assert same(dict(made[0].fits[0].modules["aside"].state_dict()), dict(made[2].fits[0].modules["aside"].state_dict()))


def test_another_class_changes_nothing_and_another_key_or_shape_begins_anew(tmp_path: Path) -> None:
    rounds(tmp_path / "classes", 2, classes=(CLASSES, (*CLASSES, "d")))
    assert same(*SEEN)
    made = rounds(tmp_path / "key", 2, [Learner(MLP((8,)), Before()), Learner(MLP((8,)), Before("other"))])
    assert not same(*SEEN) and made[1].fits[0].phases == {"apart": 9, "train": 12}
    assert [name.split("/")[2] for name in made[1].fits[0].memory] == ["other"] * 4, "what no longer serves is forgotten"
    made = rounds(tmp_path / "shape", 2, [Learner(MLP((6, 8)), Before()), Learner(MLP((8,)), Before())])
    assert made[1].fits[0].phases == {"apart": 9, "train": 12}


@pytest.mark.parametrize("refit", ["warm", "head_only"])
def test_a_round_that_continues_keeps_its_network_and_the_memory(tmp_path: Path, refit: str) -> None:
    learner = Learner(MLP((8,)), Before(), refit=refit)
    made = rounds(tmp_path, 3, [learner] * 3)
    assert same(SEEN[1], dict(made[0].networks[0].trunk.state_dict()))
    assert [fitted.fits[0].steps for fitted in made] == [21, 12, 12]
    assert all(same(dict(fitted.fits[0].memory), dict(made[0].fits[0].memory)) for fitted in made)


def test_a_memory_that_is_lost_is_made_again(tmp_path: Path) -> None:
    learner = Learner(MLP((8,)), INNER)
    made = rounds(tmp_path, 2, [learner, dataclasses.replace(learner, scheme=Before())])
    assert made[1].fits[0].phases == {"apart": 9, "train": 12}


def setting(network: Any = None) -> Setting:
    x = torch.from_numpy(clouds(36, 36)).reshape(36, 1, 6, 6)
    network = network or SmallCNN(channels=(4,), hidden=8).make((1, 6, 6), 3, torch.Generator())
    pool = Unlabelled(ids(10, 36), lambda some: x[[int(item) for item in some]])
    task = ClassificationHead.of(new_space("classification", CLASSES).schema())
    return Setting(network, task, TrainingSet(x[:10], np.arange(10) % 3, pool=pool), Streams(0, 1))


def test_what_is_frozen_stays_and_learns_again_in_the_next_stage() -> None:
    given, states = setting(), []
    trunk = given.network.trunk

    def look(training: Training) -> None:
        states.append({name: tensor.clone() for name, tensor in given.network.state_dict().items()})

    phase = Phase("p", (labelled(),), Optimiser(0.05))
    one = Stage("one", 5, (phase,), frozen=("network.trunk",), hooks=(Hook(look),))
    Training(Programme((one, Stage(TRAIN, 5, (phase,), hooks=(Hook(look),)))), given, no_report).run()
    look(None)  # type: ignore[arg-type]
    trunks = [{name: tensor for name, tensor in state.items() if name.startswith("trunk.")} for state in states]
    assert same(trunks[0], trunks[1]) and not same(trunks[1], trunks[2]), "BatchNorm's running statistics too"
    assert not torch.equal(states[0]["head.1.weight"], states[1]["head.1.weight"])
    assert all(parameter.requires_grad for parameter in trunk.parameters())


def test_a_batch_has_its_share_of_labelled_items() -> None:
    given, seen = setting(), []

    def tell(training: Training) -> None:
        assert given.data.pool is not None
        training.give(given.data.pool.batch(np.arange(26)), torch.zeros(26, dtype=torch.int64))

    def look(step: Any) -> Tensor:
        seen.append(step.rows.tolist())
        return step.output.logits.sum(dim=1)

    stage = Stage(TRAIN, 30, (Phase("p", (Term("t", look),), Optimiser(0.0)),), batch=10, share=0.3, hooks=(Hook(tell, start=0.5),))
    Training(Programme((stage,)), given, no_report).run()
    assert all(sorted(rows) == list(range(10)) for rows in seen[:15]), "nothing but labelled items yet"
    assert all(sum(row < 10 for row in rows) == 3 for rows in seen[15:])
    for low, high in ((0, 10), (10, 36)):
        drawn = [row for rows in seen[15:] for row in rows if low <= row < high]
        first = drawn[: high - low]
        assert sorted(first) == list(range(low, high)), "epochs of each, laid end to end"


def test_everything_is_the_labelled_inputs_and_the_pool() -> None:
    given, seen = setting(), []

    def look(step: Any) -> Tensor:
        seen.append(step.unlabelled)
        return step.outputs(step.unlabelled).logits.sum(dim=1)

    for everything, count in ((True, 36), (False, 26)):
        seen.clear()
        stage = Stage(TRAIN, 9, (Phase("p", (Term("t", look, unlabelled=True),), Optimiser(0.0)),), unlabelled=4, everything=everything)
        Training(Programme((stage,)), given, no_report).run()
        assert len(torch.cat(seen).flatten(1).unique(dim=0)) == min(count, 36) and len(torch.cat(seen)) == 36
    pool = given.data.pool
    assert pool is not None
    joined = pool.after(given.data.x)
    assert len(joined) == 36 and torch.equal(joined.batch(np.array([3])), given.data.x[3:4])
    assert torch.equal(joined.batch(np.array([12, 2])), torch.cat([given.data.x[2:3], pool.batch(np.array([2]))])), "labelled ones first"


def test_hooks_begin_where_they_should() -> None:
    assert Hook(lambda training: None, 4).at(10) == [0, 2, 5, 7] and Hook(lambda training: None, 2, start=0.5).at(11) == [5, 8]
