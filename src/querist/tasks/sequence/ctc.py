"""Texts read off a row of steps (connectionist temporal classification): the exact probability of a text, and the text of the best path.

A network's answer to an item is one tensor (n, t, v): at every step scores of the characters 1 to v - 1 and, at 0, of nothing. A path is read by
leaving out repetitions and then nothings; the probability of a text is the sum over all paths that read so, which the forward algorithm gives exactly.

Reference:
    Graves et al. 2006, Connectionist Temporal Classification.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

NOTHING: Final = 0
PADDING: Final = -1
"""Behind the end of a text."""


def log_probability(output: Tensor, texts: Tensor) -> Tensor:
    """Log-probability (n,) of texts (n, l), in nats; -inf for a text that has no room in the steps.

    Args:
        output: Scores (n, t, v), not normalised.
        texts: Positions of characters, 1 to v - 1, `PADDING` behind the end.
    """
    if not len(output):
        return output.new_zeros(0)
    logs = torch.log_softmax(output, dim=-1).transpose(0, 1)
    lengths = (texts != PADDING).sum(dim=1)
    twice = ((texts[:, 1:] == texts[:, :-1]) & (texts[:, 1:] != PADDING)).sum(dim=1)
    fits = lengths + twice <= output.shape[1]
    steps = torch.full_like(lengths, output.shape[1])
    # What has no room is taken out by us: its gradient would be no number.
    losses = functional.ctc_loss(logs, texts.clamp(min=NOTHING), steps, lengths, blank=NOTHING, reduction="none", zero_infinity=True)
    return (-losses).masked_fill(~fits, -torch.inf)


def best_of(output: Tensor, answers: Tensor) -> Tensor:
    """Log-probability (n,) of the likeliest of several right texts (n, a, l); a text without characters is none. -inf for an item without any."""
    n, a, length = answers.shape
    flat = answers.reshape(n * a, length)
    said = log_probability(output.repeat_interleave(a, dim=0), flat)
    missing = (flat == PADDING).all(dim=1)
    return said.masked_fill(missing, -torch.inf).reshape(n, a).amax(dim=1)


def read(output: Tensor) -> Tensor:
    """The text (n, t) of the best path, `PADDING` behind its end. The likeliest text may be another; see `log_probability` for how likely this is."""
    path = output.argmax(dim=-1)
    new = torch.ones_like(path, dtype=torch.bool)
    new[:, 1:] = path[:, 1:] != path[:, :-1]
    kept = new & (path != NOTHING)
    place = torch.where(kept, kept.cumsum(dim=1) - 1, path.shape[1])
    texts = torch.full((len(path), path.shape[1] + 1), PADDING, dtype=path.dtype, device=path.device)
    return texts.scatter(1, place, path)[:, :-1]


def room(text: Sequence[object]) -> int:
    """Steps that a text needs at least: one a character and one between two that are the same."""
    return len(text) + sum(one == other for one, other in pairwise(text))
