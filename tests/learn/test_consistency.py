"""MixMatch and the inconsistency that it queries by: its end points, what is mixed, and what an invariant network says."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES
from learn_short import SHORT
from scipy.stats import beta
from test_semi import CNN, TASK, data, same, trained

from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.augment import Augment
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.programme import Setting
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.learning_loss import LearningLoss
from querist.learn.schemes.mixmatch import Asker, MixMatch, blended, log, sharpened
from querist.learn.statistics.inconsistency import compute
from querist.learn.statistics.question import Question
from querist.learn.views import Noise
from querist.nets.text_cnn import TextCNN
from querist.testing.scheme_contract import images

PLAIN = MixMatch(SHORT, weight=0.0, mixing=0.0, mean=0.0, longer=1.0)


def test_without_weight_and_mixing_it_equals_supervised_bit_for_bit() -> None:
    assert same(trained(SHORT), trained(PLAIN))
    for changed in (dataclasses.replace(PLAIN, mixing=0.75), dataclasses.replace(PLAIN, weight=1.0)):
        assert not same(trained(SHORT), trained(changed))


def test_without_unlabelled_items_it_equals_supervised() -> None:
    assert same(trained(SHORT, pool=False), trained(MixMatch(SHORT, mean=0.0, longer=1.0), pool=False))


def test_sharpening_by_hand() -> None:
    probs = torch.tensor([[0.6, 0.3, 0.1]])
    assert torch.allclose(sharpened(probs, 0.5), torch.tensor([[0.36, 0.09, 0.01]]) / 0.46)
    assert torch.allclose(sharpened(probs, 1.0), probs)
    assert torch.allclose(torch.softmax(log(torch.tensor([[1.0, 0.0]])), dim=1), torch.tensor([[1.0, 0.0]]))


def test_what_is_mixed_keeps_more_than_half_of_itself_and_targets_go_along() -> None:
    n = 400
    x, target = torch.eye(n), torch.eye(n)
    out, mixed = blended(x, target, 0.75, generator(0))
    own = out.diagonal()
    assert (own >= 0.5).all() and torch.equal(out, mixed), "inputs and targets by the same shares"
    assert torch.allclose(mixed.sum(dim=1), torch.ones(n))
    assert float(own.mean()) == pytest.approx(float(beta(1.75, 0.75).sf(0.5)), abs=0.02), "E max(b, 1 - b), b of Beta(¾, ¾)"
    assert torch.equal(out, blended(x, target, 0.75, generator(0))[0])
    squares, _ = blended(torch.rand(5, 1, 4, 4), torch.eye(5), 0.75, generator(0))
    assert squares.shape == (5, 1, 4, 4)


def test_word_indices_are_not_mixed() -> None:
    network = TextCNN(words=50, width=4, channels=4).make((8,), 3, generator(0))
    given = Setting(network, TASK, TrainingSet(torch.ones(4, 8), np.arange(4) % 3), Streams(0, 1))
    with pytest.raises(UsageError, match="no mean of two word indices"):
        MixMatch(SHORT).programme(given)
    assert MixMatch(SHORT, mixing=0.0).programme(given).stage().unlabelled


def fitted(scheme: Any) -> Fitted:
    inputs = ArrayInputs(ArrayPool(images(39)))
    labelled = {str(item): CLASSES[item % 3] for item in range(18)}
    return Learner(CNN, scheme).fit(inputs, TASK, labelled, Streams(0, 1), None, no_report, [str(item) for item in range(18, 39)])


def asked(found: Fitted) -> np.ndarray:
    return compute(found, Question([str(item) for item in range(18, 39)], lambda: np.empty((0, 1)), lambda: (np.empty((0, 1)), [])))


def test_inconsistency_is_the_variance_of_the_answers() -> None:
    found = fitted(MixMatch(SHORT, asked=3))
    asker, network = found.fits[0].modules["asker"], found.networks[0].eval()
    x = found.inputs.batch([str(item) for item in range(18, 39)])
    with torch.no_grad():
        probs = torch.stack([torch.softmax(network(view), dim=1) for view in asker(x)]).numpy()
    assert len(probs) == 4, "as it is, and three augmentations"
    np.testing.assert_allclose(asked(found), ((probs - probs.mean(axis=0)) ** 2).mean(axis=0).sum(axis=1), rtol=1e-3, atol=1e-6)


def test_identity_augmentation_and_an_invariant_network_have_none() -> None:
    quiet = MixMatch(SHORT, weak=dataclasses.replace(MixMatch().weak, noise=0.0))
    assert np.allclose(asked(fitted(quiet)), 0.0, atol=1e-12), "no shift, no flip, no noise"
    moving = dataclasses.replace(quiet, inner=dataclasses.replace(SHORT, augment=Augment(shift=1)))
    found = fitted(moving)
    assert asked(found).max() > 1e-4
    with torch.no_grad():
        found.networks[0].last.weight.zero_()  # invariant: the same answer for all
    assert np.allclose(asked(found), 0.0, atol=1e-12)


def test_the_asker_draws_the_same_in_every_call_and_for_every_item() -> None:
    asker, x = Asker(Noise(0.5), 2, seed=7), torch.zeros(5, 3)
    first, second = asker(x), asker(x[2:])
    assert len(first) == 3 and torch.equal(first[0], x) and not torch.equal(first[1], first[2])
    assert all(torch.equal(one[2:], other) for one, other in zip(first, second, strict=True))
    assert list(asker.state_dict()) == ["seed"], "kept with what is trained, so that a restored round asks the same"


def test_it_goes_around_another_wrapper_and_its_row_brings_it() -> None:
    found = fitted(MixMatch(LearningLoss(SHORT)))
    assert set(found.fits[0].modules) == {"loss", "asker"}
    assert catalogue.scheme_name("consistency") == "mixmatch"
    programme = MixMatch(SHORT).programme(Setting(CNN.make((1, 6, 6), 3, generator(0)), TASK, data(), Streams(0, 1)))
    assert [term.name for term in programme.stage().phases[0].terms] == ["mixed"], "the labelled term gives way"
