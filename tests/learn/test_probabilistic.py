"""Deep probabilistic ensembles: the divergence by its definition and limits, and members that are trained in one fit."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from torch import Tensor, nn

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inference.probabilistic_ensemble import TogetherEnsemble
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.learning_loss import LearningLoss
from querist.learn.schemes.probabilistic import ProbabilisticEnsemble, divergence, omega, places
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import MLP, Network
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.testing import SchemeContract

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
INPUTS = ArrayInputs(ArrayPool(clouds(60)))
LABELLED = {item: label(item) for item in ids(0, 12)}
SHORT = Supervised(Steps(0.0, 30, 30), rate=0.02, weight_decay=0.0)
MEMBERS = torch.tensor([[0.1, -0.2], [0.3, 0.0], [-0.1, 0.4], [0.2, 0.1]], dtype=torch.float64)


def mlp(seed: int) -> Network:
    return MLP((8,), dropout=0.0).make((4,), 3, generator(seed))


def test_golden_fixture() -> None:
    """Four members, two weights, a prior of variance 2 / 8; in both directions."""
    assert float(omega(MEMBERS, 0.0, 2.0 / 8.0)) == pytest.approx(10.713509, abs=1e-5)
    assert float(omega(MEMBERS, 0.0, 2.0 / 8.0, "elbo")) == pytest.approx(1.235046, abs=1e-5)


def test_directions_are_the_two_divergences_of_gaussians() -> None:
    """The paper's formula is KL(prior ‖ members), though its text has them the other way round."""
    mean, variance, centre, spread = 0.2, 0.3, float(MEMBERS[:, 0].mean()), float(MEMBERS[:, 0].var(unbiased=False)) + 1e-8
    q, p = torch.distributions.Normal(centre, math.sqrt(spread)), torch.distributions.Normal(mean, math.sqrt(variance))
    paper = 0.5 * (float(omega(MEMBERS[:, :1], mean, variance)) - math.log(variance) - 1.0)
    assert paper == pytest.approx(float(torch.distributions.kl_divergence(p, q)), abs=1e-5)
    assert float(omega(MEMBERS[:, :1], mean, variance, "elbo")) == pytest.approx(float(torch.distributions.kl_divergence(q, p)), abs=1e-5)


def test_members_drawn_from_the_prior_have_no_divergence() -> None:
    draws = torch.randn((2000, 400), generator=generator(0), dtype=torch.float64) * 0.5
    full = float(omega(draws, 0.0, 0.25)) / 400 - math.log(0.25) - 1.0
    few = float(omega(draws[:8], 0.0, 0.25)) / 400 - math.log(0.25) - 1.0
    assert full == pytest.approx(0.0, abs=0.01) and few > 0.2, "with few members the variance is rough"


@pytest.mark.parametrize("direction", ["paper", "elbo"])
def test_gradient_is_a_finite_difference(direction: str) -> None:
    assert torch.autograd.gradcheck(lambda w: omega(w, 0.1, 0.25, direction), (MEMBERS.clone().requires_grad_(),))


def test_the_prior_s_variance_is_where_the_paper_s_form_is_flat() -> None:
    values = []
    for scale in (0.9, 1.0, 1.1):
        members = math.sqrt(0.25) * scale * torch.tensor([[1.0], [-1.0], [1.0], [-1.0]], dtype=torch.float64)
        values.append(float(omega(members, 0.0, 0.25)))
    assert values[1] < values[0] and values[1] < values[2]
    at = (math.sqrt(0.25) * torch.tensor([[1.0], [-1.0], [1.0], [-1.0]], dtype=torch.float64)).requires_grad_()
    omega(at, 0.0, 0.25).backward()  # type: ignore[no-untyped-call]
    assert at.grad is not None and float(at.grad.abs().max()) < 1e-6


def test_order_of_members_does_not_matter_and_identical_ones_are_finite() -> None:
    members = [mlp(seed) for seed in range(4)]
    with torch.no_grad():
        assert float(divergence(members)) == pytest.approx(float(divergence(members[::-1])), rel=1e-6)
        same = float(divergence([members[0]] * 4))
    assert math.isfinite(same) and same > 1e5


def test_priors_of_layers() -> None:
    networks = [SmallCNN(channels=(4,), hidden=8).make((1, 6, 6), 3, generator(seed)) for seed in range(4)]
    found = [(tuple(weights[0].shape), mean, variance) for weights, mean, variance in places(networks)]
    norm = [((4,), 1.0, 0.01), ((4,), 0.0, 0.01)], [((8,), 1.0, 0.01), ((8,), 0.0, 0.01)]
    assert found == [((4, 1, 3, 3), 0.0, 2 / (4 * 9)), *norm[0], ((8, 36), 0.0, 2 / 8), *norm[1], ((3, 8), 0.0, 2 / 3)]


def trained(weight: float, count: int = 4) -> tuple[list[Network], Fit]:
    members = [mlp(seed) for seed in range(count)]
    data = TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3, others=tuple(members[1:]))
    return members, ProbabilisticEnsemble(SHORT, weight).fit(members[0], TASK, data, Streams(0, 1), no_report)


def test_without_the_divergence_every_member_trains_as_alone() -> None:
    members, _ = trained(0.0)
    for seed, member in enumerate(members):
        alone = mlp(seed)
        SHORT.fit(alone, TASK, TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3), Streams(0, 1), no_report)
        for name, tensor in alone.state_dict().items():
            torch.testing.assert_close(member.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)


def variance_ratio(members: list[Network]) -> float:
    """Geometric mean of the members' variance over the prior's."""
    found: list[Tensor] = [(torch.stack(weights).var(dim=0, unbiased=False) / variance).log().flatten() for weights, _, variance in places(members)]
    return float(torch.cat(found).mean().exp().detach())


def test_the_divergence_keeps_members_apart_and_near_the_prior() -> None:
    """Members that begin alike stay alike without it; with it their spread grows towards the prior's."""
    ratios = []
    for weight in (0.0, 1e-2):
        members = [mlp(0) for _ in range(4)]
        noise = generator(1)
        with torch.no_grad():
            for member in members:
                for parameter in member.parameters():
                    parameter.add_(0.01 * torch.randn(parameter.shape, generator=noise))
        data = TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3, others=tuple(members[1:]))
        ProbabilisticEnsemble(SHORT, weight).fit(members[0], TASK, data, Streams(0, 1), no_report)
        ratios.append(variance_ratio(members))
    assert ratios[1] > 3 * ratios[0]


def test_an_ensemble_of_one_fit_is_saved_and_restored(tmp_path: Path) -> None:
    learner = Learner(MLP((8,)), SHORT, TogetherEnsemble(members=4))
    fitted: Fitted = learner.fit(INPUTS, TASK, LABELLED, Streams(0, 1), None, no_report, ids(12, 60), tmp_path)
    assert len(fitted.networks) == len(fitted.fits) == 4 and fitted.fits[0].steps == 30
    fitted.save(tmp_path)
    again = learner.restore(INPUTS, TASK, tmp_path, Streams(0, 1))
    assert again is not None and np.array_equal(again.score(ids(12, 40)).probs, fitted.score(ids(12, 40)).probs)
    assert fitted.score(ids(12, 40)).probs.shape == (28, 4, 3)


def test_what_cannot_be_trained_together_is_refused() -> None:
    data = TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3)
    for inner in (LearningLoss(SHORT), Supervised(Steps(0.0, 5, 5), validation=0.2)):
        with pytest.raises(UsageError, match="labels alone"):
            ProbabilisticEnsemble(inner).fit(mlp(0), TASK, data, Streams(0, 1), no_report)
    with pytest.raises(UsageError, match="direction"):
        ProbabilisticEnsemble(SHORT, direction="both").fit(mlp(0), TASK, data, Streams(0, 1), no_report)
    with pytest.raises(UsageError, match="at least 4"):
        TogetherEnsemble(members=3).around(SHORT)


class TestTogether(SchemeContract):
    """The scheme that the inference brings, with four members."""

    @pytest.fixture
    def scheme(self) -> Any:
        return ProbabilisticEnsemble(Supervised(Steps(0.0, 30, 30)))

    def fit(self, scheme: Any, data: TrainingSet, seed: int = 0) -> tuple[Network, Fit]:
        members = [SmallCNN(channels=(4,), hidden=8, dropout=0.3).make((1, 6, 6), 3, generator(member)) for member in range(4)]
        given = TrainingSet(data.x, data.y, data.ids, data.pool, data.before, data.checkpoint, tuple(members[1:]))
        fit = scheme.fit(members[0], self.task(), given, Streams(seed, 1), no_report)
        holder = copy.deepcopy(members[0])
        assert all(isinstance(member, nn.Module) and not member.training for member in members)
        return holder, fit
