"""Boltzmann machines, belief networks, the losses that go with them."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds
from learn_short import SHORT
from torch import Tensor

from querist.acquire.compose import Compose
from querist.acquire.in_turn import InTurn
from querist.acquire.scores import Ratio
from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.belief import Belief, Exponential, exponential
from querist.learn.schemes.pool_entropy import PoolEntropy
from querist.learn.schemes.supervised import Supervised
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.nets.dbn import DBN, RBM, machines
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.testing import FakeView

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())


def patterns(n: int, seed: int = 0) -> Tensor:
    """Binary rows (n, 4): two patterns with a tenth of the bits flipped."""
    rng = stream(seed, 0, "oracle")
    rows = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])[rng.integers(0, 2, n)]
    return torch.from_numpy(np.where(rng.random((n, 4)) < 0.1, 1 - rows, rows).astype(np.float32))


def machine(seed: int = 0) -> RBM:
    made = RBM(4, 3, gaussian=False, generator=generator(seed))
    with torch.no_grad():
        made.weight.copy_(torch.randn(made.weight.shape, generator=generator(seed + 1)) * 0.5)
    return made


def log_likelihood(made: RBM, v: Tensor) -> Tensor:
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)))
    return -made.free_energy(v).mean() - torch.logsumexp(-made.free_energy(every), dim=0)


def test_the_free_energy_sums_over_hidden_units() -> None:
    v, real = patterns(5), torch.randn((5, 4), generator=generator(3))
    for made, rows in ((machine(), v), (RBM(4, 3, gaussian=True, generator=generator(1)), real)):
        terms = []
        for hidden in itertools.product([0.0, 1.0], repeat=3):
            h = torch.tensor(hidden)
            own = 0.5 * (rows - made.a).square().sum(dim=1) if made.gaussian else -rows @ made.a
            terms.append(-(own - made.b @ h - rows @ made.weight.T @ h))
        torch.testing.assert_close(made.free_energy(rows), -torch.logsumexp(torch.stack(terms), dim=0))


def test_contrastive_divergence_follows_the_likelihood() -> None:
    """CD-1 is not the gradient of the likelihood, but points where it points."""
    v, made = patterns(4000), machine()
    log_likelihood(made, v).backward()
    exact = torch.cat([parameter.grad.flatten() for parameter in made.parameters()])  # type: ignore[union-attr]
    made.zero_grad()
    (-made.contrast(v, generator(0)).mean()).backward()
    ours = torch.cat([parameter.grad.flatten() for parameter in made.parameters()])  # type: ignore[union-attr]
    assert float(torch.corrcoef(torch.stack([exact, ours]))[0, 1]) > 0.8


def test_machines_learn_the_pool_once_and_the_network_starts_from_them(tmp_path: Path) -> None:
    x = patterns(60).numpy()
    inputs = ArrayInputs(ArrayPool(x))
    labelled = {str(item): CLASSES[item % 3] for item in range(6)}
    pool = [str(item) for item in range(6, 60)]
    scheme = Belief(dataclasses.replace(SHORT, steps=dataclasses.replace(SHORT.steps, low=1, high=1), rate=1e-9), steps=150, batch=20)
    learner = Learner(DBN((6, 3)), scheme)

    def fit(seed_round: int, previous: str | None = None) -> Fitted:
        return learner.fit(inputs, TASK, labelled, Streams(0, seed_round), previous, no_report, pool)

    first = fit(1)
    first.save(tmp_path)
    second = fit(2, str(tmp_path))
    machine, again = (fitted.fits[0].modules["machine-1"] for fitted in (first, second))
    assert isinstance(machine, RBM) and isinstance(again, RBM)
    assert torch.equal(machine.weight, again.weight), "the same in every round"
    assert "machine-1" in first.fits[0].phases and "machine-1" not in second.fits[0].phases, "and paid for once"
    layer = second.networks[0].trunk[1]  # type: ignore[index]
    torch.testing.assert_close(layer.weight, machine.weight, atol=1e-5, rtol=0)
    seen = inputs.batch(pool)
    drawn = seen[:, torch.randperm(4, generator=generator(5))] * torch.sign(torch.randn(seen.shape, generator=generator(6)))
    assert machine.free_energy(seen).mean() < machine.free_energy(drawn).mean() - 0.2, "it knows the data from noise"


def test_the_unsupervised_part_reads_no_label() -> None:
    x = torch.from_numpy(clouds(30))
    found = []
    for shift in (0, 1):
        network = DBN((6,)).make((4,), 3, generator(0))
        pool = Unlabelled([str(item) for item in range(12, 30)], lambda ids: x[[int(item) for item in ids]])
        fit = Belief(SHORT, steps=20).fit(network, TASK, TrainingSet(x[:12], (np.arange(12) + shift) % 3, pool=pool), Streams(0, 1), no_report)
        found.append(fit.modules["machine-1"].state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_only_a_stack_of_sigmoid_layers_is_a_belief_network() -> None:
    assert [type(made) for made in machines(DBN((5, 4)).make((2, 3), 2, generator(0)), generator(0))] == [RBM, RBM]
    assert machines(MLP((5,)).make((4,), 2, generator(0)), generator(0)) == []
    with pytest.raises(UsageError, match="sigmoid"):
        Belief().fit(MLP((5,)).make((4,), 3, generator(0)), TASK, TrainingSet(torch.zeros((3, 4)), np.arange(3)), Streams(0, 1), no_report)


def test_the_gradient_of_the_exponential_loss() -> None:
    h = torch.tensor([[0.5, -1.0], [2.0, 0.3]], requires_grad=True)
    y = torch.tensor([0, 1])
    losses = exponential(h, y)
    assert losses.tolist() == pytest.approx([np.exp(-0.5) + np.exp(-1.0), np.exp(2.0) + np.exp(-0.3)])
    losses.sum().backward()
    signs = np.array([[1, -1], [-1, 1]])
    np.testing.assert_allclose(h.grad, -signs * np.exp(-signs * h.detach().numpy()), rtol=1e-5)  # type: ignore[arg-type]
    assert exponential(h, y, torch.tensor([0.0, 2.0])).tolist() == pytest.approx([0.0, 2 * (np.exp(2.0) + np.exp(-0.3))])


def test_the_exponential_loss_is_in_the_place_of_the_other() -> None:
    x, y = torch.from_numpy(clouds(30)), np.arange(30) % 3
    networks: list[Network] = []
    for scheme in (Belief(SHORT, steps=5), Exponential(Belief(SHORT, steps=5))):
        networks.append(DBN((8,)).make((4,), 3, generator(0)))
        assert scheme.fit(networks[-1], TASK, TrainingSet(x, y), Streams(0, 1), no_report).steps == 20
    assert not torch.equal(networks[0].last.weight, networks[1].last.weight)


def test_the_ratio_is_the_distance_to_the_line_between_two_outputs() -> None:
    """|h₁ − h₂| / √2 orders candidates as p(2)/p(1) does, and both sides of the line are asked in turn."""
    h = stream(0, 0, "oracle").normal(size=(40, 2)).astype(np.float32)
    h[:, 0] += 0.8
    view = FakeView.random().take(np.arange(40)).filled("probs", torch.softmax(torch.from_numpy(h), dim=1).numpy()[:, None])
    chosen = Compose(score=Ratio(), selector=InTurn()).select(view, 6, stream(0, 1, "select"))
    rows = [list(view.candidates).index(item) for item in chosen.ids]
    distance, side = np.abs(h[:, 0] - h[:, 1]) / np.sqrt(2), h.argmax(axis=1)
    assert sorted(side[rows].tolist()) == [0, 0, 0, 1, 1, 1]
    for one in (0, 1):
        ours = [row for row in rows if side[row] == one]
        assert ours == np.flatnonzero(side == one)[np.argsort(distance[side == one])][:3].tolist()


def test_without_weight_it_is_the_inner_scheme() -> None:
    x, y = torch.from_numpy(clouds(30)), np.arange(12) % 3
    pool = Unlabelled([str(item) for item in range(12, 30)], lambda ids: x[[int(item) for item in ids]])
    states = []
    for scheme in (SHORT, PoolEntropy(SHORT, weight=0.0), PoolEntropy(SHORT, weight=1.0)):
        network = MLP((8,)).make((4,), 3, generator(0))
        scheme.fit(network, TASK, TrainingSet(x[:12], y, pool=pool), Streams(0, 1), no_report)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["head.1.weight"], states[2]["head.1.weight"])


def test_the_pool_becomes_certain_and_keeps_its_classes() -> None:
    x = torch.from_numpy(clouds(150))
    pool = Unlabelled([str(item) for item in range(12, 150)], lambda ids: x[[int(item) for item in ids]])
    scheme = Supervised(steps=dataclasses.replace(SHORT.steps, low=150, high=150), rate=0.005, smoothing=0.1)
    entropies, notes = [], {}
    for weight in (0.0, 1.0):
        network = MLP((8,), dropout=0.0).make((4,), 3, generator(0))
        fit = PoolEntropy(scheme, weight=weight).fit(network, TASK, TrainingSet(x[:12], np.arange(12) % 3, pool=pool), Streams(0, 1), no_report)
        notes = dict(fit.notes)
        with torch.no_grad():
            probs = torch.softmax(network(x[12:]), dim=1)
        entropies.append(float(-(probs * probs.log()).sum(dim=1).mean()))
    assert entropies[1] < 0.5 * entropies[0]
    assert 2.5 < notes["classes given to the pool"] <= 3.0001
