"""Hidden layers as views: detached classifiers, weights by labels not seen, and entropy sampling where there is one view."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, job, label
from learn_short import SHORT
from torch import Tensor, nn

from querist.acquire.compose import Compose
from querist.acquire.scores import Entropy
from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.programme import Setting
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.hidden_views import HiddenViews, Views, judged, layer_widths
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.statistics import view_uncertainty
from querist.learn.statistics.question import Question
from querist.learn.training import Training
from querist.nets.base import MLP, Network, initialise
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
DATA = TrainingSet(torch.from_numpy(clouds(30)), np.arange(30) % 3)


def fitted(scheme: HiddenViews, network: Network, data: TrainingSet = DATA) -> Fit:
    return scheme.fit(network, TASK, data, Streams(0, 1), no_report)


def views(fit: Fit) -> Views:
    module = fit.modules["views"]
    assert isinstance(module, Views)
    return module


def question(items: list[str]) -> Question:
    return Question(items, lambda: np.empty((0, 1)), lambda: (np.empty((0, 1)), []))


def test_the_network_is_trained_as_without_views() -> None:
    plain, viewed = (MLP(hidden=(8, 6)).make((4,), 3, generator(0)) for _ in range(2))
    SHORT.fit(plain, TASK, DATA, Streams(0, 1), no_report)
    fit = fitted(HiddenViews(SHORT), viewed)
    assert all(torch.equal(tensor, viewed.state_dict()[name]) for name, tensor in plain.state_dict().items()), "bit for bit"
    assert len(views(fit).weight) == 2, "a hidden layer, and the features in front of the last one"


def test_weights_sum_to_one_and_follow_the_cross_entropy() -> None:
    weight = views(fitted(HiddenViews(SHORT), MLP(hidden=(8, 6, 5)).make((4,), 3, generator(0)))).weight
    assert len(weight) == 3 and bool((weight >= 0).all()) and float(weight.sum()) == pytest.approx(1.0)


class Blind(nn.Module):
    """A trunk of which one hidden layer sees nothing of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.see, self.seen, self.blind, self.nothing = nn.Linear(4, 12), nn.ReLU(), nn.Linear(4, 12), nn.ReLU()
        self.join = nn.Linear(12, 12)
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        self.nothing(self.blind(0.0 * x))
        out: Tensor = self.last(self.join(self.seen(self.see(x))))
        return out


def test_a_view_that_says_nothing_has_no_influence() -> None:
    network = Network(Blind(), nn.Sequential(nn.Linear(12, 3)))
    initialise(network, generator(0))
    scheme = HiddenViews(Supervised(steps=Steps(0.0, 150, 150), rate=0.02))
    module = views(fitted(scheme, network, TrainingSet(torch.from_numpy(clouds(60)), np.arange(60) % 3)))
    weight = dict(zip((*module.names, "features"), module.weight.tolist(), strict=True))
    assert weight["trunk.nothing"] < 0.01 and weight["trunk.seen"] > 0.1


def test_one_view_is_entropy_sampling() -> None:
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    learner = Learner(MLP((8, 6)), HiddenViews(SHORT, views=1))
    told = {item: label(item) for item in ids(0, 12)}
    done = learner.fit(inputs, TASK, told, Streams(0, 1), None, no_report)
    found = view_uncertainty.compute(done, question(ids(12, 60)))
    probs = done.score(ids(12, 60)).probs[:, 0].astype(np.float64)
    entropy = -(probs * np.log(probs)).sum(axis=1)
    np.testing.assert_allclose(found, entropy / np.log(3), rtol=1e-4, atol=1e-6)
    assert views(done.fits[0]).names == () and float(views(done.fits[0]).weight) == 1.0


def test_one_view_chooses_as_entropy_does(tmp_path: Path) -> None:
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    learner = Learner(MLP((8, 6)), HiddenViews(SHORT, views=1))
    rankings = []
    for name, acquisition in (("mine", catalogue.acquisition("al_mv")), ("entropy", Compose(score=Entropy()))):
        rankings.append(LearnerRuntime(inputs, inputs, learner, acquisition).train_score_select(job(tmp_path / name), no_report).ranking.ids)
    assert rankings[0] == rankings[1]


def test_a_label_is_judged_by_a_classifier_that_has_not_seen_it() -> None:
    """Items of random labels: a classifier that had seen them would do better on them than chance."""
    rng = np.random.Generator(np.random.PCG64(0))
    x, y = torch.from_numpy(rng.normal(size=(18, 64)).astype(np.float32)), rng.integers(0, 3, 18)
    scheme, network = HiddenViews(Supervised(steps=Steps(0.0, 120, 120), rate=0.02)), MLP(hidden=(), dropout=0.0).make((64,), 3, generator(0))
    module = views(fitted(scheme, network, TrainingSet(x, y)))
    with torch.no_grad():
        logits = module({}, x)[:, 0]
    losses = torch.stack([TASK.loss(logits[:, fold], torch.from_numpy(y)) for fold in range(3)], dim=1).sort(dim=1).values
    assert float(losses[:, :2].mean()) < 0.5, "two of three classifiers have seen an item"
    assert float(losses[:, 2].mean()) > 1.0, "and one has not"
    given = Setting(network, TASK, TrainingSet(x, y), Streams(0, 1))
    made = scheme.programme(given)
    own = made.modules["views"]
    assert isinstance(own, Views)
    training = Training(made, given, no_report)
    folds = torch.from_numpy(np.arange(18) % 3)
    with torch.no_grad():
        mine = torch.stack([TASK.loss(own({}, x)[:, 0, fold], torch.from_numpy(y)) for fold in range(3)], dim=1)[torch.arange(18), folds].mean()
        torch.testing.assert_close(judged(own, folds, training, made.stage(), network), mine[None])


def test_labels_held_back_judge_where_there_are_some() -> None:
    network = MLP(hidden=(8,)).make((4,), 3, generator(0))
    fit = fitted(HiddenViews(dataclasses.replace(SHORT, validation=0.3)), network)
    assert fit.validated_on == 9 and float(views(fit).weight.sum()) == pytest.approx(1.0)


def test_views_of_a_convolutional_network() -> None:
    network = SmallCNN(channels=(4, 6), hidden=8).make((1, 6, 6), 3, generator(0))
    widths, features = layer_widths(network, (1, 6, 6))
    assert list(widths.values()) == [4, 6] and features == 8, "the last hidden layer is the features, and no view of its own"
    flat = SmallCNN(channels=(4, 6), hidden=0).make((1, 6, 6), 3, generator(0))
    assert list(layer_widths(flat, (1, 6, 6))[0].values()) == [4, 6]


def test_views_are_of_classes() -> None:
    network = MLP(hidden=(8,)).make((4,), 2, generator(0))
    with pytest.raises(UsageError, match="classes"):
        HiddenViews(SHORT).programme(Setting(network, TASK, TrainingSet(DATA.x, np.zeros((30, 2), dtype=np.float32)), Streams(0, 1)))
    assert catalogue.scheme_name("al_mv") == "hidden_views"
