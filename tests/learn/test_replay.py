"""Incremental training: which labels a step reads, what is distilled, and how many steps a round has."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, job, label

from querist.assemble.parts import learner as assembled
from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.before import Before
from querist.learn.checkpoint import Checkpoint
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.programme import Programme, Setting
from querist.learn.refits import REFITS, Replaying, Warm
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.confident_labels import ConfidentLabels
from querist.learn.schemes.replay import Fewer, Replay
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.schemes.twins import Twins
from querist.learn.step import Step
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
SHORT = Supervised(steps=Steps(0.0, 30, 30), rate=0.02, batch=8)


def network(seed: int = 0) -> Network:
    return MLP(hidden=(8,), dropout=0.3).make((4,), 3, generator(seed))


@pytest.fixture
def before(tmp_path: Path) -> Before:
    """A round before, of the items 3 to 14."""
    learner = Learner(MLP(hidden=(8,), dropout=0.3), SHORT)
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    learner.fit(inputs, TASK, {item: label(item) for item in ids(3, 15)}, Streams(0, 1), None, no_report).save(tmp_path)
    return Before(tmp_path, 0, network)


def setting(before: Before | None, labels: int = 18, start: Any = None) -> Setting:
    """Items 0 to 17: six of them new."""
    own = network()
    if start is not None and before is not None:
        start.start(own, before)
    data = TrainingSet(torch.from_numpy(clouds(60))[:labels], np.arange(labels) % 3, tuple(ids(0, labels)), None, before)
    return Setting(own, TASK, data, Streams(0, 2))


def watched(made: Programme, seen: list[Step]) -> Programme:
    """The programme, its steps noted."""
    stage = made.stage()
    phase = stage.phases[0]

    def loss(step: Step) -> torch.Tensor:
        seen.append(step)
        return phase.terms[0].loss(step)

    terms = (dataclasses.replace(phase.terms[0], loss=loss), *phase.terms[1:])
    return made.with_stage(dataclasses.replace(stage, phases=(dataclasses.replace(phase, terms=terms),)))


def test_half_of_a_batch_is_new_and_half_is_history(before: Before) -> None:
    seen: list[Step] = []
    given = setting(before)
    Training(watched(Replay(SHORT).programme(given), seen), given, no_report).run()
    new = {0, 1, 2, 15, 16, 17}
    for step in seen:
        rows = step.rows.tolist()
        assert len(rows) == 8 and sum(row in new for row in rows) == 4
    assert {row for step in seen for row in step.rows.tolist()} == set(range(18)), "history is replayed in turn, and holds labels of people only"


def test_pseudo_labelled_items_stay_beside_what_is_replayed(before: Before) -> None:
    seen: list[Step] = []
    given = setting(before)
    pool = Unlabelled(ids(18, 60), lambda items: torch.from_numpy(clouds(60))[[int(item) for item in items]])
    given = dataclasses.replace(given, data=dataclasses.replace(given.data, pool=pool))
    Training(watched(Replay(ConfidentLabels(SHORT, delta=np.inf)).programme(given), seen), given, no_report).run()
    assert all(sum(row >= 18 for row in step.rows.tolist()) == 4 and len(step.rows) == 12 for step in seen)


def test_no_more_new_labels_in_a_step_than_there_are(before: Before) -> None:
    seen: list[Step] = []
    given = setting(before, labels=16)
    Training(watched(Replay(SHORT, history=0.25).programme(given), seen), given, no_report).run()
    assert {sum(row in (0, 1, 2, 15) for row in step.rows.tolist()) for step in seen} == {4}
    assert {len(step.rows) for step in seen} == {4 + 2}


def test_replaying_all_the_history_is_warm(before: Before) -> None:
    """Bit for bit where batches are drawn from all labels alike; up to the order of sums where each step reads everything."""
    warm, alike, whole, everything = (setting(before, start=Warm()) for _ in range(4))
    SHORT.fit(warm.network, TASK, warm.data, warm.streams, no_report)
    Replaying(history=None).around(SHORT).fit(alike.network, TASK, alike.data, alike.streams, no_report)
    assert all(torch.equal(tensor, alike.network.state_dict()[name]) for name, tensor in warm.network.state_dict().items())
    calm = dataclasses.replace(SHORT, batch=48)
    for made in (whole, everything):
        made.network.head[0].p = 0.0  # type: ignore[union-attr, assignment]  # the masks of dropout go by place in the batch
    calm.fit(whole.network, TASK, whole.data, whole.streams, no_report)
    Replay(calm).fit(everything.network, TASK, everything.data, everything.streams, no_report)
    for name, tensor in whole.network.state_dict().items():
        torch.testing.assert_close(tensor, everything.network.state_dict()[name], rtol=1e-3, atol=1e-3)


def test_without_a_round_before_or_anything_new_it_is_the_inner_scheme(before: Before) -> None:
    first = setting(None)
    assert Replay(SHORT, distil=1.0).programme(first) == SHORT.programme(first) or not Replay(SHORT).programme(first).stage().groups
    old = dataclasses.replace(first.data, before=before, ids=tuple(ids(3, 15)), x=first.data.x[3:15], y=first.data.y[3:15])
    assert not Replay(SHORT).programme(dataclasses.replace(first, data=old)).stage().groups
    lost = dataclasses.replace(before, folder=before.folder / "nowhere")
    assert not Replay(SHORT, distil=1.0).programme(dataclasses.replace(first, data=dataclasses.replace(first.data, before=lost))).stage().groups


@pytest.mark.parametrize("validation", [0.0, 0.3])
def test_distillation_is_the_squared_distance_to_the_outputs_before(before: Before, validation: float) -> None:
    given = setting(before)
    seen: list[Step] = []
    made = Replay(dataclasses.replace(SHORT, validation=validation), distil=0.5).programme(given)
    term = made.stage().phases[0].terms[1]
    assert term.name == "distil" and term.weight == 0.5
    found = []

    def loss(step: Step) -> torch.Tensor:
        found.append((step, step.output.logits.detach(), term.loss(step).detach()))
        return term.loss(step)

    phase = made.stage().phases[0]
    phase = dataclasses.replace(phase, terms=(phase.terms[0], dataclasses.replace(term, loss=loss)))
    Training(watched(made.with_stage(dataclasses.replace(made.stage(), phases=(phase,))), seen), given, no_report).run()
    known = {tuple(row): item for item, row in enumerate(clouds(60).tolist())}
    assert before.network is not None
    for step, logits, losses in found:
        items = [known[tuple(row)] for row in step.x.tolist()]
        old = torch.tensor([3 <= item < 15 for item in items])
        with torch.no_grad():
            torch.testing.assert_close(losses, (logits - before.network(step.x))[old].square().mean(dim=1))


def test_distillation_keeps_the_network_near_the_one_before(before: Before) -> None:
    apart = []
    for weight in (0.0, 10.0):
        given = setting(before, start=Warm())
        Replay(SHORT, distil=weight).fit(given.network, TASK, given.data, given.streams, no_report)
        with torch.no_grad():
            assert before.network is not None
            apart.append(float((given.network(given.data.x[3:15]) - before.network(given.data.x[3:15])).square().mean()))
    assert apart[1] < 0.5 * apart[0]


@pytest.mark.parametrize("distil", [0.0, 0.5])
def test_killed_and_resumed_equals_unbroken(before: Before, tmp_path: Path, distil: float) -> None:
    class Dies(Checkpoint):
        def save(self, state: dict[str, torch.Tensor]) -> None:
            super().save(state)
            if int(state["step"]) == 13:
                raise KeyboardInterrupt

    file, scheme, states = tmp_path / "training.safetensors", Replay(SHORT, distil=distil), []
    for checkpoint in (None, Dies(file, "a", 0.0), Checkpoint(file, "a", 0.0)):
        given = setting(before, start=Warm())
        given = dataclasses.replace(given, data=dataclasses.replace(given.data, checkpoint=checkpoint))
        try:
            scheme.fit(given.network, TASK, given.data, given.streams, no_report)
        except KeyboardInterrupt:
            continue
        states.append(given.network.state_dict())
    assert len(states) == 2 and all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_fewer_steps_in_every_round_but_the_first(before: Before) -> None:
    first, later, whole = setting(None), setting(before), setting(before)
    assert Fewer(SHORT, 0.4).fit(first.network, TASK, first.data, first.streams, no_report).steps == 30
    assert Fewer(SHORT, 0.4).fit(later.network, TASK, later.data, later.streams, no_report).steps == 12
    assert Fewer(SHORT, 1.0).fit(whole.network, TASK, whole.data, whole.streams, no_report).steps == 30


def test_effort_is_an_option_of_a_learner() -> None:
    made = assembled({"recipe": "mlp", "scheme": "learning_loss", "refit": "distil_replay", "effort": 0.4}, "random")
    assert (
        isinstance(made.scheme, Fewer)
        and made.scheme.effort == 0.4
        and made.scheme.inner == assembled({"recipe": "mlp", "scheme": "learning_loss"}, "random").scheme
    )
    assert {row["name"] for row in catalogue.rows("refit")} == set(REFITS)
    for wrong in (1.5, -1.0):
        with pytest.raises(UsageError, match="effort"):
            assembled({"recipe": "mlp", "effort": wrong}, "random")
    with pytest.raises(UsageError, match="replay"):
        REFITS["replay"].around(Twins())


@pytest.mark.parametrize("refit", ["replay", "distil_replay"])
def test_rounds_of_a_project_go_on_from_each_other(tmp_path: Path, refit: str) -> None:
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    runtime = LearnerRuntime(inputs, inputs, Learner(MLP((8,)), Fewer(SHORT, 0.5), refit=refit), catalogue.acquisition("margin"))
    previous, hashes = None, []
    for number in (1, 2, 3):
        folder = tmp_path / str(number)
        told = {item: label(item) for item in ids(0, 7 + 5 * number)}
        done = runtime.train_score_select(job(folder, round=number, labelled=told, candidates=ids(30, 44), pending=[], previous=previous), no_report)
        assert done.info["steps"] == [30 if number == 1 else 15] and done.metrics["accuracy"] > 0.8
        hashes.append(done.info["model"])
        previous = str(folder)
    assert len(set(hashes)) == 3
