"""A network that labels for its successor: whose labels, which items, for how long, and what happens when none is sure enough."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, job, label

from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import PoolError, UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.before import Before
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.programme import Setting
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.confident_labels import ConfidentLabels
from querist.learn.schemes.own_labels import swept
from querist.learn.schemes.self_paced import SelfPaced
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.schemes.verified_labels import VerifiedLabels, nearest_class
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
SHORT = Supervised(steps=Steps(0.0, 30, 30), rate=0.02, batch=16)
ALL = {"cap": 1000.0, "per_class": 1000.0}
OFF = {"confident": ConfidentLabels(SHORT, delta=0.0), "verified": VerifiedLabels(SHORT, start=0.0), "paced": SelfPaced(SHORT, start=0.0)}


def network(seed: int = 0) -> Network:
    return MLP(hidden=(8,), dropout=0.3).make((4,), 3, generator(seed))


@pytest.fixture
def before(tmp_path: Path) -> Before:
    """A round before, of twelve labels."""
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    learner = Learner(MLP(hidden=(8,), dropout=0.3), SHORT)
    learner.fit(inputs, TASK, {item: label(item) for item in ids(0, 12)}, Streams(0, 1), None, no_report).save(tmp_path)
    return Before(tmp_path, 0, network)


def setting(before: Before | None, round_: int = 2, broken: tuple[str, ...] = ()) -> Setting:
    """Round two or later: eighteen labels, forty-two items without."""
    x = torch.from_numpy(clouds(60))

    def load(items: Any) -> torch.Tensor:
        if set(broken) & set(items):
            raise PoolError("no")
        return x[[int(item) for item in items]]

    pool = Unlabelled(ids(18, 60), load, lambda items: [item for item in items if item not in broken])
    return Setting(network(), TASK, TrainingSet(x[:18], np.arange(18) % 3, tuple(ids(0, 18)), pool, before), Streams(0, round_))


def begun(scheme: Any, given: Setting) -> Training:
    """The training after its first hook, before its first step."""
    training = Training(scheme.programme(given), given, no_report)
    scheme.programme(given).stage().hooks[-1].run(training)
    return training


def answers(network: Network | None, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    assert network is not None
    with torch.no_grad():
        probs = torch.softmax(network(x), dim=1)
    return probs.argmax(dim=1), -(probs * probs.log()).sum(dim=1)


@pytest.mark.parametrize("name", OFF)
def test_with_a_threshold_of_nothing_it_is_plain_training_bit_for_bit(before: Before, name: str) -> None:
    plain, other = setting(before), setting(before)
    SHORT.fit(plain.network, TASK, plain.data, plain.streams, no_report)
    fit = OFF[name].fit(other.network, TASK, other.data, other.streams, no_report)
    assert all(torch.equal(tensor, other.network.state_dict()[key]) for key, tensor in plain.network.state_dict().items())
    assert not fit.notes.get("pseudo_labels")


@pytest.mark.parametrize("scheme", [ConfidentLabels(SHORT, delta=0.3, **ALL), VerifiedLabels(SHORT, start=0.3, **ALL), SelfPaced(SHORT, start=0.3, **ALL)])
def test_a_pseudo_label_is_what_the_network_before_would_answer(before: Before, scheme: Any) -> None:
    training = begun(scheme, setting(before))
    pseudo = training.pseudo
    assert pseudo is not None and training.notes == {"pseudo_labels": len(pseudo.y)}
    target, _ = answers(before.network, pseudo.x)
    assert torch.equal(pseudo.y, target)
    pool = {tuple(row) for row in clouds(60)[18:].tolist()}
    assert all(tuple(row) in pool for row in pseudo.x.tolist()), "of what nobody labelled"
    assert len({tuple(row) for row in pseudo.x.tolist()}) == len(pseudo.x)


def test_the_confident_are_those_of_less_entropy_than_the_threshold(before: Before) -> None:
    given = setting(before)
    assert given.data.pool is not None
    x = given.data.pool.batch(np.arange(42))
    _, entropy = answers(before.network, x)
    for delta in (0.1, 0.3, 0.6):
        pseudo = begun(ConfidentLabels(SHORT, delta=delta, decay=0.0, **ALL), given).pseudo
        sure = x[entropy < delta]
        assert pseudo is None if not len(sure) else torch.equal(pseudo.x, sure)  # type: ignore[union-attr]


def test_without_a_threshold_it_trains_on_everything(before: Before) -> None:
    given = setting(before)
    pseudo = begun(ConfidentLabels(SHORT, delta=np.inf, **ALL), given).pseudo
    assert pseudo is not None and given.data.pool is not None and torch.equal(pseudo.x, given.data.pool.batch(np.arange(42)))
    rows = set()
    made = ConfidentLabels(SHORT, delta=np.inf, **ALL).programme(given)
    term = made.stage().phases[0].terms[0]

    def watch(step: Any) -> torch.Tensor:
        rows.update(step.rows.tolist())
        return term.loss(step)

    phase = dataclasses.replace(made.stage().phases[0], terms=(dataclasses.replace(term, loss=watch),))
    Training(made.with_stage(dataclasses.replace(made.stage(), phases=(phase,))), given, no_report).run()
    assert rows == set(range(60)), "labelled and unlabelled, and both are drawn"


def test_caps_are_relative_to_the_labels(before: Before) -> None:
    one = begun(ConfidentLabels(SHORT, delta=np.inf, cap=0.5, per_class=10.0), setting(before)).pseudo
    assert one is not None and len(one.y) == 9
    even = begun(ConfidentLabels(SHORT, delta=np.inf, cap=10.0, per_class=0.2), setting(before)).pseudo
    assert even is not None and torch.bincount(even.y).tolist() == [3, 3, 3]
    assert begun(ConfidentLabels(SHORT, delta=np.inf, cap=0.0), setting(before)).pseudo is None


def test_the_threshold_falls_from_round_to_round(before: Before) -> None:
    counts = [begun(ConfidentLabels(SHORT, delta=0.6, decay=0.15, **ALL), setting(before, t)).notes.get("pseudo_labels", 0.0) for t in (2, 3, 4, 5, 6, 7)]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1] == 0.0
    growing = [begun(VerifiedLabels(SHORT, start=0.02, growth=2.0, **ALL), setting(before, t)).notes["pseudo_labels"] for t in (2, 4, 7)]
    assert growing == sorted(growing) and growing[0] < growing[-1]


def test_the_first_round_has_none() -> None:
    given = setting(None, 1)
    for scheme in (ConfidentLabels(SHORT, delta=np.inf), VerifiedLabels(SHORT, start=np.inf)):
        assert begun(scheme, given).pseudo is None
        assert begun(scheme, dataclasses.replace(given, data=dataclasses.replace(given.data, pool=None))).pseudo is None


def test_what_cannot_be_read_is_left_out(before: Before) -> None:
    given = setting(before, broken=("20", "41"))
    pseudo = begun(ConfidentLabels(SHORT, delta=np.inf, **ALL), given).pseudo
    whole = torch.from_numpy(clouds(60))[[item for item in range(18, 60) if item not in (20, 41)]]
    assert pseudo is not None and torch.equal(pseudo.x, whole) and torch.equal(pseudo.y, answers(before.network, whole)[0])


def test_only_a_sample_of_a_large_pool_is_looked_at(before: Before) -> None:
    given = setting(before)
    assert given.data.pool is not None and before.network is not None
    rng = given.streams("auxiliary")
    seen = swept(before.network, given.data.pool, rng, 10)
    assert len(seen.places) == 10 and (np.diff(seen.places) > 0).all() and len(seen.output) == 10


def test_verified_are_a_part_of_the_easy_and_their_nearest_centroid_agrees(before: Before) -> None:
    given = setting(before)
    assert given.data.pool is not None and before.network is not None
    pseudo = begun(VerifiedLabels(SHORT, start=0.9, **ALL), given).pseudo
    assert pseudo is not None
    x = given.data.pool.batch(np.arange(42))
    with torch.no_grad():
        phi, anchors = before.network.trunk(x), before.network.trunk(given.data.x)
        losses = TASK.loss(before.network(x), before.network(x).argmax(dim=1))
    target, _ = answers(before.network, x)
    unit = anchors / anchors.norm(dim=1, keepdim=True)
    centroids = torch.stack([unit[given.data.y == c].mean(dim=0) for c in range(3)])
    near = torch.stack([torch.nn.functional.cosine_similarity(phi, centroid[None]) for centroid in centroids]).argmax(dim=0)
    assert torch.equal(pseudo.x, x[(losses < 0.9) & (near == target)])


def test_a_witness_who_disagrees_is_heard() -> None:
    anchors, classes = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 5.0]]), torch.tensor([4, 4, 2])
    assert nearest_class(torch.tensor([[10.0, 1.0], [0.1, 0.2], [1.0, 1.0]]), anchors, classes).tolist() == [4, 2, 4]


def test_verification_needs_classes(before: Before) -> None:
    given = setting(before)
    with pytest.raises(UsageError, match="classes"):
        VerifiedLabels(SHORT).programme(dataclasses.replace(given, data=dataclasses.replace(given.data, y=np.zeros((18, 2), dtype=np.float32))))
    with pytest.raises(UsageError, match="weights"):
        SelfPaced(SHORT, weights="soft").programme(given)


def test_self_paced_weights_are_those_of_the_losses(before: Before) -> None:
    for kind in ("linear", "hard"):
        given = setting(before)
        pseudo = begun(SelfPaced(SHORT, start=0.5, growth=1.0, weights=kind, **ALL), given).pseudo
        assert pseudo is not None and pseudo.weight is not None and before.network is not None
        with torch.no_grad():
            losses = TASK.loss(before.network(pseudo.x), pseudo.y)
        wanted = torch.clamp(1 - losses / 0.5, min=0) if kind == "linear" else torch.ones(len(losses))
        torch.testing.assert_close(pseudo.weight, wanted)
        assert bool((losses < 0.5).all())


def test_self_paced_labels_are_made_anew_while_it_trains() -> None:
    given, seen = setting(None, 1), []
    scheme = SelfPaced(SHORT, start=1.5, times=3, **ALL)
    made = scheme.programme(given)
    hook = made.stage().hooks[-1]

    def watch(training: Training) -> None:
        hook.run(training)
        now = None if training.pseudo is None else torch.equal(training.pseudo.y, answers(given.network.eval(), training.pseudo.x)[0])
        given.network.train()
        seen.append((round(training.progress, 2), now))

    stage = dataclasses.replace(made.stage(), hooks=(dataclasses.replace(hook, run=watch),))
    fit = Training(made.with_stage(stage), given, no_report).run()
    assert seen == [(0.0, None), (0.33, True), (0.67, True)] and fit.notes["pseudo_labels"] > 0


@pytest.mark.parametrize("method", ["ceal", "hdal", "dasl"])
def test_no_pseudo_label_is_left_after_the_round_and_none_costs_a_label(tmp_path: Path, method: str) -> None:
    """Three rounds as a project runs them: the labels of a round are those that were told, whatever the network said for itself."""
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    scheme = {"ceal": ConfidentLabels(SHORT, delta=1.0), "hdal": VerifiedLabels(SHORT, start=1.0), "dasl": SelfPaced(SHORT, start=1.0)}[method]
    runtime = LearnerRuntime(inputs, inputs, Learner(MLP((8,)), scheme), catalogue.acquisition(method))
    labelled, previous, counts = ids(0, 12), None, []
    for number in (1, 2, 3):
        folder = tmp_path / str(number)
        told = {item: label(item) for item in sorted(labelled, key=int)}
        open_ = [item for item in ids(0, 44) if item not in labelled]
        done = runtime.train_score_select(job(folder, round=number, labelled=told, candidates=open_, pending=[], previous=previous), no_report)
        kept = Before(folder, 0, network)
        assert kept.ids == set(labelled) and not kept.memory and done.info["labels"] == len(labelled)
        counts.append(done.info.get("notes", [{}])[0].get("pseudo_labels", 0.0))
        assert set(done.ranking.ids) <= set(open_)
        labelled, previous = [*labelled, *done.ranking.ids[:5]], str(folder)
    assert len(labelled) == 12 + 3 * 5 and counts[1] > 0 and counts[2] > 0


@pytest.mark.parametrize(("method", "scheme"), [("ceal", "confident_labels"), ("hdal", "verified_labels"), ("dasl", "self_paced")])
def test_the_row_brings_its_scheme(method: str, scheme: str) -> None:
    assert catalogue.scheme_name(method) == scheme and catalogue.row(scheme, "scheme")
