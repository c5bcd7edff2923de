"""Label propagation in training: whose the pseudo-labels are, what they weigh, what they are made from, and that they go away."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids
from learn_short import SHORT
from torch import Tensor

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.learn.augment import Augment
from querist.learn.device import generator
from querist.learn.programme import Hook, Programme, Setting
from querist.learn.schemes import label_propagation
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.deepcluster import DeepCluster
from querist.learn.schemes.label_propagation import LabelPropagation
from querist.learn.schemes.pretrained import Pretrained
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.stage_run import Targets
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

pytest.importorskip("scipy")

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
INNER = Supervised(steps=Steps(0.0, 40, 40), batch=16, rate=0.01)
READ: list[int] = []


def setting(pool: bool = True, labels: int = 6, images: bool = False, classes: int = 3) -> Setting:
    """Item i belongs to cloud i mod 3."""
    shape = (1, 6, 6) if images else (4,)
    x = torch.from_numpy(clouds(600, int(np.prod(shape)))).reshape(600, *shape)
    READ.clear()

    def load(some: Any) -> Tensor:
        READ.append(len(some))
        return x[[int(item) for item in some]]

    network = (SmallCNN((4,), hidden=8) if images else MLP((16,), dropout=0.2)).make(shape, 3, generator(0))
    unlabelled = Unlabelled(ids(labels, 600), load) if pool else None
    return Setting(network, TASK, TrainingSet(x[:labels], np.arange(labels) % classes, pool=unlabelled), Streams(0, 1))


def watched(scheme: LabelPropagation, given: Setting) -> tuple[list[Targets | None], Training]:
    """What was given, as it stood after each propagation; and the training when it is done."""
    seen: list[Targets | None] = []
    programme: Programme = scheme.programme(given)
    stage = programme.stage()
    look = Hook(lambda training: seen.append(training.pseudo), scheme.times, scheme.start)
    training = Training(programme.with_stage(dataclasses.replace(stage, hooks=(*stage.hooks, look))), given, no_report)
    training.run()
    return seen, training


def cloud(x: Tensor) -> np.ndarray:
    """Of which cloud the inputs are, looked up."""
    every = {tuple(row): place % 3 for place, row in enumerate(clouds(600).tolist())}
    return np.array([every[tuple(row)] for row in x.tolist()])


def test_pseudo_labels_are_of_the_items_they_are_given_with() -> None:
    seen, training = watched(LabelPropagation(INNER, sample=300, times=4), setting())
    assert len(seen) == 4
    for targets in seen:
        assert targets is not None and targets.weight is not None
        assert len(targets.y) == 150 == len(targets.x.unique(dim=0)), "half of the sample, each once"
        assert (cloud(targets.x) == targets.y.numpy()).mean() > 0.9, "positions in the sample are those in the graph"
        assert 0 < targets.weight.min() and targets.weight.max() <= 1
    assert not torch.equal(seen[0].x, seen[1].x), "drawn anew"  # type: ignore[union-attr]
    assert training.notes["propagations"] == 4.0 and training.notes["pseudo"] == 150.0


def test_what_is_certain_is_drawn_and_weighs_more(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.linspace(0.0, 1.0, 306)

    def told(spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(spread), dtype=np.int64), weights

    monkeypatch.setattr(label_propagation.propagation, "told", told)
    given = setting()
    seen, _ = watched(LabelPropagation(INNER, sample=300, times=2), given)
    assert seen[0] is not None and seen[0].weight is not None and float(seen[0].weight.mean()) > 0.55
    weights[:] = 0.0
    seen, _ = watched(LabelPropagation(INNER, sample=300, times=2), given)
    assert seen == [None, None], "what nothing reaches is not trained on"


def same(one: Any, other: Any) -> bool:
    return all(torch.equal(first, second) for first, second in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("scheme", [LabelPropagation(SHORT), LabelPropagation(Pretrained(SHORT, DeepCluster(steps=9)))])
def test_with_zero_unlabelled_it_is_supervised(scheme: Any) -> None:
    networks = []
    for each in (scheme, SHORT):
        given = setting(pool=False)
        fit = each.fit(given.network, given.task, given.data, given.streams, no_report)
        networks.append(given.network)
        assert fit.steps == 20 and not fit.notes
    assert same(*networks), "bit for bit"


@pytest.mark.parametrize(("classes", "labels"), [(1, 6), (3, 1)])
def test_labels_of_one_class_are_not_propagated(classes: int, labels: int) -> None:
    networks = []
    for scheme in (LabelPropagation(SHORT), SHORT):
        given = setting(classes=classes, labels=labels)
        fit = scheme.fit(given.network, given.task, given.data, given.streams, no_report)
        networks.append(given.network)
    assert same(*networks) and not fit.notes


def test_the_graph_sees_inputs_as_they_are_in_eval_mode_and_leaves_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """The public code reads features from a loader that augments."""
    given, seen = setting(images=True), []

    def graph(features: np.ndarray, *rest: Any) -> Any:
        network = given.network
        assert network.training
        network.eval()
        with torch.no_grad():
            assert given.data.pool is not None
            x = torch.cat([given.data.x, *(given.data.pool.batch(np.arange(594)).split(256))])
            expected = {row.tobytes() for row in network.trunk(x).numpy().round(3)}
        network.train()
        seen.append(np.mean([row.tobytes() in expected for row in features.round(3)]))
        return original(features, *rest)

    original = label_propagation.propagation.graph
    monkeypatch.setattr(label_propagation.propagation, "graph", graph)
    shifted = dataclasses.replace(INNER, augment=Augment(shift=2, flip=True))
    watched(LabelPropagation(shifted, sample=100, times=2), given)
    assert len(seen) == 2 and min(seen) > 0.9


def test_time_and_memory_do_not_grow_with_the_pool() -> None:
    seen, _ = watched(LabelPropagation(INNER, sample=300, times=3), setting())
    assert max(READ) <= 256 and sum(READ) == 300, "read once, a batch at a time"
    assert seen[0] is not None and len(seen[0].x) == 150


def test_a_batch_is_of_both_and_what_people_said_counts_in_full() -> None:
    given, seen = setting(), []
    base = INNER.programme(given)
    term = base.stage().phases[0].terms[0]

    def look(step: Any) -> Tensor:
        if step.weight is not None:
            seen.append((int((step.rows < 6).sum()), step.weight[step.rows < 6].tolist()))
        return term.loss(step)

    @dataclasses.dataclass(frozen=True)
    class Inner:
        def programme(self, setting: Setting) -> Programme:
            phase = dataclasses.replace(base.stage().phases[0], terms=(dataclasses.replace(term, loss=look),))
            return base.with_stage(dataclasses.replace(base.stage(), phases=(phase,)))

    watched(LabelPropagation(Inner(), sample=100, start=0.25), given)
    assert seen == [(6, [1.0] * 6)] * 30, "40 % of 16, from a quarter of the steps on"


def test_held_back_labels_do_not_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    given, counts = setting(labels=30), []
    original = label_propagation.propagation.seeds
    monkeypatch.setattr(label_propagation.propagation, "seeds", lambda y, *rest: counts.append(len(y)) or original(y, *rest))
    watched(LabelPropagation(dataclasses.replace(INNER, validation=0.2), sample=100, times=2), given)
    assert counts == [24, 24]


def test_targets_must_be_classes() -> None:
    given = setting()
    given = dataclasses.replace(given, data=dataclasses.replace(given.data, y=np.zeros((6, 2), dtype=np.float32)))
    with pytest.raises(UsageError, match="classes"):
        LabelPropagation(INNER).programme(given)
