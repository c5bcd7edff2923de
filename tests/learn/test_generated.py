"""Generated items: what each player moves, what the generator learns, and what nobody sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds
from learn_short import SHORT
from torch import Tensor, nn

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.learn.device import generator
from querist.learn.programme import Programme, Setting, written
from querist.learn.schemes.adversaries import looks
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.generated import Generated
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.nets.critic import critic
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
LONGER = Supervised(steps=Steps(0.0, 400, 400), rate=0.01)


def setting(n: int = 60) -> Setting:
    def never(ids: Sequence[str]) -> Tensor:
        raise AssertionError("unlabelled inputs are not read")

    network = MLP((16,)).make((4,), 3, generator(0))
    data = TrainingSet(torch.from_numpy(clouds(n)), np.arange(n) % 3, pool=Unlabelled(["a", "b"], never))
    return Setting(network, TASK, data, Streams(0, 1))


def fitted(scheme: Generated | Supervised, given: Setting) -> tuple[Network, Fit]:
    return given.network, scheme.fit(given.network, TASK, given.data, given.streams, no_report)


def test_without_weight_it_is_the_inner_scheme_bit_for_bit() -> None:
    states = [fitted(scheme, setting())[0].state_dict() for scheme in (SHORT, Generated(SHORT, weight=0.0), Generated(SHORT, late=0.0))]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["head.1.weight"], states[2]["head.1.weight"])


def test_no_label_and_no_input_of_the_pool_is_read() -> None:
    _, fit = fitted(Generated(SHORT), setting())
    assert fit.unlabelled == 0 and set(fit.phases) == {"generate", "judge", "train"}


@pytest.mark.parametrize("near", [True, False])
def test_what_is_generated_comes_nearer_and_has_its_class(near: bool) -> None:
    given = setting()
    _, short = fitted(Generated(SHORT, near=near), setting())
    _, fit = fitted(Generated(LONGER, near=near), given)
    note = "squared distance of what is generated near an item"
    assert fit.notes[note] < 0.6 * short.notes[note]
    x, y = given.data.x, torch.from_numpy(given.data.y)
    centres = torch.stack([x[y == place].mean(dim=0) for place in range(3)])
    wanted = torch.arange(90) % 3
    with torch.no_grad():
        made = fit.modules["generator"].decode(torch.randn((90, 16), generator=generator(1)), nn.functional.one_hot(wanted, 3).float())  # type: ignore[operator]
    assert float((torch.cdist(made, centres).argmin(dim=1) == wanted).float().mean()) > 0.8


def only(programme: Programme, *names: str) -> Programme:
    stage = programme.stage()
    return programme.with_stage(dataclasses.replace(stage, steps=1, phases=tuple(phase for phase in stage.phases if phase.name in names)))


@pytest.mark.parametrize(("names", "moved"), [(("generate",), "generator"), (("generate", "judge"), "discriminator")])
def test_each_player_moves_itself_alone(names: tuple[str, ...], moved: str) -> None:
    given = setting()
    programme = written(Generated(SHORT), given)
    before = {
        name: {key: tensor.clone() for key, tensor in module.state_dict().items()} for name, module in [*programme.modules.items(), ("network", given.network)]
    }
    Training(only(programme, *names), given, no_report).run()
    after = {name: module.state_dict() for name, module in [*programme.modules.items(), ("network", given.network)]}
    changed = {name for name in before if any(not torch.equal(before[name][key], after[name][key]) for key in before[name])}
    assert moved in changed and "network" not in changed
    assert changed == ({"generator"} if len(names) == 1 else {"generator", "discriminator"})


def test_a_step_of_the_discriminator_tells_better_and_one_of_a_generator_is_taken_for_real() -> None:
    """Each player's step goes in the direction of its own objective, the other held."""
    real, latent = torch.from_numpy(clouds(60)), torch.randn((60, 3), generator=generator(0))
    maker, judge = nn.Linear(3, 4), critic((4,), generator(1))

    def told() -> float:
        return float((looks(judge(real), so=True) + looks(judge(maker(latent)), so=False)).mean().detach())

    def fooled() -> float:
        return float(looks(judge(maker(latent)), so=True).mean().detach())

    for _ in range(2):
        worse = told()
        _descend(judge, lambda: looks(judge(real), so=True) + looks(judge(maker(latent).detach()), so=False))
        assert told() < worse
        worse = fooled()
        _descend(maker, lambda: looks(judge(maker(latent)), so=True))
        assert fooled() < worse
    assert looks(torch.tensor([9.0, -9.0]), so=True).tolist() == pytest.approx([0.0, 9.0], abs=1e-3)


def _descend(module: nn.Module, loss: Callable[[], Tensor]) -> None:
    module.zero_grad()
    gradients = torch.autograd.grad(loss().mean(), list(module.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter.sub_(0.01 * gradient)
