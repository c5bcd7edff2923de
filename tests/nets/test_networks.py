"""Reference networks: shapes, seeded weights, one stochastic layer."""

from __future__ import annotations

import pytest
import torch

from querist.core.errors import UsageError
from querist.learn.device import generator
from querist.learn.inference.base import stochastic
from querist.nets.base import MLP, Network, NetworkFactory
from querist.nets.cnn import PlacedDropout, SmallCNN

CASES: list[tuple[NetworkFactory, tuple[int, ...], int]] = [
    (MLP(), (7,), 128),
    (MLP(hidden=()), (2, 3, 4), 24),
    (MLP(hidden=(9, 5)), (1, 6, 6), 5),
    (SmallCNN(), (1, 28, 28), 128),
    (SmallCNN((32,), stem=16, hidden=64), (1, 8, 8), 64),
    (SmallCNN((4, 6), hidden=0), (3, 9, 11), 6 * 2 * 3),
    (SmallCNN((4, 4, 4), hidden=3), (3, 15, 17), 3),
]


@pytest.mark.parametrize(("factory", "shape", "features"), CASES)
def test_trunk_and_head_fit(factory: NetworkFactory, shape: tuple[int, ...], features: int) -> None:
    network = factory.make(shape, 4, generator(0)).eval()
    x = torch.randn(5, *shape, generator=generator(1))
    assert network(x).shape == (5, 4)
    assert network.last.in_features == features and network.last.out_features == 4
    assert not stochastic(network.trunk) and stochastic(network.head), "posterior samples cost one pass of the trunk"


@pytest.mark.parametrize(("factory", "shape", "features"), CASES)
def test_weights_are_a_function_of_the_generator(factory: NetworkFactory, shape: tuple[int, ...], features: int) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.rand(1)  # the global stream must not enter
        return torch.cat([parameter.flatten() for parameter in factory.make(shape, 4, generator(seed)).parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_activations_keep_their_size_through_initialisation() -> None:
    network = MLP(hidden=(256, 256, 256)).make((256,), 10, generator(0)).eval()
    out = network(torch.randn(64, 256, generator=generator(1)))
    assert 0.02 < float(out.detach().std()) < 2.0


@pytest.mark.parametrize("shape", [(7,), (1, 7, 28), (28, 28)])
def test_what_is_no_picture_or_too_small_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="SmallCNN cannot take"):
        SmallCNN().make(shape, 2, generator(0))


def test_a_head_ends_in_a_linear_layer() -> None:
    with pytest.raises(TypeError, match="ends in a Linear"):
        _ = Network(torch.nn.Identity(), torch.nn.Sequential(torch.nn.ReLU())).last


@pytest.mark.parametrize(("place", "trunk", "head"), [("head", 0, 1), ("last_block", 1, 0), ("all", 3, 1)])
def test_dropout_is_where_it_was_placed_and_the_weights_stay(place: str, trunk: int, head: int) -> None:
    plain = SmallCNN((5, 6), stem=4, hidden=7, dropout=0.4)
    network, own = PlacedDropout(plain, place).make((1, 8, 8), 3, generator(0)), plain.make((1, 8, 8), 3, generator(0))
    assert [sum(isinstance(layer, torch.nn.Dropout) for layer in part.modules()) for part in (network.trunk, network.head)] == [trunk, head]
    assert all(layer.p == 0.4 for layer in network.modules() if isinstance(layer, torch.nn.Dropout))
    x = torch.randn(5, 1, 8, 8, generator=generator(1))
    assert torch.equal(network.eval()(x), own.eval()(x)), "without dropout they are one function"
    assert network.train()(x).shape == (5, 3)


def test_dropout_of_the_last_block_drops_what_that_block_gives() -> None:
    layers = list(PlacedDropout(SmallCNN((5, 6), hidden=0), "last_block").make((1, 8, 8), 3, generator(0)).trunk.children())
    assert [type(layer).__name__ for layer in layers[-3:]] == ["AvgPool2d", "Dropout", "Flatten"]


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(UsageError, match="no such place"):
        PlacedDropout(place="stem").make((1, 28, 28), 2, generator(0))
