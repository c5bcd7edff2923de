"""The small VAE: shapes, a function of its stream, divergence ≥ 0 per dimension, reconstruction falls, the latent does not collapse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from querist.core.rng import stream
from querist.learn.device import generator
from querist.learn.optimiser import AdamW
from querist.nets.vae import VAE, Code, nats, squared, vae

SHAPES = [(1, 6, 6), (1, 7, 9), (1, 8, 8), (3, 13, 10), (1, 28, 28), (3, 32, 32), (2,), (40,)]


def images(n: int, scale: float = 1.0) -> Tensor:
    """Bright squares at four places on noise."""
    rng = stream(0, 0, "oracle")
    x = 0.3 * rng.normal(size=(n, 1, 8, 8)).astype(np.float32)
    for item in range(n):
        row, column = divmod(item % 4, 2)
        x[item, 0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 2
    return torch.from_numpy(scale * x)


def trained(model: VAE, x: Tensor, steps: int = 150) -> list[float]:
    """Mean squared errors on the way."""
    optimiser, noise, errors = AdamW(model.parameters(), 0.0), generator(1), []
    for _ in range(steps):
        optimiser.clear()
        code = model.encode(x)
        out = model.decode(code.draw(noise))
        (nats(x, out) + code.kl().sum(dim=1)).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step(2e-3)
        errors.append(float(squared(x, out).detach().mean()))
    return errors


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("condition", [0, 3])
def test_inputs_of_any_size_come_back_in_their_shape(shape: tuple[int, ...], condition: int) -> None:
    model = vae(shape, generator(0), latent=5, condition=condition)
    x = torch.randn((4, *shape), generator=generator(2))
    code = model.encode(x)
    assert code.mu.shape == code.logvar.shape == (4, 5)
    given = torch.eye(3)[[0, 1, 2, 0]] if condition else None
    assert model.decode(code.draw(generator(1)), given).shape == x.shape
    assert torch.equal(model(x), code.mu)


@pytest.mark.parametrize("shape", [(1, 8, 8), (4,)])
def test_weights_are_a_function_of_the_stream(shape: tuple[int, ...]) -> None:
    torch.rand(3)
    first, second, other = (vae(shape, generator(seed)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("shape", [(1, 8, 8), (4,)])
def test_an_item_is_coded_alone_in_either_mode(shape: tuple[int, ...]) -> None:
    model, x = vae(shape, generator(0)), torch.randn((6, *shape), generator=generator(2))
    together, alone = model.train().encode(x), model.eval().encode(x[2:3])
    torch.testing.assert_close(together.mu[2:3], alone.mu)
    torch.testing.assert_close(together.logvar[2:3], alone.logvar)


def test_the_divergence_is_that_of_normals_and_nowhere_negative() -> None:
    code = Code(torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([[0.0, 0.0, -2.0]]))
    expected = torch.distributions.kl_divergence(torch.distributions.Normal(code.mu, torch.exp(0.5 * code.logvar)), torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(code.kl(), expected)
    drawn = Code(torch.randn(500, 4, generator=generator(0)), 3 * torch.randn(500, 4, generator=generator(1)))
    assert (drawn.kl() >= 0).all() and code.kl()[0, 0] == 0


def test_draws_have_the_mean_and_variance_that_the_code_says() -> None:
    code = Code(torch.full((20000, 1), 3.0), torch.full((20000, 1), 0.25).log())
    drawn = code.draw(generator(0))
    assert float(drawn.mean()) == pytest.approx(3.0, abs=0.02) and float(drawn.std()) == pytest.approx(0.5, abs=0.02)


def test_the_likelihood_is_one_of_sums_and_of_the_best_variance() -> None:
    x, out = torch.zeros(3, 2), torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    variance = (2 + 4 + 9) / 6
    expected = [0.5 * (error / variance + 2 * np.log(variance)) for error in (2, 4, 9)]
    assert nats(x, out).tolist() == pytest.approx(expected)
    scaled = nats(10 * x, 10 * out)
    assert (scaled - nats(x, out)).tolist() == pytest.approx([2 * np.log(10)] * 3), "inputs on another scale: a constant apart"
    assert torch.isfinite(nats(x, x)).all() and nats(x[:0], x[:0]).shape == (0,)


@pytest.mark.parametrize("scale", [1.0, 0.05])
@pytest.mark.parametrize("shape", [(1, 8, 8), (64,)])
def test_reconstruction_falls_and_the_latent_varies(shape: tuple[int, ...], scale: float) -> None:
    x = images(64, scale).reshape(64, *shape)
    model = vae(shape, generator(0), latent=8)
    errors = trained(model, x)
    assert errors[-1] < 0.5 * errors[0]
    with torch.no_grad():
        code = model.encode(x)
    variance = code.mu.var(dim=0)
    assert (variance > 0.05).sum() >= 2, "four places need two dimensions"
    assert (code.kl() >= -1e-6).all()


def test_a_condition_is_read() -> None:
    model = vae((1, 8, 8), generator(0), condition=3)
    z = torch.randn(1, 16, generator=generator(1))
    assert not torch.equal(model.decode(z, torch.eye(3)[:1]), model.decode(z, torch.eye(3)[1:2]))
