"""How unsure the hidden layers of a network are of items, each by a classifier of its own: the `view_uncertainty` statistic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from querist.learn.device import scoring
from querist.learn.hidden import tapped
from querist.learn.layout import layout
from querist.learn.schemes.hidden_views import Views
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted
    from querist.learn.statistics.points import OnBatch


def compute(fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> NDArray[np.float32]:
    """Weighted mean entropies (n,) in [0, 1], the mean over members. The last view is the network's own output."""
    out = np.zeros(len(question.ids), dtype=np.float32)
    size = batch_size(fitted.networks, fitted.inputs.shape)
    for network, fit in zip(fitted.networks, fitted.fits, strict=True):
        module = fit.modules["views"]
        assert isinstance(module, Views)
        with scoring(network), scoring(module), tapped(network) as seen:
            for first in range(0, len(out), size):
                features = network.trunk(layout(fitted.inputs.batch(question.ids[first : first + size])))
                own = torch.softmax(network.head(features), dim=-1)
                probs = torch.softmax(module(seen, features), dim=-1).mean(dim=2)
                unsure = torch.special.entr(torch.cat([probs[:, :-1], own[:, None]], dim=1)).sum(dim=-1) / math.log(max(own.shape[1], 2))
                out[first : first + size] += (unsure @ module.weight).numpy() / len(fitted.networks)
                on_batch(min(first + size, len(out)))
    return out
