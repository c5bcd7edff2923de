"""Several answers to one prompt that differ: beam search in groups, each kept from the words of the groups before it at the same place.

Reference:
    Vijayakumar et al. 2018, arXiv 1610.02424 (diverse beam search, Hamming diversity); used by Asghar et al. 2017, arXiv 1612.03929, to offer
    candidate replies to a user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

Step = Callable[[np.ndarray], np.ndarray]
"""Prefixes (b, t) → log-probabilities (b, v) of the next word; of the empty prefix too."""


class Beams(NamedTuple):
    """Answers (groups · width, length), the best of each group first, and their log-probabilities, which no penalty is part of."""

    words: Int[np.ndarray, "b t"]
    logprob: Float[np.ndarray, " b"]


def diverse_beams(step: Step, length: int, groups: int, width: int = 1, penalty: float = 0.5) -> Beams:
    """Answers of `length` words, searched for word by word.

    Args:
        step: The model.
        length: Words of an answer; a model with an end word repeats it for nothing.
        groups: Searched in turn at every word.
        width: Beams of a group.
        penalty: Taken off a word for every beam of an earlier group that has it at this place; 0 is plain beam search, the same for all groups.
    """
    beams = [Beams(np.empty((1, 0), dtype=np.int64), np.zeros(1)) for _ in range(groups)]
    for _ in range(length):
        taken = np.zeros(1)
        for group, before in enumerate(beams):
            logs = np.asarray(step(before.words), dtype=np.float64)
            beams[group] = _widened(before, logs, penalty * taken, width)
            taken = taken + np.bincount(beams[group].words[:, -1], minlength=logs.shape[1])
    return Beams(np.concatenate([found.words for found in beams]), np.concatenate([found.logprob for found in beams]))


def hamming(words: Int[np.ndarray, "b t"]) -> float:
    """Mean share of places at which two answers differ; 0 for a single one."""
    b = len(words)
    if b < 2:
        return 0.0
    return float((words[:, None] != words[None]).mean(axis=2).sum() / (b * (b - 1)))


def _widened(before: Beams, logs: np.ndarray, taken: np.ndarray, width: int) -> Beams:
    """The best continuations of a group under the penalties `taken` (v,); ties to the earlier beam, then to the lower word."""
    whole = before.logprob[:, None] + logs
    scores = whole - taken
    best = np.argsort(-scores.ravel(), kind="stable")[:width]
    beam, word = np.divmod(best, logs.shape[1])
    return Beams(np.column_stack([before.words[beam], word]), whole.ravel()[best])
