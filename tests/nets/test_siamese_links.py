"""Networks for pairs and for links."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional

from querist.core.errors import UsageError
from querist.learn.device import generator
from querist.learn.inference.base import stochastic
from querist.nets.base import Network
from querist.nets.links import ConvE, DistMult
from querist.nets.siamese import Siamese


def links(factory: DistMult | ConvE, seed: int = 0) -> Network:
    return factory.make((2,), 7, generator(seed))


QUERIES = torch.tensor([[0.0, 0.0], [3.0, 5.0], [6.0, 1.0], [0.0, 5.0]])
FACTORIES = [DistMult(width=12, relations=6), ConvE(rows=3, columns=4, channels=2, relations=6)]


def test_a_pair_is_no_matter_of_order_and_equal_records_give_one_output() -> None:
    network = Siamese(attributes=3, width=8).make((1, 2, 12), 2, generator(0)).eval()
    x = torch.randint(0, 4, (5, 1, 2, 12), generator=generator(1)).float()
    assert torch.allclose(network(x), network(x.flip(2)), atol=1e-6)
    same = x[:, :, :1].expand(-1, -1, 2, -1)
    assert torch.allclose(network(same), network(same)[:1].expand(5, -1), atol=1e-6)
    assert not torch.allclose(network(x), network(same), atol=1e-3)
    assert not stochastic(network.trunk) and stochastic(network.head)


@pytest.mark.parametrize("shape", [(12,), (3, 12), (2, 13), (4, 2, 12)])
def test_what_is_no_pair_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="Siamese cannot take"):
        Siamese(attributes=3).make(shape, 2, generator(0))


def test_siamese_weights_are_a_function_of_the_generator() -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.rand(1)  # the global stream must not enter
        return torch.cat([parameter.flatten() for parameter in Siamese(3, 8).make((2, 12), 2, generator(seed)).parameters()])

    assert torch.equal(weights(0), weights(0)) and not torch.equal(weights(0), weights(1))


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_logit_for_every_entity_and_one_table_of_them(factory: DistMult | ConvE) -> None:
    network = links(factory).eval()
    assert network(QUERIES).shape == (4, 7)
    table = [name for name, parameter in network.named_parameters() if parameter.shape[0] == 7 and parameter.ndim == 2]
    assert table == ["head.1.weight"], "stored once, or a checkpoint could not tell whose it is"
    network(QUERIES)[0, 3].backward()
    grad = network.last.weight.grad
    assert grad is not None and (grad[0] != 0).any() and (grad[3] != 0).any() and not grad[5].any(), "head and tail learn, the others do not"


@pytest.mark.parametrize("factory", FACTORIES)
def test_copies_and_loaded_networks_share_their_own_table(factory: DistMult | ConvE) -> None:
    network, other = links(factory).eval(), links(factory, 1).eval()
    twin = copy.deepcopy(network)
    with torch.no_grad():
        twin.last.weight.zero_()
    assert network.last.weight.any() and not torch.equal(twin(QUERIES), network(QUERIES))
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(QUERIES), network(QUERIES))


@pytest.mark.parametrize("factory", FACTORIES)
def test_link_weights_are_a_function_of_the_generator(factory: DistMult | ConvE) -> None:
    torch.rand(1)
    one, same, other = (torch.cat([parameter.flatten() for parameter in links(factory, seed).parameters()]) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_distmult_is_the_sum_of_products() -> None:
    network = links(DistMult(width=5, relations=6)).eval()
    table, relations, bias = network.last.weight.detach(), network.trunk.looked.relations.weight.detach(), network.last.bias.detach()
    logits = network(QUERIES).detach()
    for row, (head, relation) in enumerate(QUERIES.long().tolist()):
        for tail in range(7):
            assert float(logits[row, tail]) == pytest.approx(float((table[head] * relations[relation] * table[tail]).sum() + bias[tail]), abs=1e-6)


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_few_steps_learn_the_answers(factory: DistMult | ConvE) -> None:
    network = links(factory).train()
    wanted = functional.one_hot(torch.tensor([1, 2, 3, 4]), 7).float()
    steps = torch.optim.Adam(network.parameters(), 0.03)
    for _ in range(60):
        steps.zero_grad()
        functional.binary_cross_entropy_with_logits(network(QUERIES), wanted).backward()
        steps.step()
    assert network.eval()(QUERIES).argmax(dim=1).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("factory", FACTORIES)
def test_odd_queries_are_refused(factory: DistMult | ConvE) -> None:
    with pytest.raises(UsageError, match="a head and a relation"):
        factory.make((3,), 7, generator(0))
    for query, what in (([7.0, 0.0], "entity"), ([0.0, 6.0], "relation"), ([-1.0, 0.0], "entity")):
        with pytest.raises(UsageError, match=what):
            links(factory)(torch.tensor([query]))


def test_conve_needs_an_image() -> None:
    with pytest.raises(UsageError, match="too small an image"):
        ConvE(rows=1, columns=9).make((2,), 7, generator(0))
