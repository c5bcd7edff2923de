"""How labelled an item looks to a discriminator on the codes of a VAE: the `labelled_look` statistic."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from querist.learn.device import scoring
from querist.learn.hidden import tapped
from querist.learn.layout import layout
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.question import Question

if TYPE_CHECKING:
    from querist.learn.learner import Fitted
    from querist.learn.statistics.points import OnBatch


def compute(fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> NDArray[np.float32]:
    """Logits (n,), the mean over members; a scheme with a `ranker` has its discriminator read the predicted rank beside the code."""
    out = np.zeros(len(question.ids), dtype=np.float32)
    size = batch_size(fitted.networks, fitted.inputs.shape)
    for network, fit in zip(fitted.networks, fitted.fits, strict=True):
        coder, judge, ranker = fit.modules["vae"], fit.modules["discriminator"], fit.modules.get("ranker")
        with ExitStack() as stack:
            for module in (network, coder, judge):
                stack.enter_context(scoring(module))
            seen = stack.enter_context(tapped(network))
            for first in range(0, len(out), size):
                x = layout(fitted.inputs.batch(question.ids[first : first + size]))
                rank = None
                if ranker is not None:
                    network(x)
                    rank = ranker(list(seen.values())).sigmoid()[:, None]
                out[first : first + size] += judge(coder(x), rank).numpy() / len(fitted.networks)
                on_batch(min(first + size, len(out)))
    return out
