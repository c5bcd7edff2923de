"""Checkpoints of a training as an ensemble: which weights are kept, what they say, that training is as without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, job, label
from learn_short import SHORT

from querist.acquire.accumulated import Accumulated
from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.kernels import information
from querist.learn.device import generator
from querist.learn.inference.ensemble import Ensemble
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.checkpoints import Checkpoints
from querist.learn.schemes.learning_loss import LearningLoss
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.statistics.question import Question
from querist.learn.statistics.registry import compute
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.testing import FakeView

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
INPUTS = ArrayInputs(ArrayPool(clouds(60)))
LABELLED = {item: label(item) for item in ids(0, 12)}


def trained(scheme: object) -> tuple[Network, dict[str, torch.nn.Module]]:
    network = MLP((8,)).make((4,), 3, generator(0))
    fit = scheme.fit(network, TASK, TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3), Streams(0, 1), no_report)  # type: ignore[attr-defined]
    return network, dict(fit.modules)


def test_kept_weights_are_those_that_training_passed_through() -> None:
    """A constant rate makes a shorter training the beginning of a longer one: its end is a checkpoint of it."""
    whole, kept = trained(Checkpoints(Supervised(Steps(0.0, 20, 20), rate=0.02), every=4, last=3))
    assert sorted(kept) == ["checkpoint-0", "checkpoint-1", "checkpoint-2"]
    heads = {name: module.state_dict()["head.1.weight"] for name, module in kept.items()}
    fresh = MLP((8,)).make((4,), 3, generator(0)).last.weight.detach()
    assert not any(torch.equal(weight, fresh) for weight in heads.values()), "none from before the first step"
    assert sum(torch.equal(weight, whole.last.weight) for weight in heads.values()) == 1, "the final weights among them"
    apart = sorted(float((weight - whole.last.weight.detach()).norm()) for weight in heads.values())
    assert apart[0] == 0.0 < apart[1] < apart[2]


def test_the_network_trains_as_without() -> None:
    plain, with_ = MLP((8,)).make((4,), 3, generator(0)), trained(Checkpoints(SHORT))[0]
    SHORT.fit(plain, TASK, TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3), Streams(0, 1), no_report)
    assert all(torch.equal(tensor, with_.state_dict()[name]) for name, tensor in plain.state_dict().items())


def test_moments_are_those_of_all_checkpoints_of_all_members(tmp_path: Path) -> None:
    learner = Learner(MLP((8,)), Checkpoints(SHORT, every=4, last=3), Ensemble(2))
    fitted = learner.fit(INPUTS, TASK, LABELLED, Streams(0, 1), None, no_report, ids(12, 60), tmp_path)
    fitted.save(tmp_path)
    again = learner.restore(INPUTS, TASK, tmp_path, Streams(0, 1))
    items = ids(12, 40)
    question = Question(items, lambda: fitted.score(items).features, lambda: (np.empty((0, 8)), []))
    moments = compute("checkpoint_moments", fitted, question)
    with torch.no_grad():
        outputs = [network(INPUTS.batch(items)) for fit in fitted.fits for network in fit.modules.values()]
    probs = torch.softmax(torch.stack(outputs, dim=1).double(), dim=2).numpy()
    assert probs.shape == (28, 6, 3)
    view = FakeView(candidates=items, stats={"candidates": {"checkpoint_moments": moments}})
    for measure in ("entropy", "bald", "mean_std"):
        np.testing.assert_allclose(Accumulated(measure)(view), getattr(information, measure)(probs), atol=1e-6)
    assert again is not None and np.array_equal(compute("checkpoint_moments", again, question), moments)


def test_votes_follow_entropy_where_they_tie() -> None:
    view = FakeView.random(k=3)
    scores = Accumulated("variation_ratio")(view)
    votes = information.variation_ratio(view.stat("probs"))
    assert len(set(scores.tolist())) > len(set(votes.tolist()))
    assert (np.diff(votes[np.argsort(scores)]) >= -1e-12).all(), "the order of votes is kept"


def test_its_row_brings_the_scheme_and_wraps_another(tmp_path: Path) -> None:
    assert catalogue.scheme_name("ensemble_search") == "checkpoints"
    learner = Learner(MLP((8,)), Checkpoints(LearningLoss(SHORT)))
    result = LearnerRuntime(INPUTS, INPUTS, learner, catalogue.acquisition("ensemble_search")).train_score_select(job(tmp_path), no_report)
    assert len(set(result.ranking.ids)) == 5 and result.info["notes"] == [{"checkpoints": 21.0}]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="some of the times"):
        trained(Checkpoints(SHORT, every=3, last=4))
    with pytest.raises(UsageError, match="measure"):
        Accumulated("median")(FakeView.random())
