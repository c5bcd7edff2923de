"""A step ahead on every round's answers: the gradient through it, which items are a task, and what it is without it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from torch import Tensor, nn

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.before import Before
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.meta_incremental import ITEMS, ROUNDS, MetaIncremental, asked_in, looked_ahead
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
SHORT = Supervised(steps=Steps(0.0, 12, 12), rate=0.01, batch=8)


class Bowl(nn.Module):
    """Outputs are the weights themselves, five of them: with a squared loss, a bowl."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.3, -1.0, 2.0, 0.0, 0.7], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.expand(len(x), -1)


def bowl(steepness: float):  # type: ignore[no-untyped-def]
    return lambda output, target: 0.5 * steepness * (output - target).square().sum(dim=1)


@pytest.mark.parametrize(("first_order", "factor"), [(False, 1 - 0.1 * 3.0), (True, 1.0)])
def test_the_gradient_through_the_step_is_exact_on_a_bowl(first_order: bool, factor: float) -> None:
    a, eta, network = 3.0, 0.1, Bowl()
    c, d = torch.arange(5, dtype=torch.float64)[None], torch.full((1, 5), 0.5, dtype=torch.float64)
    x = torch.zeros(1, 1)
    looked_ahead(network, bowl(a), (x, c), (x, d), eta, first_order=first_order).mean().backward()
    moved = network.weight.detach() - eta * a * (network.weight.detach() - c[0])
    assert network.weight.grad is not None
    torch.testing.assert_close(network.weight.grad, factor * a * (moved - d[0]))


def test_it_is_the_difference_quotient_of_a_real_network() -> None:
    network = MLP(hidden=(5,), dropout=0.0).make((3,), 2, generator(0)).double()
    x, y = torch.randn(8, 3, generator=generator(1)).double(), torch.tensor([0, 1] * 4)

    def value() -> Tensor:
        return looked_ahead(network, nn.CrossEntropyLoss(reduction="none"), (x[:4], y[:4]), (x[4:], y[4:]), 0.5).mean()

    value().backward()
    weight, step = network.last.weight, 1e-6
    assert weight.grad is not None
    for place in ((0, 0), (1, 3)):
        found = []
        for move in (step, -2 * step, step):
            weight.data[place] += move
            found.append(float(value().detach()))
        assert float(weight.grad[place]) == pytest.approx((found[0] - found[1]) / (2 * step), rel=1e-5)


def fitted(scheme: MetaIncremental, data: TrainingSet) -> Network:
    network = MLP(hidden=(8,), dropout=0.0).make((4,), 3, generator(0))
    scheme.fit(network, TASK, data, Streams(0, 3), no_report)
    return network


@pytest.fixture
def data(tmp_path: Path) -> TrainingSet:
    """Rounds 1 and 2 with six items each, round 3 with six more, on the folder of round 2."""
    inputs, x = ArrayInputs(ArrayPool(clouds(18))), torch.from_numpy(clouds(18))
    learner, previous = Learner(MLP(hidden=(8,), dropout=0.0), MetaIncremental(SHORT)), None
    for round_ in (1, 2):
        folder = tmp_path / str(round_)
        folder.mkdir()
        learner.fit(inputs, TASK, {item: label(item) for item in ids(0, 6 * round_)}, Streams(0, round_), previous, no_report).save(folder)
        previous = folder
    before = Before(tmp_path / "2", 0, lambda: MLP(hidden=(8,), dropout=0.0).make((4,), 3, generator(0)))
    return TrainingSet(x, np.array([CLASSES.index(label(item)) for item in ids(0, 18)]), tuple(ids(0, 18)), before=before)


def test_a_round_remembers_what_was_asked_when(data: TrainingSet) -> None:
    assert asked_in(data.ids, data.before, 3).tolist() == [1] * 6 + [2] * 6 + [3] * 6
    assert data.before is not None and data.before.memory[ROUNDS].tolist() == [1] * 6 + [2] * 6 and len(data.before.memory[ITEMS]) == 12
    assert asked_in(data.ids, None, 1).tolist() == [1] * 18


def test_a_window_of_one_trains_on_the_newest_answers_alone(data: TrainingSet) -> None:
    lies = dataclasses.replace(data, y=np.concatenate([(data.y[:12] + 1) % 3, data.y[12:]]))

    def weights(given: TrainingSet, window: int) -> list[Tensor]:
        return list(fitted(MetaIncremental(SHORT, window=window), given).state_dict().values())

    assert all(map(torch.equal, weights(data, 1), weights(lies, 1)))
    assert not all(map(torch.equal, weights(data, 2), weights(lies, 2)))


def test_a_window_of_one_and_no_step_ahead_is_a_plain_step_on_the_newest_batch(data: TrainingSet) -> None:
    """Batches of the whole task: a few plain steps of the same optimiser on the same halves give the same weights."""
    scheme = MetaIncremental(dataclasses.replace(SHORT, steps=Steps(0.0, 1, 1)), rate=0.0, window=1)
    seen: list[Tensor] = []

    class Watching(ClassificationHead):
        def loss(self, output, target, *, smoothing=0.0, weights=None):  # type: ignore[no-untyped-def]
            seen.append(target)
            return super().loss(output, target, smoothing=smoothing, weights=weights)

    network = MLP(hidden=(8,), dropout=0.0).make((4,), 3, generator(0))
    scheme.fit(network, Watching(TASK.classes), data, Streams(0, 3), no_report)
    assert [len(target) for target in seen] == [3], "the second half of the six newest, and no pass of the first"


def test_very_small_tasks_are_not_divided(data: TrainingSet) -> None:
    few = TrainingSet(data.x[:1], data.y[:1], data.ids[:1])
    assert all(torch.isfinite(tensor).all() for tensor in fitted(MetaIncremental(SHORT), few).state_dict().values())
