"""Task-aware variational adversarial active learning: the discriminator is told how large a loss a ranker expects.

A ranker of losses is trained with the network, as in learning loss but with a smooth loss; then VAAL's game is played, in which
decoder and discriminator read the predicted rank beside the code. The network is left alone in the game.

Reference:
    Kim, Park, Kim & Chun 2021, "Task-aware variational adversarial active learning", arXiv 2002.04709.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.device import scoring
from querist.learn.hidden import tapped, widths
from querist.learn.layout import layout
from querist.learn.programme import Programme, Setting, Term
from querist.learn.schemes.adversaries import auc, continuous, of_latent, own, player, samples
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.learning_loss import LossModule, pairs
from querist.learn.schemes.vaal import VAAL, game
from querist.learn.step import Step
from querist.learn.training import Training, carried_out
from querist.nets.base import Network, initialise
from querist.nets.vae import VAE, vae
from querist.tasks.classification.learning import ClassificationHead


@dataclass(frozen=True)
class TAVAAL:
    """A scheme with VAAL's game around it, and a ranker that the game is conditioned on; they provide `labelled_look`.

    Attributes:
        game: Sizes, weights and steps of the game; what trains the network is inside it.
        weight: Of the ranker's loss.
        width: Of the ranker.
        detach: Share of the training from which on the network no longer sees the ranker's gradient.
    """

    game: VAAL = VAAL()
    weight: float = 1.0
    width: int = 128
    detach: float = 0.6
    provides: ClassVar[frozenset[str]] = frozenset({"labelled_look"})

    def fit(self, network: Network, task: ClassificationHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            UsageError: for inputs that are word indices.
            TrainingError: when training diverges.
        """
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with a ranking term, then the game."""
        of, shape = self.game, continuous(setting, "TA-VAAL")
        coder = vae(shape, own(setting, 2), latent=of.latent, channels=of.channels, hidden=of.hidden, condition=1)
        judge = player(of.latent, of.width, own(setting, 3), condition=1)
        ranker = LossModule(list(widths(setting.network, shape).values()), self.width)
        initialise(ranker, own(setting, 4))

        def ranking(step: Step) -> Tensor:
            hidden = list(step.output.hidden.values())
            if step.progress >= self.detach:
                hidden = [out.detach() for out in hidden]
            return relaxed(ranker(hidden), step.task.loss(step.output.logits, step.y).detach())

        def rank(step: Step, x: Tensor) -> Tensor:
            return ranks(ranker, list(step.asked(x).hidden.values()))

        base = of.inner.programme(setting).joined(Term("ranking", ranking, self.weight), modules={"ranker": ranker}, hidden=True)
        return dataclasses.replace(
            base,
            stages=(*base.stages, game(of, setting, coder, judge, rank)),
            modules={**base.modules, "vae": coder, "discriminator": judge},
            after=(*base.after, noted),
        )

    def around(self, scheme: Any) -> TAVAAL:
        """The same with another scheme inside."""
        return dataclasses.replace(self, game=self.game.around(scheme))


def relaxed(estimate: Tensor, loss: Tensor) -> Tensor:
    """Cross-entropies (n // 2,) of pairs (i, n - 1 - i): σ(difference of estimates) is the probability that the first item's loss is the larger.

    Not the hinge of learning loss: it has no margin. A tie counts for nothing.
    """
    further, sign = pairs(estimate, loss)
    return functional.softplus(-sign * further) * sign.abs()


@torch.no_grad()
def ranks(ranker: nn.Module, hidden: Sequence[Tensor]) -> Tensor:
    """What decoder and discriminator are told (n, 1), in (0, 1); no gradient reaches network or ranker."""
    told: Tensor = ranker(hidden)
    return told.sigmoid()[:, None]


def noted(training: Training) -> None:
    """As of VAAL, and how far the ranks spread: without a spread the game is VAAL's."""
    found = samples(training.setting)
    if found is None:
        return
    network, ranker, coder, judge = (training.modules[name] for name in ("network", "ranker", "vae", "discriminator"))
    assert isinstance(coder, VAE) and isinstance(network, Network)
    values = []
    with scoring(network), scoring(coder), scoring(judge), tapped(network) as seen:
        for x in map(layout, found):
            network(x)
            told, code = ranks(ranker, list(seen.values())), coder.encode(x)
            values.append(judge(code.mu, told))
        training.notes |= of_latent(code)
        training.notes |= {"discriminator_auc": auc(*values), "rank_deviation": float(told.std(correction=0))}
