"""MC dropout: the folded path against the slow one, its mean against plain prediction, dropout in odd places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from querist.core.errors import TrainingError, UsageError
from querist.core.rng import stream
from querist.learn.device import generator, scoring
from querist.learn.inference.base import mask
from querist.learn.inference.ensemble import Ensemble
from querist.learn.inference.mc_dropout import MCDropout, _folded, _hooked
from querist.nets.base import MLP, Network
from querist.nets.unet import UNet

X = torch.randn(9, 6, generator=generator(3))


def rng() -> np.random.Generator:
    return stream(0, 1, "dropout")


@contextmanager
def masked(layer: nn.Module, by: Tensor) -> Iterator[None]:
    handle = layer.register_forward_hook(lambda _module, _given, out: out * by)
    yield
    handle.remove()


def test_folded_weights_equal_masked_passes() -> None:
    network = MLP(hidden=(16,), dropout=0.4).make((6,), 3, generator(0))
    masks = mask(0.4, (20, 1, 16), rng())
    with scoring(network):
        folded = MCDropout(20).prepare([network], rng())(X).logits
        for k in range(20):
            with masked(network.head[0], masks[k]):
                torch.testing.assert_close(folded[:, k], network(X), atol=1e-5, rtol=1e-5)


def test_folded_and_hooked_are_one_distribution() -> None:
    network = MLP(hidden=(16,), dropout=0.4).make((6,), 3, generator(0))
    k = 1500
    with scoring(network):
        folded, hooked = _folded(network, 0.4, k, rng())(X).logits, _hooked(network, k, rng())(X).logits
    spread = (folded.var(dim=1) + hooked.var(dim=1)).sqrt() / k**0.5
    assert bool(((folded.mean(dim=1) - hooked.mean(dim=1)).abs() < 4.5 * spread).all())
    assert bool(((folded.std(dim=1) / hooked.std(dim=1)).log().abs() < 0.15).all())


@pytest.mark.parametrize("path", ["folded", "hooked"])
def test_the_mean_of_a_linear_network_is_its_plain_prediction(path: str) -> None:
    network = MLP(hidden=(), dropout=0.3).make((6,), 3, generator(0))
    k = 2000
    with scoring(network):
        sampler = _folded(network, 0.3, k, rng()) if path == "folded" else _hooked(network, k, rng())
        logits, plain = sampler(X).logits, network(X)
    assert bool(((logits.mean(dim=1) - plain).abs() <= 4 * logits.std(dim=1) / k**0.5).all())


def test_masks_keep_the_mean_and_have_two_values() -> None:
    drawn = mask(0.25, (40_000,), rng())
    assert drawn.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float(drawn.mean()) == pytest.approx(1.0, abs=0.02)


def test_dropout_in_the_trunk_takes_the_slow_path() -> None:
    """Planes are dropped whole by Dropout2d; each sample is one function of the input, whatever the batch."""
    trunk = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Dropout2d(0.5), nn.ReLU(), nn.Flatten())
    network = Network(trunk, nn.Sequential(nn.Linear(8 * 4 * 4, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3)))
    x = torch.randn(7, 1, 6, 6, generator=generator(1))
    planes: list[Tensor] = []
    network.trunk[2].register_forward_hook(lambda _module, given, _out: planes.append(given[0]))
    with scoring(network):
        sampler = MCDropout(6).prepare([network], rng())
        whole = sampler(x).logits
        parts = torch.cat([sampler(x[:3]).logits, sampler(x[3:]).logits])
    torch.testing.assert_close(whole, parts, atol=1e-6, rtol=1e-5)
    dropped = [(sample == 0).flatten(2).all(dim=2) for sample in planes[1:7]]  # the first pass is the plain one, for the features
    assert all(bool((gone == gone[0]).all()) for gone in dropped), "the same planes for every item"
    assert len({tuple(gone[0].tolist()) for gone in dropped}) > 1, "other planes for other samples"


def test_what_cannot_differ_is_refused() -> None:
    plain = MLP(dropout=0.0).make((6,), 3, generator(0))
    with pytest.raises(TrainingError, match="without dropout"):
        MCDropout().prepare([plain], rng())
    with pytest.raises(UsageError, match="samples=1"):
        MCDropout(1).prepare([MLP().make((6,), 3, generator(0))], rng())


def test_ensemble_stacks_its_members() -> None:
    networks = [MLP().make((6,), 3, generator(seed)).eval() for seed in range(3)]
    with torch.no_grad():
        logits = Ensemble(3).prepare(networks, rng())(X).logits
        for member, network in enumerate(networks):
            torch.testing.assert_close(logits[:, member], network(X))


def test_a_trunk_in_halves_gives_the_same_samples() -> None:
    """The encoder of a U-Net is passed once; without its halves the same network gives the same bits."""
    network = UNet((4, 8), dropout=0.5).make((1, 16, 16), 3, torch.Generator().manual_seed(0)).eval()
    x = torch.rand((5, 1, 16, 16), generator=torch.Generator().manual_seed(1))
    passes: list[int] = []
    network.trunk.down[0].register_forward_hook(lambda *_: passes.append(1))  # type: ignore[union-attr, index]
    with torch.no_grad():
        whole = MCDropout(6).prepare([Network(_Whole(network.trunk), network.head, network.describe)], np.random.default_rng(3))(x)
        assert len(passes) == 7
        halves = MCDropout(6).prepare([network], np.random.default_rng(3))(x)
    assert len(passes) == 7 + 2, "once for the features, once for all samples"
    assert torch.equal(whole.logits, halves.logits) and torch.equal(whole.features, halves.features)
    assert not torch.equal(halves.logits[:, 0], halves.logits[:, 1])


class _Whole(nn.Module):
    """A trunk that does not say that it has halves."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        return self.inner(x)
