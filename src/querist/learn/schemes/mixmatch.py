"""MixMatch training, for a query by inconsistency over the same augmentations.

Reference:
    Gao et al. 2020, "Consistency-based semi-supervised active learning: towards minimizing labeling cost", arXiv 1910.07153;
    Berthelot et al. 2019, "MixMatch: a holistic approach to semi-supervised learning", arXiv 1905.02249.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams, torch_seed
from querist.learn.device import generator
from querist.learn.programme import Programme, Programmed, Setting, Term, Transform
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.semi import beside, without
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.learn.views import Weak, alike, worded
from querist.nets.base import Network


class Asker(nn.Module):
    """The augmentations that an item is asked about: the same draws for every item, the same in every call of a round.

    Args:
        view: What is drawn.
        times: How many.
        seed: Of the draws; kept with the weights.
    """

    def __init__(self, view: Transform, times: int, seed: int) -> None:
        super().__init__()
        self._view, self.times = view, times
        self.register_buffer("seed", torch.tensor(seed))

    def forward(self, x: Tensor) -> list[Tensor]:
        """The inputs (n, *shape) as they are and in each augmentation."""
        source = generator(int(self.get_buffer("seed")))
        return [x, *(alike(self._view, x, source) for _ in range(self.times))]


@dataclass(frozen=True)
class MixMatch:
    """MixMatch around the inner scheme; it provides `inconsistency`.

    Attributes:
        inner: What trains the network; its loss of labelled items is replaced by that of mixed ones.
        weight: Of the unlabelled loss after its ramp.
        ramp: Share of the training in which it rises, in a straight line.
        views: Augmentations whose mean answer is an unlabelled item's target.
        temperature: That sharpens it.
        mixing: α of the Beta distribution that items are mixed by; 0 mixes nothing and leaves the inner loss in place.
        mean: Decay of the weights' mean, which answers in the end; 0 lets the network itself answer.
        batch: Unlabelled items of a step.
        longer: Factor of the inner scheme's number of steps.
        weak: The augmentation.
        asked: Augmentations that `inconsistency` is measured over.
    """

    inner: Programmed = Supervised()
    weight: float = 25.0
    ramp: float = 0.4
    views: int = 2
    temperature: float = 0.5
    mixing: float = 0.75
    mean: float = 0.99
    batch: int = 64
    longer: float = 3.0
    weak: Weak = Weak()
    asked: int = 5
    provides: ClassVar[frozenset[str]] = frozenset({"inconsistency"})

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with a term of mixed items for its labelled one; without mixing, with a further term.

        Raises:
            UsageError: for mixing word indices.
        """
        if self.mixing and worded(setting.network):
            raise UsageError("there is no mean of two word indices", got=f"mixing={self.mixing:g}", wanted="mixing=0")
        inner = self.inner.programme(setting)
        view = self.weak.around(setting.network, inner.stage().augment)
        names = tuple(f"guess {number}" for number in range(self.views))

        def guessed(step: Step) -> tuple[Tensor, Tensor]:
            """Each view of the unlabelled batch (views · m, *shape), and the sharpened mean answer (views · m, c) as its target."""
            views = [step.view(name) for name in names]
            mean = torch.stack([torch.softmax(step.asked(x).logits, dim=-1) for x in views]).mean(dim=0)
            return torch.cat(views), sharpened(mean, self.temperature).repeat(self.views, 1)

        def agreement(step: Step) -> Tensor:
            x, target = guessed(step)
            return step.task.discrepancy(step.together(x).logits, log(target)) if self.weight else x.new_zeros(0)

        def mixed(step: Step) -> Tensor:
            x, target = guessed(step)
            n, known = len(step.x), functional.one_hot(step.y, target.shape[1]).to(target.dtype)
            x, target = blended(torch.cat([step.x, x]), torch.cat([known, target]), self.mixing, step.noise)
            out = step.outputs(x).logits
            losses = -(target[:n] * torch.log_softmax(out[:n], dim=-1)).sum(dim=-1)
            losses = losses if step.weight is None else losses * step.weight
            # One term for both, since they share the mixing: scaled so that the mean of all is the sum of the two means.
            apart = self.rising(step.progress) * step.task.discrepancy(out[n:], log(target[n:]))
            return len(out) * torch.cat([losses / n, apart / len(apart)])

        term = Term("mixed", mixed, unlabelled=True) if self.mixing else Term("agreement", agreement, self.rising, unlabelled=True)
        plain = without(inner, "labelled") if self.mixing and setting.data.pool is not None else inner
        made = beside(plain, term, views=dict.fromkeys(names, view), unlabelled=self.batch, longer=self.longer, mean=self.mean or None)
        return dataclasses.replace(made, modules={**made.modules, "asker": Asker(view, self.asked, torch_seed(setting.streams("auxiliary")))})

    def rising(self, progress: float) -> float:
        """The weight of the unlabelled loss."""
        return self.weight * (min(progress / self.ramp, 1.0) if self.ramp else 1.0)

    def around(self, scheme: Any) -> MixMatch:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def sharpened(probs: Tensor, temperature: float) -> Tensor:
    """Probabilities (n, c) to the power of 1 / temperature, summing to 1 again."""
    power = probs ** (1.0 / temperature)
    return power / power.sum(dim=-1, keepdim=True)


def log(probs: Tensor) -> Tensor:
    """Outputs (n, c) that have these probabilities."""
    return probs.clamp(min=torch.finfo(probs.dtype).tiny).log()


def blended(x: Tensor, target: Tensor, alpha: float, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each item with another one mixed in, less than half of it; targets alike.

    Args:
        x: (n, *shape).
        target: Probabilities (n, c).
        alpha: Of the Beta distribution.
        noise: Source of partners and shares.
    """
    partner = torch.randperm(len(x), generator=noise)
    rng = np.random.Generator(np.random.PCG64(int(torch.randint(2**62, (1,), generator=noise))))  # torch draws no Beta from a generator
    share = rng.beta(alpha, alpha, len(x))
    own = torch.from_numpy(np.maximum(share, 1.0 - share)).to(x.dtype)
    wide = own.reshape(-1, *[1] * (x.ndim - 1))
    return wide * x + (1.0 - wide) * x[partner], own[:, None] * target + (1.0 - own[:, None]) * target[partner]
