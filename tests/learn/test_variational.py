"""Gaussian weights: moments against sampling, the divergence against its integral, limits of its weight, draws that hold for a round."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from learn_short import SHORT
from torch import nn

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inference.variational import Variational
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.mean_field import MeanField
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import MLP, Network
from querist.nets.cnn import SmallCNN
from querist.nets.variational import GaussianConv2d, GaussianLinear, divergence, gaussian_divergence, gaussians, linear_moments, relu_moments, spread_out
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.testing import SchemeContract

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
INPUTS = ArrayInputs(ArrayPool(clouds(60)))
LABELLED = {item: label(item) for item in ids(0, 12)}
DRAWS = 100_000


@pytest.fixture(autouse=True)
def _own_stream() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def test_moments_of_a_layer_are_those_of_sampled_weights() -> None:
    """Uncertain inputs, uncertain weights, then a ReLU: 10⁵ draws within 2 %."""
    mean, variance = torch.tensor([[0.5, -1.0, 2.0]]), torch.tensor([[0.3, 0.1, 0.5]])
    weight, spread = torch.tensor([[1.0, 0.5, -0.2], [0.3, -0.7, 1.1]]), torch.tensor([[0.2, 0.4, 0.1], [0.05, 0.3, 0.2]])
    x = mean + variance.sqrt() * torch.randn(DRAWS, 3)
    w = weight + spread.sqrt() * torch.randn(DRAWS, 2, 3)
    out = torch.einsum("nj,nij->ni", x, w)
    first, second = linear_moments(mean, variance, weight, spread)
    torch.testing.assert_close(first[0], out.mean(dim=0), rtol=0.02, atol=0.01)
    torch.testing.assert_close(second[0], out.var(dim=0), rtol=0.02, atol=0.0)
    a = first[0] + second[0].sqrt() * torch.randn(DRAWS, 2)
    kept, kept_variance = relu_moments(first[0], second[0])
    torch.testing.assert_close(kept, a.relu().mean(dim=0), rtol=0.02, atol=0.01)
    torch.testing.assert_close(kept_variance, a.relu().var(dim=0), rtol=0.02, atol=0.01)


@pytest.mark.parametrize("image", [False, True])
def test_local_reparameterisation_has_the_moments_of_drawn_weights(image: bool) -> None:
    made = spread_out(nn.Sequential(nn.Conv2d(2, 3, 3, padding=1) if image else nn.Linear(4, 3)), prior=1.0, start=0.5)
    layer: Any = made[0]
    x = torch.randn(1, 2, 3, 3) if image else torch.randn(1, 4)
    with torch.no_grad():
        local = layer.train()(x.expand(20_000, *x.shape[1:]))
        mean = layer.eval()(x)[0]
        noise = layer.std * torch.randn(20_000, *layer.weight.shape)
        if image:
            patches = nn.functional.unfold(x, 3, padding=1)[0]
            drawn = torch.einsum("sop,pl->sol", (layer.weight + noise).flatten(2).flatten(1).view(20_000, 3, -1), patches).view(20_000, 3, 3, 3)
            drawn = drawn + layer.bias[:, None, None]
        else:
            drawn = torch.einsum("soi,i->so", layer.weight + noise, x[0]) + layer.bias
    for out in (local, drawn):
        assert float((out.mean(dim=0) - mean).abs().max()) < 4 * float(drawn.std(dim=0).max()) / math.sqrt(20_000)
    torch.testing.assert_close(local.var(dim=0), drawn.var(dim=0), rtol=0.06, atol=0.0)


def test_divergence_is_its_integral() -> None:
    mean, std, prior = 0.3, 0.2, 0.7
    grid = torch.linspace(-6.0, 6.0, 200_001, dtype=torch.float64)
    q = torch.distributions.Normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64))
    p = torch.distributions.Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(prior, dtype=torch.float64))
    integral = torch.trapezoid(q.log_prob(grid).exp() * (q.log_prob(grid) - p.log_prob(grid)), grid)
    assert float(gaussian_divergence(torch.tensor(mean), torch.tensor(std), prior)) == pytest.approx(float(integral), rel=1e-5)
    assert float(gaussian_divergence(torch.tensor(0.0), torch.tensor(prior), prior)) == pytest.approx(0.0, abs=1e-7)


def test_every_layer_is_dressed_and_the_mean_network_answers_as_before() -> None:
    plain = SmallCNN(channels=(4,), hidden=8).make((1, 6, 6), 3, generator(0)).eval()
    x = torch.randn(5, 1, 6, 6)
    with torch.no_grad():
        before = plain(x)
        dressed = Variational().dress(plain)
        assert torch.equal(dressed(x), before)
        assert not torch.equal(dressed.train()(x), dressed(x))
    assert [type(layer) for layer in gaussians(dressed).values()] == [GaussianConv2d, GaussianLinear, GaussianLinear]
    assert isinstance(dressed.last, nn.Linear) and float(divergence(dressed).detach()) > 0
    head = Variational(head_only=True).dress(MLP((8,)).make((4,), 3, generator(0)))
    assert list(gaussians(head)) == ["head.1"]


def fit(inference: Variational, steps: int = 20, rate: float = 0.02) -> Fitted:
    scheme = Supervised(Steps(0.0, steps, steps), rate=rate, weight_decay=0.0)
    return Learner(MLP((8,), dropout=0.0), scheme, inference).fit(INPUTS, TASK, LABELLED, Streams(0, 1), None, no_report)


def test_weight_zero_is_the_plain_network() -> None:
    plain = Learner(MLP((8,)), SHORT).fit(INPUTS, TASK, LABELLED, Streams(0, 1), None, no_report)
    none = Learner(MLP((8,)), SHORT, Variational(samples=1, weight=0.0)).fit(INPUTS, TASK, LABELLED, Streams(0, 1), None, no_report)
    assert none.hash() == plain.hash()
    assert np.array_equal(none.score(ids(12, 40)).probs, plain.score(ids(12, 40)).probs)


def test_the_posterior_narrows_as_the_weight_falls_and_is_the_prior_as_it_grows() -> None:
    ratios = []
    for weight in (1e-5, 1.0, 1e4):
        layers = gaussians(fit(Variational(weight=weight), 300).networks[0]).values()
        ratios.append(float(torch.cat([(layer.std / layer.prior).flatten() for layer in layers]).detach().mean()))
        means = float(torch.cat([(layer.weight / layer.prior).flatten() for layer in layers]).detach().abs().mean())
    assert ratios[0] < 0.5 * ratios[1] and ratios[2] == pytest.approx(1.0, abs=0.1)
    assert means < 0.1, "the prior's mean"


def test_the_divergence_counts_once_per_pass_over_the_labels() -> None:
    """At a weight so large that nothing else counts, the loss is the divergence over the labels."""
    network = Variational().dress(MLP((8,), dropout=0.0).make((4,), 3, generator(0)))
    before = float(divergence(network).detach())
    scheme = MeanField(Supervised(Steps(0.0, 1, 1), rate=1e-12), 1e6)
    told = scheme.fit(network, TASK, TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3), Streams(0, 1), no_report)
    assert told.loss == pytest.approx(1e6 * before / 20, rel=1e-3)


def test_weight_decay_is_left_out() -> None:
    decayed = [MeanField(Supervised(Steps(0.0, 5, 5), weight_decay=decay)) for decay in (0.0, 0.9)]
    states = []
    for scheme in decayed:
        network = Variational().dress(MLP((8,), dropout=0.0).make((4,), 3, generator(0)))
        scheme.fit(network, TASK, TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3), Streams(0, 1), no_report)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_draws_hold_for_the_round_kept_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool's batches see the same k functions, and so do draws that are too large to be kept."""
    fitted = fit(Variational(samples=3))
    kept = fitted.score(ids(12, 60)).probs
    monkeypatch.setattr("querist.learn.inference.variational.KEPT", 0)
    assert np.array_equal(fitted.score(ids(12, 60)).probs, kept)
    assert np.allclose(np.concatenate([fitted.score(ids(12, 30)).probs, fitted.score(ids(30, 60)).probs]), kept, atol=1e-6)
    assert np.abs(kept[:, 0] - kept[:, 1]).max() > 1e-3


def test_head_only_draws_are_whole_draws_of_the_head() -> None:
    fitted = fit(Variational(samples=2, head_only=True))
    network = fitted.networks[0]
    sampler = fitted.inference.prepare(fitted.networks, stream(0, 1, "dropout"))
    with torch.inference_mode():
        sampled = sampler(torch.from_numpy(clouds(6)))
        residual = sampled.logits - network.eval()(torch.from_numpy(clouds(6)))[:, None]
        solved = torch.linalg.lstsq(sampled.features, residual.flatten(1)).solution
    torch.testing.assert_close(sampled.features @ solved, residual.flatten(1), atol=1e-4, rtol=1e-3)


def test_it_is_restored_with_its_spread(tmp_path: Path) -> None:
    fitted = fit(Variational(samples=3))
    fitted.save(tmp_path)
    learner = Learner(MLP((8,), dropout=0.0), SHORT, Variational(samples=3))
    again = learner.restore(INPUTS, TASK, tmp_path, Streams(0, 1))
    assert again is not None and np.array_equal(again.score(ids(12, 40)).probs, fitted.score(ids(12, 40)).probs)


def test_too_few_samples_are_refused() -> None:
    for wrong in (Variational(samples=1), Variational(members=2)):
        with pytest.raises(UsageError, match="one network"):
            wrong.prepare([MLP((8,)).make((4,), 3, generator(0))], stream(0, 1, "dropout"))


class TestMeanField(SchemeContract):
    """The scheme that the inference brings, on networks with Gaussian weights."""

    @pytest.fixture
    def scheme(self) -> Any:
        return MeanField(Supervised(Steps(0.0, 30, 30)), 0.01)

    def fit(self, scheme: Any, data: TrainingSet, seed: int = 0) -> tuple[Network, Fit]:
        network = Variational().dress(SmallCNN(channels=(4,), hidden=8, dropout=0.3).make((1, 6, 6), 3, generator(0)))
        return network, scheme.fit(network, self.task(), data, Streams(seed, 1), no_report)


def test_the_scheme_wraps_another() -> None:
    assert MeanField().around(SHORT) == dataclasses.replace(MeanField(), inner=SHORT)
