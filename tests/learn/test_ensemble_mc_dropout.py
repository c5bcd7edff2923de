"""Ensembles of networks with MC dropout: members side by side, each with own masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from querist.core.errors import TrainingError, UsageError
from querist.core.rng import stream
from querist.kernels.information import bald, between_and_within
from querist.learn.device import generator
from querist.learn.inference.ensemble_mc_dropout import EnsembleMCDropout
from querist.learn.inference.mc_dropout import MCDropout
from querist.nets.base import MLP

X = torch.randn(9, 6, generator=generator(3))


def rng() -> np.random.Generator:
    return stream(0, 1, "dropout")


def test_members_stand_side_by_side_with_own_masks() -> None:
    networks = [MLP(hidden=(16,), dropout=0.4).make((6,), 3, generator(0)).eval() for _ in range(3)]
    with torch.no_grad():
        logits = EnsembleMCDropout(3, 5).prepare(networks, rng())(X).logits
        torch.testing.assert_close(logits[:, :5], MCDropout(5).prepare(networks[:1], rng())(X).logits)
    assert logits.shape == (9, 15, 3)
    for first, second in ((0, 5), (5, 10), (0, 10)):
        assert not torch.equal(logits[:, first : first + 5], logits[:, second : second + 5]), "equal networks differ by their masks only"


def test_debal_of_one_member_is_bald_of_mc_dropout_and_more_members_add() -> None:
    networks = [MLP(hidden=(16,), dropout=0.4).make((6,), 3, generator(seed)).eval() for seed in range(3)]
    with torch.no_grad():
        three = torch.softmax(EnsembleMCDropout(3, 20).prepare(networks, rng())(X).logits, dim=2).numpy()
        one = torch.softmax(EnsembleMCDropout(1, 20).prepare(networks[:1], rng())(X).logits, dim=2).numpy()
        dropout = torch.softmax(MCDropout(20).prepare(networks[:1], rng())(X).logits, dim=2).numpy()
    np.testing.assert_allclose(bald(one), bald(dropout))
    between, within = between_and_within(three, 3)
    np.testing.assert_allclose(between + within, bald(three), atol=1e-6)
    assert (bald(three) > within).all()


def test_what_cannot_differ_is_refused() -> None:
    with pytest.raises(UsageError, match="samples=1"):
        EnsembleMCDropout(2, 1).prepare([MLP().make((6,), 3, generator(seed)) for seed in range(2)], rng())
    with pytest.raises(TrainingError, match="without dropout"):
        EnsembleMCDropout(2).prepare([MLP(dropout=0.0).make((6,), 3, generator(seed)) for seed in range(2)], rng())
