"""`word_gradient`: the largest expected gradient length of one word's embedding; of the first member without dropout.

Reference:
    Zhang, Lease & Wallace 2017, arXiv 1606.04212 (EGL-word).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.errors import TrainingError
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.points import OnBatch
from querist.learn.statistics.question import Question, Run, entrance, probing
from querist.nets.base import Network
from querist.nets.text_cnn import PADDING, Words

if TYPE_CHECKING:
    from querist.learn.learner import Fitted

CLASSES = 10
"""Only the most probable so many classes are expected over, renormalised: a backward pass each."""


def compute(fitted: Fitted, question: Question, on_batch: OnBatch) -> NDArray[np.float32]:
    """Per item the largest, over its words w, of Σ_c p_c ‖∂CE(x, c)/∂E_w‖, (n,).

    Raises:
        TrainingError: if the table of words is frozen: no label would change it.
    """
    network, out = fitted.networks[0], np.empty(len(question.ids), dtype=np.float32)
    words = table(network)
    if not words.table.weight.requires_grad:
        raise TrainingError(
            "the table of words is frozen, so its gradient says nothing", got="frozen embeddings", wanted="learnt ones", hint="Use --refit scratch or warm."
        )
    with probing(network):
        batch = max(batch_size(fitted.networks, fitted.inputs.shape) // CLASSES, 16)
        for first in range(0, len(question.ids), batch):
            x = fitted.inputs.batch(question.ids[first : first + batch])
            embed, run = entrance(network)
            lengths = expected_lengths(run, embed(x).detach(), words.ids(x))
            out[first : first + batch] = lengths.amax(dim=1).numpy()
            on_batch(min(first + batch, len(question.ids)))
    return out


def table(network: Network) -> Words:
    """The table of words that a network begins with.

    Raises:
        TrainingError: if it does not begin with one.
    """
    first = next(network.trunk.children(), None)
    if not isinstance(first, Words):
        raise TrainingError("this network has no table of words", got=type(first).__name__, wanted="Words", hint="Use the recipe text-cnn.")
    return first


def expected_lengths(run: Run, embedded: Tensor, ids: Tensor) -> Tensor:
    """Σ_c p_c ‖∂CE(x, c)/∂E_w‖ of the word at each place, (n, length); 0 at padding.

    A word that occurs several times has one embedding, so its gradients are summed before the norm.

    Args:
        run: Embedded words → logits.
        embedded: (n, length, width).
        ids: Word indices (n, length).
    """
    leaf = embedded.requires_grad_()
    logits = run(leaf)
    log_probs = torch.log_softmax(logits, dim=1)
    best = log_probs.detach().topk(min(CLASSES, logits.shape[1]), dim=1)
    weights = torch.softmax(best.values, dim=1)
    same = (ids[:, :, None] == ids[:, None, :]).to(embedded.dtype)
    total = torch.zeros(ids.shape)
    for rank in range(weights.shape[1]):
        loss = -log_probs.gather(1, best.indices[:, rank : rank + 1]).sum()
        slope = torch.autograd.grad(loss, leaf, retain_graph=rank + 1 < weights.shape[1])[0]
        total += weights[:, rank : rank + 1] * (same @ slope).norm(dim=2)
    return torch.where(ids == PADDING, 0.0, total)
