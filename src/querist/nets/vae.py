"""A small variational auto-encoder for images of any size, or vectors: input → mean and log-variance of a latent → input, given conditions if wanted.

No layer normalises over a batch: what an item's code is depends on the item alone, so labelled and unlabelled batches cannot be told
apart by their statistics, and training and asking are the same function.

Reference:
    Kingma & Welling 2014, arXiv 1312.6114; Rybkin, Daniilidis & Levine 2021 (the best variance of the output), arXiv 2006.13202.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from querist.nets.base import initialise

LEAST = 1e-4
"""Smallest variance of the output: of standardised inputs, a perfect reconstruction."""

SHARP = 4.0
"""Codes begin with variances e⁻⁴: a decoder that sees noise at first would learn to do without the code."""

REACH = 10.0
"""Largest |log-variance| of a code."""


class Code(NamedTuple):
    """What an encoder says of items: mean and log-variance (n, latent) each."""

    mu: Tensor
    logvar: Tensor

    def draw(self, noise: torch.Generator) -> Tensor:
        """One sample (n, latent) with gradients (the reparametrisation)."""
        return self.mu + torch.exp(0.5 * self.logvar) * torch.randn(self.mu.shape, generator=noise)

    def kl(self) -> Tensor:
        """Divergence from a standard normal (n, latent) in nats, ≥ 0 in every dimension."""
        return 0.5 * (self.mu.square() + self.logvar.exp() - 1.0 - self.logvar)


class VAE(nn.Module):
    """Encoder and decoder.

    Args:
        shape: Of an input: (ch, h, w) or (d,).
        latent: Dimensions of the code.
        channels: Of the convolutions, each of which halves the image; not used for vectors.
        hidden: Width of the two hidden layers for vectors; not used for images.
        condition: Numbers that the decoder reads beside a latent point: a class as zeros and a one, a rank.
    """

    def __init__(self, shape: Sequence[int], latent: int = 16, channels: tuple[int, ...] = (16, 32), hidden: int = 128, condition: int = 0) -> None:
        super().__init__()
        self.latent, self.condition = latent, condition
        if len(shape) == 3:
            self.encoder, width, self.decoder = _of_images(tuple(shape), channels, latent + condition)
        else:
            columns, width = math.prod(shape), hidden
            self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(columns, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
            self.decoder = nn.Sequential(
                nn.Linear(latent + condition, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, columns),
                nn.Unflatten(1, tuple(shape)),
            )  # fmt: skip
        self.codes = nn.Linear(width, 2 * latent)

    def encode(self, x: Tensor) -> Code:
        """The codes of inputs (n, *shape)."""
        mu, logvar = self.codes(self.encoder(x)).chunk(2, dim=1)
        return Code(mu, logvar.clamp(-REACH, REACH))

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Inputs (n, *shape) from latent points (n, latent) and their conditions (n, condition)."""
        out: Tensor = self.decoder(z if condition is None else torch.cat([z, condition], dim=1))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Means (n, latent)."""
        return self.encode(x).mu


def vae(
    shape: Sequence[int], generator: torch.Generator, *, latent: int = 16, channels: tuple[int, ...] = (16, 32), hidden: int = 128, condition: int = 0
) -> VAE:  # fmt: skip
    """A VAE whose weights are a function of the generator alone; see `VAE` for the sizes."""
    made = VAE(shape, latent, channels, hidden, condition)
    initialise(made, generator)
    with torch.no_grad():
        made.codes.bias[latent:] -= SHARP
        for module in made.modules():
            if isinstance(module, nn.ConvTranspose2d):  # an output reads a quarter of the window: the stride is 2
                bound = (6.0 / (module.weight[:, 0].numel() / 4.0)) ** 0.5
                module.weight.uniform_(-bound, bound, generator=generator)
                assert module.bias is not None
                module.bias.zero_()
    return made.to(memory_format=torch.channels_last)


def squared(x: Tensor, out: Tensor) -> Tensor:
    """Squared error (n,) summed over an input."""
    return (x - out).square().flatten(1).sum(dim=1)


def nats(x: Tensor, out: Tensor) -> Tensor:
    """Negative log-likelihood (n,) of inputs under a normal around `out`, up to a constant, summed over an input.

    The variance is the one that fits the batch best, a constant to the gradient: so it is on one scale with `Code.kl` whatever the
    inputs' scale, and the latent does not collapse because the inputs are small.
    """
    error = squared(x, out)
    size = x[0].numel() if len(x) else 1
    variance = (error.detach().mean() / size).clamp_min(LEAST)
    return 0.5 * (error / variance + size * variance.log())


def _of_images(shape: tuple[int, ...], channels: tuple[int, ...], latent: int) -> tuple[nn.Sequential, int, nn.Sequential]:
    """Encoder, its width, decoder; a halving rounds up, its inverse knows whether it did."""
    sizes, layers, before = [shape[1:]], list[nn.Module](), shape[0]
    for count in channels:
        layers += [nn.Conv2d(before, count, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
        sizes.append(tuple((side + 1) // 2 for side in sizes[-1]))
        before = count
    small = (before, *sizes[-1])
    back: list[nn.Module] = [nn.Linear(latent, math.prod(small)), nn.Unflatten(1, small)]
    for count, size in zip([*channels[-2::-1], shape[0]], sizes[-2::-1], strict=True):
        even = (1 - size[0] % 2, 1 - size[1] % 2)
        back += [nn.LeakyReLU(0.2), nn.ConvTranspose2d(before, count, 3, stride=2, padding=1, output_padding=even)]
        before = count
    return nn.Sequential(*layers, nn.Flatten()), math.prod(small), nn.Sequential(*back)
