"""What the schemes with a discriminator or a critic share: the players, their losses, and what is to be known of them afterwards."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.core.errors import UsageError
from querist.learn.programme import Setting, Stage
from querist.learn.stage_run import hold_back
from querist.learn.step import Step
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import initialise
from querist.nets.text_cnn import Words
from querist.nets.vae import Code

SAMPLE = 1000
"""Items of each side that the notes are computed from, at even distances."""

ACTIVE = 0.01
"""Variance of its mean over items from which on a latent unit counts as active (Burda, Grosse & Salakhutdinov 2016)."""


ADVERSARIES = 100
"""First number of these schemes' modules and streams, apart from those of schemes inside."""


class Player(nn.Module):
    """Points, and conditions beside them if wanted → one number each (n,): a discriminator's logit of "labelled", or a critic's value.

    Args:
        width: Of a point.
        hidden: Of the two hidden layers.
        condition: Numbers read beside a point.
    """

    def __init__(self, width: int, hidden: int, condition: int = 0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width + condition, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, points: Tensor, condition: Tensor | None = None) -> Tensor:
        """(n,), no output activation."""
        value: Tensor = self.layers(points if condition is None else torch.cat([points, condition], dim=1))
        return value.squeeze(1)


def player(width: int, hidden: int, own: torch.Generator, condition: int = 0) -> Player:
    """One whose weights are a function of the generator alone."""
    made = Player(width, hidden, condition)
    initialise(made, own)
    return made


def looks(logit: Tensor, so: bool) -> Tensor:
    """Binary cross-entropy (n,) of a discriminator's logits where all items are said to be so (labelled, or real), or none."""
    return functional.softplus(-logit if so else logit)


def known(stage: Stage, setting: Setting) -> int:
    """Items that people have labelled among those that a stage trains on; pseudo-labelled ones come after them."""
    return len(hold_back(len(setting.data.y), stage.validation, setting.streams)[0])


def labelled_inputs(step: Step, count: int) -> Tensor:
    """The labelled batch without the pseudo-labelled: to a discriminator those are what they are, unlabelled."""
    return step.x if bool((step.rows < count).all()) else step.x[step.rows < count]


def continuous(setting: Setting, who: str) -> tuple[int, ...]:
    """The shape of an input.

    Raises:
        UsageError: for word indices: between two of them there is nothing to reconstruct.
    """
    if any(isinstance(layer, Words) for layer in setting.network.trunk.children()):
        raise UsageError(f"{who} reconstructs inputs, and word indices have no distance", got="word indices", wanted="images or vectors")
    return tuple(setting.data.x.shape[1:])


def samples(setting: Setting) -> tuple[Tensor, Tensor] | None:
    """Labelled and unlabelled inputs for the notes, at most `SAMPLE` each; None where nothing is unlabelled."""
    pool: Unlabelled | None = setting.data.pool
    if pool is None or not len(pool):
        return None
    labelled = setting.data.x
    places = torch.linspace(0, len(pool) - 1, min(len(pool), SAMPLE)).long()
    rows = torch.linspace(0, len(labelled) - 1, min(len(labelled), SAMPLE)).long()
    return labelled[rows], pool.batch(places.numpy())


def auc(positive: Tensor, negative: Tensor) -> float:
    """Probability that a positive's value is above a negative's, a tie for half: 0.5 tells nothing apart, 1 everything."""
    order = negative.sort().values
    below, upto = (torch.searchsorted(order, positive, side=side) for side in ("left", "right"))
    return float((below + upto).double().mean() / (2 * len(negative)))


def of_latent(code: Code) -> dict[str, float]:
    """Whether a VAE has collapsed: mean variance of the latent means, units that are active, divergence in nats."""
    variance = code.mu.var(dim=0, correction=0)
    return {"latent_variance": float(variance.mean()), "active_units": float((variance > ACTIVE).sum()), "divergence": float(code.kl().sum(dim=1).mean())}


def paired(labelled: Tensor, unlabelled: Tensor) -> tuple[Tensor, Tensor]:
    """The shorter batch repeated to the length of the longer."""
    n = max(len(labelled), len(unlabelled)) if len(labelled) and len(unlabelled) else 0
    rows = torch.arange(n)
    return labelled[rows % max(len(labelled), 1)], unlabelled[rows % max(len(unlabelled), 1)]


def steepness(critic: nn.Module, points: Tensor) -> Tensor:
    """Norms (n,) of a critic's gradient with respect to its points, differentiable in the critic's weights."""
    points = points.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return torch.as_tensor(gradient.square().sum(dim=1).clamp_min(1e-12).sqrt())


def between(one: Tensor, other: Tensor, noise: torch.Generator) -> Tensor:
    """The pairs' ends and a random point on the line between each two (3n, d)."""
    share = torch.rand((len(one), 1), generator=noise)
    return torch.cat([one, other, share * one + (1.0 - share) * other])


def own(setting: Setting, number: int) -> torch.Generator:
    """The generator of the weights of a player of this kind; see `Setting.generator`."""
    return setting.generator(ADVERSARIES + number)
