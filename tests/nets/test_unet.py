"""The U-Net: shapes, determinism, dropout at the bottleneck, side outputs, windows, volumes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from querist.core.errors import UsageError
from querist.learn.inference.mc_dropout import MCDropout
from querist.nets.unet import UNet


def made(factory: UNet, shape: tuple[int, ...] = (1, 20, 13), outputs: int = 3, seed: int = 0) -> torch.nn.Module:
    return factory.make(shape, outputs, torch.Generator().manual_seed(seed)).eval()


@pytest.mark.parametrize(("factory", "shape", "channels"), [
    (UNet((4, 8, 8)), (1, 20, 13), 3),
    (UNet((4, 8)), (3, 8, 8), 3),
    (UNet((4, 6, 8, 8), sides=2), (1, 16, 24), 9),
    (UNet((4, 8, 8), sides=1, window=True), (2, 20, 13), 7),
    (UNet((4, 8)), (1, 6, 8, 10), 3),
])  # fmt: skip
def test_outputs_are_as_large_as_the_input(factory: UNet, shape: tuple[int, ...], channels: int) -> None:
    network = made(factory, shape)
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    assert network(x).shape == (2, channels, *shape[1:])
    assert network.describe(network.trunk(x)).shape == (2, factory.channels[-1])  # type: ignore[operator]


def test_weights_follow_from_the_stream() -> None:
    one, same, other = (made(UNet((4, 8)), seed=seed) for seed in (0, 0, 1))
    x = torch.randn(1, 1, 20, 13)
    assert torch.equal(one(x), same(x)) and not torch.equal(one(x), other(x))


def test_what_is_small_and_what_is_large_is_seen() -> None:
    network = made(UNet((4, 8, 8)))
    x = torch.randn(1, 1, 20, 13, generator=torch.Generator().manual_seed(0)).requires_grad_()
    network(x)[0, 0, 10, 6].backward()
    assert x.grad is not None
    reach = x.grad[0, 0].abs() > 0
    assert int(reach.sum()) > 100, "the bottleneck sees far"


def test_dropout_is_at_the_bottleneck_alone() -> None:
    network = made(UNet((4, 8, 8), dropout=0.5))
    x = torch.randn(2, 1, 20, 13)
    told = MCDropout(3).prepare([network], np.random.default_rng(0))(x)  # type: ignore[list-item]
    assert told.logits.shape == (2, 3, 3, 20, 13) and not torch.equal(told.logits[:, 0], told.logits[:, 1])
    assert [module.p for module in network.modules() if isinstance(module, torch.nn.Dropout)] == [0.5]
    assert not torch.equal(told.logits[:, 0], network(x)) and torch.equal(told.hidden.final, network.trunk(x).final)  # type: ignore[operator, union-attr]


def test_a_window_is_no_input() -> None:
    network = made(UNet((4, 8), window=True), (2, 8, 8))
    image, inside = torch.randn(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    one, other = network(torch.cat([image, inside], dim=1)), network(torch.cat([image, -inside], dim=1))
    assert torch.equal(one[:, :3], other[:, :3]) and (one[:, 3] == 1).all() and (other[:, 3] == -1).all()


def test_side_outputs_have_weights_of_their_own() -> None:
    network = made(UNet((4, 6, 8, 8), sides=2), (1, 16, 16))
    out = network(torch.randn(1, 1, 16, 16))
    final, middle, low = out.chunk(3, dim=1)
    assert not torch.allclose(final, middle) and torch.equal(middle[..., ::2, ::2], middle[..., 1::2, 1::2])
    assert torch.equal(low[..., ::4, ::4], low[..., 3::4, 3::4])


@pytest.mark.parametrize(
    ("factory", "shape"), [(UNet(), (7,)), (UNet(), (1, 3, 3)), (UNet((4,)), (1, 8, 8)), (UNet((4, 8), sides=1), (1, 8, 8)), (UNet(window=True), (1, 8, 8))]
)
def test_what_makes_no_sense_is_refused(factory: UNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        factory.make(shape, 2, torch.Generator())
