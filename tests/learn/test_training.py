"""How a programme is carried out: ownership, streams, pseudo-targets, followers, resumption, divergence."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import clouds
from torch import Tensor, nn

from querist.core.contracts import no_report
from querist.core.errors import PoolError, TrainingError
from querist.core.rng import Streams
from querist.learn.augment import Augment
from querist.learn.checkpoint import Checkpoint
from querist.learn.device import generator
from querist.learn.keepers import follow
from querist.learn.programme import TRAIN, Follower, Group, Hook, Once, Optimiser, Phase, Programme, Setting, Stage, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised, labelled
from querist.learn.step import Step
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", ("a", "b", "c")).schema())
SUPERVISED = Supervised(steps=Steps(0.0, 30, 30), batch=8, validation=0.2, average=0.3)
RULE = Optimiser(0.01)


def setting(pool: bool = False, checkpoint: Checkpoint | None = None, poison: float | None = None) -> Setting:
    x = torch.from_numpy(clouds(60))
    if poison is not None:
        x[0, 0] = poison
    network = MLP(hidden=(8,), dropout=0.3).make((4,), 3, generator(0))
    unlabelled = Unlabelled([str(item) for item in range(20, 60)], lambda ids: x[[int(item) for item in ids]]) if pool else None
    return Setting(network, TASK, TrainingSet(x[:20], np.arange(20) % 3, pool=unlabelled, checkpoint=checkpoint), Streams(0, 1))


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def trained(programme: Any, given: Setting) -> Fit:
    return Training(programme(given), given, no_report).run()


class Killed(Exception):
    """Stands for a kill."""


def rich(given: Setting) -> Programme:
    """Everything at once: a module beside, an unlabelled view, pseudo-targets, a follower, dropout aside, two stages."""
    critic = nn.Linear(3, 1)
    with torch.no_grad():
        critic.weight.fill_(0.1)
        critic.bias.zero_()

    def tell(training: Training) -> None:
        assert given.data.pool is not None
        x = given.data.pool.batch(np.arange(int(training.notes.get("told", 0)), 10))
        with torch.no_grad():
            y = given.network.eval()(x).argmax(dim=1)
        given.network.train()
        training.give(x, y, torch.full((len(y),), 0.5))
        training.notes["told"] = training.notes.get("told", 0) + 1
        training.memory["y"] = y

    apart = Phase("critic", (Term("apart", lambda step: critic(step.output.logits.detach()).squeeze(1) ** 2),), RULE, ("critic",), repeats=2)
    noisy = Term("noisy", lambda step: step.outputs(step.view("weak")).logits.square().mean(dim=1), lambda progress: 0.1 * progress, unlabelled=True)
    quiet = Term("quiet", lambda step: step.outputs(step.unlabelled).logits.square().mean(dim=1), unlabelled=True)
    move = Phase("move", (labelled(), noisy), dataclasses.replace(RULE, warmup=0.25))
    first = Stage("before", 7, (Phase("before", (labelled(), quiet), RULE),), batch=5, unlabelled=4, everything=True, part=1, once=Once())
    second = Stage(
        TRAIN, 23, (move, apart), batch=8, share=0.6, unlabelled=6, views={"weak": lambda x, noise: x + 0.1 * torch.randn(x.shape, generator=noise)},
        hooks=(Hook(tell, 3),), followers=(Follower(decay=0.9),), average=0.5, validation=0.2,
    )  # fmt: skip
    return Programme((first, second), {"critic": critic}, answers="teacher")


@pytest.mark.parametrize("programme", [SUPERVISED.programme, rich])
@pytest.mark.parametrize("at", [0, 3, 8, 19, 26, 29])
def test_what_was_killed_goes_on_and_ends_as_if_unbroken(tmp_path: Path, programme: Any, at: int) -> None:
    whole = setting(pool=True)
    unbroken = trained(programme, whole)
    file = Checkpoint(tmp_path / "training.safetensors", "a", seconds=0.0)
    broken = setting(pool=True, checkpoint=file)
    steps = []

    def kill(phase: str, fraction: float, extra: Any) -> None:
        steps.append(extra["step"])

    class Dies(Checkpoint):
        def save(self, state: dict[str, Tensor]) -> None:
            super().save(state)
            if len(saved) == at:
                raise Killed
            saved.append(1)

    saved: list[int] = []
    broken = dataclasses.replace(broken, data=dataclasses.replace(broken.data, checkpoint=Dies(file.file, "a", 0.0)))
    with pytest.raises(Killed):
        Training(programme(broken), broken, kill).run()
    after = setting(pool=True, checkpoint=file)
    resumed = trained(programme, after)
    assert same(state(whole.network), state(after.network))
    assert unbroken == resumed and unbroken.memory.keys() == resumed.memory.keys()
    assert all(torch.equal(unbroken.memory[name], resumed.memory[name]) for name in unbroken.memory)
    assert same(state(unbroken.modules["critic"]), state(resumed.modules["critic"])) if "critic" in unbroken.modules else True
    assert not file.file.exists()


def test_another_training_is_not_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "training.safetensors"
    given = setting()
    Checkpoint(file, "other", 0.0).save({"stage": torch.tensor(0)})
    trained(SUPERVISED.programme, dataclasses.replace(given, data=dataclasses.replace(given.data, checkpoint=Checkpoint(file, "mine"))))
    plain = setting()
    trained(SUPERVISED.programme, plain)
    assert same(state(given.network), state(plain.network))


def test_a_phase_moves_what_it_names_and_nothing_else() -> None:
    given = setting()
    critic, other = nn.Linear(3, 1), nn.Linear(3, 1)
    before = state(given.network), state(other)

    def through(step: Step) -> Tensor:
        return (other(step.output.logits) - critic(step.output.logits)).square().squeeze(1)

    programme = Programme(
        (Stage(TRAIN, 5, (Phase("critic", (Term("through", through),), RULE, ("critic",), still=("network",)),)),), {"critic": critic, "other": other}
    )
    start = state(critic)
    Training(programme, given, no_report).run()
    assert not same(start, state(critic))
    assert same(before[0], state(given.network)) and same(before[1], state(other))
    assert all(parameter.requires_grad for parameter in given.network.parameters())


def test_repetitions_have_batches_of_their_own() -> None:
    given, seen = setting(), []

    def note(step: Step) -> Tensor:
        seen.append(tuple(step.rows.tolist()))
        return step.output.logits.sum(dim=1)

    Training(Programme((Stage(TRAIN, 4, (Phase("p", (Term("t", note),), RULE, repeats=3),), batch=4),)), given, no_report).run()
    assert len(seen) == 12 and sorted(sum(seen[:5], ())) == list(range(20)), "three draws a step, epochs laid end to end"


def test_a_phase_after_one_with_repetitions_has_a_full_batch() -> None:
    given, seen = setting(pool=True), dict[str, list[Any]]()

    def note(name: str) -> Phase:
        def loss(step: Step) -> Tensor:
            seen.setdefault(name, []).append((tuple(step.rows.tolist()), step.x.sum().item(), step.unlabelled.sum().item()))
            return step.output.logits.sum(dim=1)

        return Phase(name, (Term(name, loss),), RULE, repeats={"many": 3, "two": 2}.get(name, 1))

    Training(Programme((Stage(TRAIN, 5, (note("many"), note("one"), note("two")), batch=4, unlabelled=4),)), given, no_report).run()
    assert all(len(rows) == 4 for draws in seen.values() for rows, _, _ in draws)
    assert seen["one"] == seen["many"][::3] == seen["two"][::2], "the first repetition is shared"
    own = seen["many"] + seen["two"][1::2]
    assert len(set(own)) == 20 and sorted(sum((rows for rows, _, _ in own), ())) == sorted([*range(20)] * 4), "the others are not"


def test_unlabelled_passes_leave_the_labelled_ones_as_they_are() -> None:
    """A term of no weight that reads unlabelled inputs, with dropout and noise, changes no labelled batch and no dropout mask."""
    plain, beside = setting(pool=True), setting(pool=True)
    scheme = dataclasses.replace(SUPERVISED, validation=0.0, average=0.0)
    trained(scheme.programme, plain)

    def programme(given: Setting) -> Programme:
        made = scheme.programme(given).joined(Term("u", lambda step: 0.0 * step.outputs(step.view("v")).logits.sum(dim=1), unlabelled=True))
        stage = dataclasses.replace(made.stage(), unlabelled=4, views={"v": lambda x, noise: x + torch.randn(x.shape, generator=noise)})
        return made.with_stage(stage)

    fit = trained(programme, beside)
    assert same(state(plain.network), state(beside.network)) and fit.unlabelled == 4 * 30


def test_terms_of_unlabelled_inputs_are_left_out_where_there_are_none() -> None:
    given, plain = setting(), setting()
    scheme = dataclasses.replace(SUPERVISED, validation=0.0)
    trained(lambda one: scheme.programme(one).joined(Term("u", lambda step: step.unlabelled.sum(dim=1), unlabelled=True)), given)
    trained(scheme.programme, plain)
    assert same(state(given.network), state(plain.network))


def test_pseudo_targets_are_trained_on_with_their_weights() -> None:
    def programme(weight: float) -> Any:
        def made(given: Setting) -> Programme:
            def tell(training: Training) -> None:
                assert given.data.pool is not None
                training.give(given.data.pool.batch(np.arange(30)), torch.zeros(30, dtype=torch.int64), torch.full((30,), weight))

            base = SUPERVISED.programme(given)
            return base.with_stage(dataclasses.replace(base.stage(), hooks=(Hook(tell),)))

        return made

    def share(weight: float | None) -> float:
        given = setting(pool=True)
        trained(SUPERVISED.programme if weight is None else programme(weight), given)
        assert given.data.pool is not None
        with torch.no_grad():
            return float((given.network(given.data.pool.batch(np.arange(30))).argmax(dim=1) == 0).float().mean())

    assert share(1.0) > 0.8, "thirty items said to be of class 0"
    assert max(share(0.0), share(None)) < 0.5


def test_the_follower_is_an_exponential_mean_and_may_answer() -> None:
    given, seen = setting(), []

    def watch(training: Training) -> None:
        seen.append(state(given.network)["head.1.weight"])

    base = dataclasses.replace(SUPERVISED, validation=0.0, average=0.0).programme(given)
    programme = dataclasses.replace(
        base.with_stage(dataclasses.replace(base.stage(), hooks=(Hook(watch, 30),), followers=(Follower(decay=0.8),))), answers="teacher"
    )
    mean = None
    network = given.network
    training = Training(programme, given, no_report)
    training.run()
    for step, weight in enumerate([*seen[1:], None]):
        if weight is None:
            break
        past = min(1 - 1 / (step + 1), 0.8)
        mean = weight if mean is None else past * mean + (1 - past) * weight
    assert mean is not None and same(state(network), state(training.modules["teacher"]))
    assert (state(network)["head.1.weight"] - mean).abs().max() < 0.1 * (seen[-1] - seen[1]).abs().max(), "all but the last step"


def test_divergence_is_tried_again_at_half_the_rate_and_then_named() -> None:
    calls = []

    def programme(fatal: bool) -> Any:
        def made(given: Setting) -> Programme:
            def loss(step: Step) -> Tensor:
                calls.append(step.number)
                bad = step.number == 7 and (fatal or calls.count(7) == 1)
                return step.output.logits.sum(dim=1) * (math.nan if bad else 0.0)

            return SUPERVISED.programme(given).joined(Term("odd", loss))

        return made

    given, fresh = setting(), setting()
    fit = trained(programme(fatal=False), given)
    assert fit.notes == {"halved": 1.0} and fit.steps == 30 and calls[:9] == [*range(8), 0]
    trained(dataclasses.replace(SUPERVISED, rate=SUPERVISED.rate / 2).programme, fresh)
    assert same(state(given.network), state(fresh.network)), "from the beginning, with everything as it was but the rate"
    calls.clear()
    with pytest.raises(TrainingError, match="diverged") as caught:
        trained(programme(fatal=True), setting())
    assert caught.value.got == "loss nan at step 7 of phase train, term odd"


def test_the_second_try_knows_nothing_of_the_first() -> None:
    seen, calls = [], []

    def tell(training: Training) -> None:
        seen.append((training.progress, training.pseudo is None, dict(training.notes)))
        training.notes["told"] = training.notes.get("told", 0.0) + 1.0
        training.give(torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64))

    def loss(step: Step) -> Tensor:
        calls.append(step.number)
        return step.output.logits.sum(dim=1) * (math.nan if len(calls) == 8 else 1.0)

    stage = Stage(TRAIN, 10, (Phase("p", (Term("t", loss),), RULE),), hooks=(Hook(tell, 2),))
    fit = Training(Programme((stage,)), setting(), no_report).run()
    again = {"halved": 1.0}
    assert seen == [(0.0, True, {}), (0.5, False, {"told": 1.0}), (0.0, True, again), (0.5, False, {**again, "told": 1.0})]
    assert fit.notes == {"halved": 1.0, "told": 2.0}


def test_an_input_that_is_not_finite_is_divergence() -> None:
    with pytest.raises(TrainingError, match="diverged"):
        trained(dataclasses.replace(SUPERVISED, validation=0.0, augment=Augment()).programme, setting(poison=math.inf))


def test_modes_are_the_platforms() -> None:
    given = setting()
    network: Network = given.network
    seen = []

    def watch(step: Step) -> Tensor:
        seen.append((network.training, step.modules["teacher"].training))
        asked = step.asked(step.x)
        seen.append((network.training, step.modules["teacher"].training))
        assert not asked.logits.requires_grad and torch.equal(asked.logits, step.asked(step.x).logits), "no dropout"
        return step.output.logits.sum(dim=1)

    stage = Stage(TRAIN, 2, (Phase("p", (Term("t", watch),), RULE),), followers=(Follower(),))
    Training(Programme((stage,)), given, no_report).run()
    assert set(seen) == {(True, False)} and not network.training


def test_a_follower_is_the_exponential_mean_and_what_is_frozen_stays_to_the_bit() -> None:
    leader, mean = nn.Linear(3, 2), nn.Linear(3, 2)
    start, expected = state(mean), state(mean)
    for step in range(6):
        with torch.no_grad():
            leader.weight.add_(0.3)
        follow(mean, leader, 0.6, step)
        past = min(1.0 - 1.0 / (step + 1), 0.6)
        expected = {name: past * expected[name] + (1.0 - past) * tensor for name, tensor in leader.state_dict().items()}
        assert all(torch.allclose(expected[name], tensor, atol=1e-6) for name, tensor in mean.state_dict().items())
        assert torch.equal(mean.bias, leader.bias), "it took the first weights whole, and these did not move since"
    assert not torch.equal(start["weight"], mean.weight)


def test_a_batch_may_be_put_together_of_groups() -> None:
    given, seen = setting(pool=True), []

    def note(step: Step) -> Tensor:
        seen.append(step.rows.tolist())
        return step.output.logits.sum(dim=1)

    def tell(training: Training) -> None:
        if len(seen):
            training.give(torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64))

    groups = (Group(4, (0, 1, 2, 3, 4, 5, 6, 7)), Group(2, (19,)), Group(2), Group(5, ()))
    stage = Stage(TRAIN, 8, (Phase("p", (Term("t", note),), RULE),), groups=groups, hooks=(Hook(tell, 2),))
    Training(Programme((stage,)), given, no_report).run()
    assert [len(rows) for rows in seen] == [5] * 4 + [7] * 4, "no group is larger than what is in it, and one without items is left out"
    assert sorted(seen[0][:4] + seen[1][:4]) == list(range(8)) and all(rows[4] == 19 for rows in seen)
    assert {row for rows in seen[4:] for row in rows[5:]} == {20, 21, 22}, "those that were pseudo-labelled"
    alone = Stage(TRAIN, 2, (Phase("p", (Term("t", note),), RULE),), groups=(Group(4, (5,)),))
    seen.clear()
    Training(Programme((alone,)), setting(), no_report).run()
    assert seen == [[5, 5], [5, 5]], "two at least"


def test_rows_of_a_group_are_places_among_all_labels() -> None:
    """Also where some labels are held back: those are not trained on."""
    given, seen = setting(), []

    def note(step: Step) -> Tensor:
        seen.append(step.x.clone())
        return step.output.logits.sum(dim=1)

    stage = Stage(TRAIN, 6, (Phase("p", (Term("t", note),), RULE),), groups=(Group(3, tuple(range(10))),), validation=0.4)
    Training(Programme((stage,)), given, no_report).run()
    trained_on = {tuple(row) for x in seen for row in x.tolist()}
    first = {tuple(row) for row in given.data.x[:10].tolist()}
    assert trained_on < first


def test_a_sweep_leaves_out_what_cannot_be_read() -> None:
    def load(ids: Any) -> Tensor:
        if "3" in ids or "8" in ids:
            raise PoolError("no")
        return torch.tensor([[float(item)] for item in ids])

    pool = Unlabelled([str(item) for item in range(10)], load, lambda ids: [item for item in ids if item not in ("3", "8")])
    found = list(pool.sweep(np.array([0, 3, 4, 8, 9, 1]), 2))
    assert [places.tolist() for places, _ in found] == [[0], [4], [9, 1]]
    assert [x.flatten().tolist() for _, x in found] == [[0.0], [4.0], [9.0, 1.0]]
    assert list(pool.sweep(np.array([3]), 2)) == []


def test_the_loss_of_a_fit_is_that_of_the_network() -> None:
    given, critic = setting(), nn.Linear(4, 1)
    apart = Phase("critic", (Term("far", lambda step: critic(step.x).squeeze(1).square() + 1e6),), RULE, ("critic",))
    base = dataclasses.replace(SUPERVISED, validation=0.0).programme(given)
    stage = dataclasses.replace(base.stage(), phases=(*base.stage().phases, apart))
    fit = Training(dataclasses.replace(base.with_stage(stage), modules={"critic": critic}), given, no_report).run()
    assert 0 < fit.loss < 10 and fit.phases == {"train": 30, "critic": 30}
