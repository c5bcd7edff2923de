"""Learning loss: the hinge, where gradients stop, and that the module learns which items are hard."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, job
from learn_short import SHORT
from scipy.stats import spearmanr

from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.learning_loss import LearningLoss, ranked
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import MLP
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.tasks.regression.learning import RegressionHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())


def test_the_hinge() -> None:
    loss = torch.tensor([2.0, 1.0, 5.0, 1.0, 0.5])
    estimate = torch.tensor([1.5, 0.0, 9.0, 0.4, 0.0], requires_grad=True)
    pairs = ranked(estimate, loss)
    assert pairs.tolist() == [0.0, 0.0], "far enough apart in the right order; a tie; the odd item is left out"
    pairs.sum().backward()
    assert estimate.grad is not None and not estimate.grad.any()
    wrong = ranked(torch.tensor([0.0, 0.4]), torch.tensor([2.0, 1.0]))
    assert wrong.tolist() == pytest.approx([1.4]), "margin + how far the wrong way"
    assert ranked(torch.tensor([0.0, 0.4]), torch.tensor([1.0, 2.0])).tolist() == pytest.approx([0.6])
    assert ranked(torch.tensor([0.1, 0.5]), torch.tensor([1.0, 0.2])).tolist() == pytest.approx([1.4])
    assert ranked(torch.tensor([0.0]), torch.tensor([1.0])).numel() == 0


def test_pairs_cover_each_item_once() -> None:
    for n in (2, 7, 8):
        estimate = torch.zeros(n, requires_grad=True)
        ranked(estimate, torch.arange(n, dtype=torch.float32)).sum().backward()
        assert estimate.grad is not None and int((estimate.grad != 0).sum()) == n - n % 2


def test_no_gradient_reaches_the_loss_that_is_ranked() -> None:
    loss = torch.tensor([2.0, 1.0], requires_grad=True)
    found = ranked(torch.tensor([0.0, 0.4], requires_grad=True), loss.detach())
    found.sum().backward()
    assert loss.grad is None


def test_detached_the_network_trains_as_without_the_module() -> None:
    x, y = torch.from_numpy(clouds(20)), np.arange(20) % 3
    states = []
    for scheme in (SHORT, LearningLoss(SHORT, detach=0.0), LearningLoss(SHORT, detach=1.0)):
        network = MLP(hidden=(8,)).make((4,), 3, generator(0))
        scheme.fit(network, TASK, TrainingSet(x, y), Streams(0, 1), no_report)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0]), "bit for bit"
    assert not torch.equal(states[0]["trunk.1.weight"], states[2]["trunk.1.weight"])


def test_the_module_ranks_items_of_known_noise() -> None:
    """Half of the plane has random labels: there the loss stays high, and the module must say so of items it has not seen."""
    rng = stream(0, 0, "oracle")
    x = rng.normal(size=(900, 2)).astype(np.float32)
    y = np.where(x[:, 0] > 0, rng.integers(0, 3, 900), (x[:, 1] > 0).astype(np.int64))
    network = MLP(hidden=(32,), dropout=0.0).make((2,), 3, generator(0))
    scheme = LearningLoss(Supervised(steps=Steps(0.0, 400, 400), rate=0.01))
    fit = scheme.fit(network, TASK, TrainingSet(torch.from_numpy(x[:600]), y[:600]), Streams(0, 1), no_report)
    with torch.no_grad():
        losses = TASK.loss(network(torch.from_numpy(x[600:])), torch.from_numpy(y[600:])).numpy()
        hidden = network.trunk(torch.from_numpy(x[600:]))
        estimate = fit.modules["loss"]([hidden]).numpy()
    assert spearmanr(estimate, losses).statistic > 0.5


def test_its_row_brings_the_scheme_and_the_statistic_is_there_after_a_kill(tmp_path: Path) -> None:
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    learner = Learner(MLP((8,)), LearningLoss(SHORT))
    runtime = LearnerRuntime(inputs, inputs, learner, catalogue.acquisition("llal"))
    first = runtime.train_score_select(job(tmp_path), no_report)
    again = runtime.train_score_select(job(tmp_path), no_report)
    assert first.ranking == again.ranking and len(set(first.ranking.scores)) > 1, "restored from the folder, module and all"
    fitted = learner.restore(inputs, TASK, tmp_path, Streams(0, 1))
    assert fitted is not None and set(fitted.fits[0].modules) == {"loss"}
    assert catalogue.scheme_name("llal") == "learning_loss" and catalogue.scheme_name("margin") is None
    assert dataclasses.replace(learner, scheme=SHORT).provides == learner.provides - {"loss_estimate"}
    assert set(first.ranking.ids) <= set(ids(12, 42))


def test_beside_squared_errors_the_ranking_does_not_outweigh_them() -> None:
    """Squared errors in units fall to hundredths; hinges of margin 1 do not. With log-losses the weight is as it is said."""
    space = new_space("regression", ["y"], low=[-20.0], high=[20.0])
    task = RegressionHead.of(space.schema())
    x = torch.from_numpy(clouds(120))
    y = (x[:, :1] + x[:, 1:2] * 0.5).numpy()

    def error(scheme: Any, head: Any) -> float:
        network = MLP((32,), dropout=0.0).make((4,), 1, generator(0))
        scheme.fit(network, head, TrainingSet(x, y), Streams(0, 1), no_report)
        with torch.no_grad():
            return float(head.loss(network(x), torch.from_numpy(y)).mean())

    inner = Supervised(steps=Steps(0.0, 300, 300))
    heavy, blind = LearningLoss(inner, weight=10.0, detach=1.0), type("Blind", (RegressionHead,), {"squared": False})
    plain, joined, unweighed = error(inner, task), error(heavy, task), error(heavy, blind(**dataclasses.asdict(task)))
    assert joined < 3 * plain and unweighed > 3 * joined, f"{plain:.5f} alone, {joined:.5f} with the module, {unweighed:.5f} if it is not weighed"
