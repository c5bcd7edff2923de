"""Reference networks: shapes, seeded weights, one stochastic layer."""

from __future__ import annotations

import pytest
import torch

from querist.core.errors import UsageError
from querist.learn.device import generator
from querist.learn.inference.base import stochastic
from querist.nets.base import MLP, Network, NetworkFactory
from querist.nets.cnn import SmallCNN

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
