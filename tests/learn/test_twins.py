"""Adversarial twins: the label of the item, just beyond the boundary, no label of the budget, no step more."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams, torch_seed
from querist.learn.device import generator
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.schemes.twins import Twins, with_twins
from querist.learn.statistics.deepfool import DeepFool
from querist.nets.base import MLP, Network
from querist.nets.text_cnn import TextCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.testing.scheme_contract import images

TASK = ClassificationHead.of(new_space("classification", ["a", "b", "c"]).schema())
DATA = TrainingSet(torch.from_numpy(images(12))[:, None], np.arange(12) % 3)
FEW = Steps(0.0, 40, 40)


def network() -> Network:
    return MLP(hidden=(8,)).make((1, 6, 6), 3, generator(torch_seed(np.random.default_rng(0))))


def trained() -> Network:
    made = network()
    Supervised(steps=FEW, rate=0.02).fit(made, TASK, DATA, Streams(0, 1), no_report)
    return made


def test_a_twin_carries_the_label_of_its_item() -> None:
    made = trained()
    both = with_twins(made, DATA, DeepFool())
    assert len(both.y) == 24 and torch.equal(both.x[:12], DATA.x) and np.array_equal(both.y[:12], DATA.y)
    np.testing.assert_array_equal(both.y[12:], DATA.y)
    with torch.no_grad():
        before, after = made(DATA.x).argmax(dim=1), made(both.x[12:]).argmax(dim=1)
    assert (before != after).all(), "and the network takes every twin for another class than its item"
    assert (both.x[12:] - DATA.x).flatten(1).norm(dim=1).max() < DATA.x.flatten(1).norm(dim=1).min(), "near its item"


def test_an_item_that_never_flips_has_no_twin() -> None:
    made = network().eval()
    with torch.no_grad():
        made.last.weight.zero_()
        made.last.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    assert len(with_twins(made, DATA, DeepFool()).y) == 12


def test_a_twin_costs_no_label_and_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    inner = Supervised.fit

    def watched(self: Supervised, made: Network, task: Any, data: TrainingSet, *rest: Any) -> Fit:
        seen.append((len(data.y), self.steps(len(data.y))))
        return inner(self, made, task, data, *rest)

    monkeypatch.setattr(Supervised, "fit", watched)
    rule = Steps(per_label=3.0, low=1, high=500)
    done = Twins(steps=rule, share=0.25).fit(network(), TASK, DATA, Streams(0, 1), no_report)
    (labels, before), (both, after) = seen
    assert (labels, before, after) == (12, 9, 27) and done.steps == 36 == rule(12), "the rule is asked for the labels, not for what is trained on"
    assert 12 < both <= 24


def test_twins_change_the_training_and_do_not_spoil_it() -> None:
    plain, twins = network(), network()
    Supervised(steps=FEW, rate=0.02).fit(plain, TASK, DATA, Streams(0, 1), no_report)
    Twins(Supervised(rate=0.02), FEW).fit(twins, TASK, DATA, Streams(0, 1), no_report)
    assert not torch.equal(plain.last.weight, twins.last.weight)
    rest = torch.from_numpy(images(60, seed=5))[:, None]
    for made in (plain, twins):
        with torch.no_grad():
            assert (made(rest).argmax(dim=1).numpy() == np.arange(60) % 3).mean() > 0.5


def test_a_single_step_is_plain_training() -> None:
    assert Twins(steps=Steps(0.0, 1, 1)).fit(network(), TASK, DATA, Streams(0, 1), no_report).steps == 1


def test_progress_is_that_of_the_whole() -> None:
    seen: list[tuple[float, int, int]] = []
    Twins(steps=FEW).fit(network(), TASK, DATA, Streams(0, 1), lambda phase, done, extra: seen.append((done, extra["step"], extra["steps"])))
    assert seen[-1] == (1.0, 40, 40) and seen == sorted(seen) and {total for _, _, total in seen} == {40}


def test_refusals() -> None:
    for wrong, says in ((Twins(share=1.0), "between two parts"), (Twins(Supervised(validation=0.2)), "validated on its twin")):
        with pytest.raises(UsageError, match=says):
            wrong.fit(network(), TASK, DATA, Streams(0, 1), no_report)
    words = TextCNN(words=20, width=4, channels=3, widths=(2,)).make((36,), 3, generator(0))
    with pytest.raises(UsageError, match="no twins of word indices"):
        with_twins(words, dataclasses.replace(DATA, x=DATA.x.flatten(1)), DeepFool())
