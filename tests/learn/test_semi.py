"""FixMatch, Mean Teacher and pseudo-labels: where they equal plain training, what a target is, where gradients stop, who answers."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds
from learn_short import SHORT
from torch import Tensor

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.learn.device import generator
from querist.learn.programme import Hook, Setting
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.fixmatch import FixMatch
from querist.learn.schemes.learning_loss import LearningLoss
from querist.learn.schemes.mean_teacher import MeanTeacher
from querist.learn.schemes.pseudo_label import PseudoLabel
from querist.learn.schemes.semi import Shares, told
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.step import Step
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.testing.scheme_contract import images

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
CNN = SmallCNN(channels=(4,), hidden=8, dropout=0.3)
ITEMS = torch.from_numpy(images(60))[:, None]


def data(pool: bool = True) -> TrainingSet:
    unlabelled = Unlabelled([str(item) for item in range(12, 60)], lambda ids: ITEMS[[int(item) for item in ids]])
    return TrainingSet(ITEMS[:12], np.arange(12) % 3, pool=unlabelled if pool else None)


def trained(scheme: Any, pool: bool = True) -> dict[str, Tensor]:
    network = CNN.make((1, 6, 6), 3, generator(0))
    scheme.fit(network, TASK, data(pool), Streams(0, 1), no_report)
    return network.state_dict()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


NOTHING = [FixMatch(SHORT, threshold=1.1, longer=1.0, mean=0.0, batch=16), PseudoLabel(SHORT, threshold=1.1, longer=1.0, batch=16)]


@pytest.mark.parametrize("scheme", NOTHING, ids=["fixmatch", "pseudo_label"])
def test_sure_of_nothing_it_equals_supervised_bit_for_bit(scheme: Any) -> None:
    assert same(trained(SHORT), trained(scheme)), "weights and BatchNorm's statistics"
    assert not same(trained(SHORT), trained(dataclasses.replace(scheme, threshold=0.0)))


@pytest.mark.parametrize("scheme", [FixMatch(SHORT, longer=1.0, mean=0.0), PseudoLabel(SHORT, longer=1.0), MeanTeacher(SHORT, longer=1.0)])
def test_without_unlabelled_items_the_network_is_that_of_supervised_training(scheme: Any) -> None:
    plain, found = trained(SHORT, pool=False), trained(scheme, pool=False)
    assert same(plain, found) == (not isinstance(scheme, MeanTeacher)), "the teacher is a mean of the same path"


def test_steps_are_a_multiple_of_the_inner_schemes() -> None:
    network = CNN.make((1, 6, 6), 3, generator(0))
    assert FixMatch(SHORT, longer=1.5).fit(network, TASK, data(), Streams(0, 1), no_report).steps == 30


def shown(said: Tensor, **changes: Any) -> tuple[Step, Network]:
    network = MLP(hidden=(8,), dropout=0.0).make((4,), 3, generator(0))
    x = torch.from_numpy(clouds(12))
    chosen: dict[str, Any] = {
        "x": x[:6], "y": torch.arange(6) % 3, "weight": None, "rows": torch.arange(6), "progress": 0.0, "number": 0, "task": TASK,
        "modules": {"network": network}, "aside": lambda run: run(), "raw": lambda: x[6:], "views": {}, "noise": generator(0), "seen": {},
    }  # fmt: skip
    return Step(**{**chosen, **changes}), network


def test_a_target_is_the_answer_for_the_weak_view_and_the_mean_is_over_all() -> None:
    said = torch.tensor([[9.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.0, 9.0], [0.0, 1.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    step, network = shown(said)
    losses = told(step, said, step.unlabelled, 0.95)
    sure = [0, 2, 4]
    expected = TASK.loss(network(step.unlabelled[sure]), said.argmax(dim=1)[sure])
    assert len(losses) == 6 and torch.allclose(losses[sure], expected, atol=1e-6) and not losses[[1, 3, 5]].any()
    assert float(losses.mean().detach()) == pytest.approx(float(expected.sum().detach()) / 6, rel=1e-5)
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert said.grad is None, "no gradient reaches what the target was made of"
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert told(shown(said)[0], said, step.unlabelled, 1.1).numel() == 0


def test_shares_are_drawn_towards_equal_ones() -> None:
    said = torch.log(torch.tensor([[0.8, 0.15, 0.05], [0.6, 0.25, 0.15]]))
    shares = Shares(3, 1.0, decay=0.5)
    first = torch.softmax(shares(said), dim=1)
    mean = torch.tensor([0.7, 0.2, 0.1])
    expected = torch.softmax(said, dim=1) / mean
    assert torch.allclose(first, expected / expected.sum(dim=1, keepdim=True), atol=1e-6)
    other = torch.log(torch.tensor([[0.1, 0.2, 0.7]]))
    shares(other)
    assert torch.allclose(shares.get_buffer("mean"), torch.tensor([0.4, 0.2, 0.4])), "half of the past, half of the batch"
    assert torch.allclose(Shares(3, 0.0)(said), said) and list(shares.state_dict()) == ["mean"], "kept in a checkpoint"


def test_evened_targets_are_others() -> None:
    found = trained(FixMatch(SHORT, threshold=0.4, even=1.0, longer=1.0, batch=16))
    assert same(found, trained(FixMatch(SHORT, threshold=0.4, even=1.0, longer=1.0, batch=16)))
    assert not same(found, trained(FixMatch(SHORT, threshold=0.4, longer=1.0, batch=16)))


def test_together_is_one_pass_whose_batchnorm_sees_both() -> None:
    network = SmallCNN(channels=(4,), hidden=8, dropout=0.0).make((1, 6, 6), 3, generator(0)).train()
    step, _ = shown(torch.zeros(0), x=ITEMS[:6], modules={"network": network}, raw=lambda: ITEMS[6:12])
    other = step.together(step.unlabelled)
    again = SmallCNN(channels=(4,), hidden=8, dropout=0.0).make((1, 6, 6), 3, generator(0)).train()
    both = again(ITEMS[:12])
    assert torch.allclose(step.output.logits, both[:6], atol=1e-5) and torch.allclose(other.logits, both[6:], atol=1e-5)
    assert torch.allclose(network.state_dict()["trunk.1.running_mean"], again.state_dict()["trunk.1.running_mean"])
    late, _ = shown(torch.zeros(0), x=ITEMS[:6], modules={"network": network}, raw=lambda: ITEMS[6:12])
    first = late.output
    assert len(late.together(late.unlabelled).logits) == 6 and late.output is first, "a pass of their own once the labelled one is made"


def test_it_grows_sure_of_separable_clouds() -> None:
    x = torch.from_numpy(clouds(120))
    shares = []
    for longer in (0.1, 1.0):
        network = MLP(hidden=(16,), dropout=0.0).make((4,), 3, generator(0))
        pool = Unlabelled([str(item) for item in range(12, 120)], lambda ids: x[[int(item) for item in ids]])
        scheme = FixMatch(Supervised(steps=Steps(0.0, 100, 100), rate=0.02), threshold=0.95, longer=longer)
        fit = scheme.fit(network, TASK, TrainingSet(x[:12], np.arange(12) % 3, pool=pool), Streams(0, 1), no_report)
        shares.append(fit.notes["sure"])
    assert shares[0] < 0.6 < shares[1]
    with torch.no_grad():
        assert float((network(x).argmax(dim=1) == torch.arange(120) % 3).float().mean()) > 0.9


def test_the_teacher_is_the_mean_of_the_path_and_answers() -> None:
    network = CNN.make((1, 6, 6), 3, generator(0))
    given = Setting(network, TASK, data(), Streams(0, 1))
    programme = MeanTeacher(SHORT, longer=1.0, mean=0.8, batch=16).programme(given)
    path: list[Tensor] = []

    def watch(_training: Training) -> None:
        path.append(network.last.weight.detach().clone())

    stage = dataclasses.replace(programme.stage(), hooks=(Hook(watch, programme.stage().steps),))
    Training(dataclasses.replace(programme.with_stage(stage), after=(watch,)), given, no_report).run()
    mean = path[1]
    for step, weight in enumerate(path[2:], start=1):
        past = min(1.0 - 1.0 / (step + 1), 0.8)
        mean = past * mean + (1.0 - past) * weight
    assert len(path) == 21 and torch.allclose(network.last.weight, mean, atol=1e-6), "what answers is the teacher"
    assert not torch.allclose(path[-1], mean, atol=1e-4)


def test_the_student_may_answer() -> None:
    teacher, student = trained(MeanTeacher(SHORT)), trained(MeanTeacher(SHORT, answers=False))
    assert not same(teacher, student) and teacher["trunk.1.running_mean"].equal(student["trunk.1.running_mean"]), "buffers are copied"


def test_ramps() -> None:
    scheme = MeanTeacher(weight=8.0, ramp=0.5)
    assert scheme.rising(0.0) == pytest.approx(8.0 * math.exp(-5.0)) and scheme.rising(0.25) == pytest.approx(8.0 * math.exp(-1.25))
    assert scheme.rising(0.5) == scheme.rising(0.9) == 8.0
    lee = PseudoLabel(weight=3.0, begin=0.2, full=0.6)
    assert [lee.ramp(at) for at in (0.0, 0.2, 0.4, 0.6, 0.9)] == pytest.approx([0.0, 0.0, 1.5, 3.0, 3.0])


def test_they_go_around_another_wrapper() -> None:
    for scheme in (FixMatch(LearningLoss(SHORT), threshold=0.0), MeanTeacher(FixMatch(SHORT)), PseudoLabel(LearningLoss(SHORT))):
        network = CNN.make((1, 6, 6), 3, generator(0))
        programme = scheme.programme(Setting(network, TASK, data(), Streams(0, 1)))
        fit = scheme.fit(network, TASK, data(), Streams(0, 1), no_report)
        assert programme.stage().phases[0].terms[-1].name in ("labelled", "ranking") and np.isfinite(fit.loss)
