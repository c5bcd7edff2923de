"""Layers whose weights are independent Gaussians (mean-field), and how means and variances pass through layers.

In eval mode such a layer is the plain layer of its mean weights. In training mode outputs are drawn from their own distribution
given the inputs (the local reparameterisation), which has less noise than drawing weights and needs no draw per item.

Reference:
    Blundell et al. 2015, "Weight uncertainty in neural networks", arXiv 1505.05424; Kingma, Salimans & Welling 2015, "Variational
    dropout and the local reparameterization trick", arXiv 1506.02557; moments as in Haussmann et al. 2019, arXiv 1906.11471.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

TINY = 1e-16
"""Smallest variance whose root is taken: the root has no gradient at 0."""

Part = TypeVar("Part", bound=nn.Module)


class _Gaussian:
    """What both layers have: the prior and the logarithm of σ over its first value.

    `log_ratio` is a vector, as biases are, so that weight decay leaves it alone; it is 0 in a fresh layer, so that refits which shrink
    weights bring σ back to where it began.
    """

    weight: Tensor
    log_ratio: Tensor
    prior: float
    start: float

    @property
    def std(self) -> Tensor:
        """σ of each weight, in the shape of the weights."""
        return self.start * self.log_ratio.exp().view(self.weight.shape)

    def divergence(self) -> Tensor:
        """KL(q ‖ prior) in nats, summed over the weights."""
        return gaussian_divergence(self.weight, self.std, self.prior)

    def spread(self, weight: Tensor, prior: float, start: float) -> None:
        """Take these weights as means, N(0, (prior / √fan-in)²) as the prior of each, and `start` of the prior's σ as first σ."""
        self.prior = prior / math.sqrt(weight[0].numel())
        self.start = start * self.prior
        self.log_ratio = nn.Parameter(torch.zeros(weight.numel()))


class GaussianLinear(_Gaussian, nn.Linear):
    """A linear layer with Gaussian weights; its bias is a number."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, out): a draw in training mode, the mean in eval mode."""
        mean = functional.linear(x, self.weight, self.bias)
        return drawn(mean, functional.linear(x.square(), self.std.square())) if self.training else mean


class GaussianConv2d(_Gaussian, nn.Conv2d):
    """A convolution with Gaussian weights; its bias is a number.

    In training mode every place of the output has noise of its own: mean and variance of each are exact, the correlation between places,
    which share weights, is left out. Posterior samples share weights as they should.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, out, h, w): a draw in training mode, the mean in eval mode."""
        mean = self._conv_forward(x, self.weight, self.bias)
        return drawn(mean, self._conv_forward(x.square(), self.std.square(), None)) if self.training else mean


def drawn(mean: Tensor, variance: Tensor) -> Tensor:
    """One draw of each number, from torch's stream as dropout draws."""
    return mean + variance.clamp_min(TINY).sqrt() * torch.randn_like(mean)


def gaussian_divergence(mean: Tensor, std: Tensor, prior: float) -> Tensor:
    """Σ KL(N(mean, std²) ‖ N(0, prior²)) in nats."""
    return (math.log(prior) - std.log() + (std.square() + mean.square()) / (2.0 * prior**2) - 0.5).sum()


def spread_out(part: Part, prior: float, start: float) -> Part:
    """Replace every plain linear layer and convolution in place by one with Gaussian weights around the same means.

    Args:
        part: A network or a part of it, not itself a layer.
        prior: Of each weight: N(0, (prior / √fan-in)²).
        start: First σ, as a share of the prior's.
    """
    for holder in list(part.modules()):
        for name, layer in list(holder.named_children()):
            made: GaussianLinear | GaussianConv2d
            if type(layer) is nn.Linear:
                made = GaussianLinear(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
            elif type(layer) is nn.Conv2d:
                shape: Any = {name: getattr(layer, name) for name in ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")}
                made = GaussianConv2d(layer.in_channels, layer.out_channels, bias=layer.bias is not None, device="meta", **shape)
            else:
                continue
            made.weight, made.bias = layer.weight, layer.bias
            made.spread(layer.weight, prior, start)
            made.train(layer.training)
            setattr(holder, name, made)
    return part


def gaussians(part: nn.Module) -> dict[str, GaussianLinear | GaussianConv2d]:
    """Name → layer with Gaussian weights."""
    return {name: layer for name, layer in part.named_modules() if isinstance(layer, GaussianLinear | GaussianConv2d)}


def divergence(part: nn.Module) -> Tensor:
    """KL of all Gaussian weights from their priors, in nats; 0 where there are none."""
    found = [layer.divergence() for layer in gaussians(part).values()]
    return torch.stack(found).sum() if found else torch.zeros(())


def linear_moments(mean: Tensor, variance: Tensor, weight: Tensor, weight_variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (n, out) of a layer's outputs for independent inputs and weights.

    Args:
        mean: Of the inputs (n, in).
        variance: Of the inputs (n, in); 0 where they are known.
        weight: Means of the weights (out, in).
        weight_variance: Of the weights (out, in).
    """
    return mean @ weight.T, (variance + mean.square()) @ weight_variance.T + variance @ weight.square().T


def relu_moments(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of max(0, a) for a ~ N(mean, variance)."""
    std = variance.clamp_min(TINY).sqrt()
    above = mean / std
    share = torch.special.ndtr(above)
    height = torch.exp(-0.5 * above.square()) / math.sqrt(2.0 * math.pi)
    first = mean * share + std * height
    second = (variance + mean.square()) * share + mean * std * height
    return first, (second - first.square()).clamp_min(0.0)
