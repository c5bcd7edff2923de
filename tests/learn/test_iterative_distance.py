"""`iterative_distance`: exact along its direction for a linear network, no endless loop, no underflow."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from querist.core.rng import stream
from querist.learn.statistics.iterative_distance import BasicIterative


def linear(d: int, seed: int = 0, scale: float = 1.0) -> nn.Linear:
    layer = nn.Linear(d, 2).double()
    rng = stream(seed, 0, "oracle")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(scale * rng.normal(size=(2, d))))
        layer.bias.zero_()
    return layer


def points(n: int = 30, d: int = 4) -> torch.Tensor:
    return torch.from_numpy(0.5 * stream(1, 0, "oracle").normal(size=(n, d)))


def test_a_linear_binary_classifier_is_ranked_by_its_margin() -> None:
    """All coordinates move alike: the way to the boundary is |f| / ‖w‖₁ in each, √d times that in L2."""
    network, x = linear(4), points()
    moved, flipped = BasicIterative(steps=500, halvings=20)(network, x)
    f, w = network(x).detach().numpy(), network.weight.detach().numpy()
    wanted = np.abs(f[:, 0] - f[:, 1]) / np.abs(w[0] - w[1]).sum() * np.sqrt(4)
    assert flipped.all()
    np.testing.assert_allclose(moved.norm(dim=1).numpy(), wanted, atol=1e-6)
    assert (network(x + moved).argmax(dim=1) != network(x).argmax(dim=1)).all()


def test_halving_breaks_ties_of_whole_steps() -> None:
    network, x = linear(4), points()
    whole, fine = (BasicIterative(halvings=times)(network, x)[0].norm(dim=1).numpy().round(9) for times in (0, 8))
    assert len(set(whole)) < 20 < len(set(fine)) and (fine <= whole + 1e-12).all()


def test_what_never_flips_ends() -> None:
    flat = linear(4, scale=0.0)
    with torch.no_grad():
        flat.bias.copy_(torch.tensor([1.0, 0.0]))
    assert not BasicIterative()(flat, points())[1].any()
    assert not BasicIterative(steps=1)(linear(4), 100 * points())[1].all()


def test_a_certain_network_has_a_direction() -> None:
    """Its loss and its gradient are 0 in floats; the log odds are not."""
    network, x = linear(4), points()
    mild, certain = (BasicIterative()(run, x)[0] for run in (network, lambda at: 1e4 * network(at)))
    torch.testing.assert_close(mild, certain, rtol=1e-9, atol=1e-9)


def test_the_direction_is_that_of_where_the_point_has_come_to() -> None:
    """Between the walls |x| = 1 the way leads outwards, on either side of 0."""

    def walls(x: torch.Tensor) -> torch.Tensor:
        way = x[:, 0].abs() - 1.0
        return torch.stack([-way, way], dim=1)

    moved, flipped = BasicIterative(size=0.1)(walls, torch.tensor([[0.05], [-0.05], [0.6]], dtype=torch.float64))
    assert flipped.all()
    np.testing.assert_allclose(moved[:, 0].numpy(), [0.95, -0.95, 0.4], atol=1e-4)
