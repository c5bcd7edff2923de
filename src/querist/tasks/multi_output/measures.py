"""How right several answers per item are. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def measured(probs: NDArray[Any], targets: NDArray[Any], answers: Sequence[int], yes_or_no: Sequence[bool]) -> dict[str, float]:
    """Measures over what was answered; empty without any.

    `micro_f1` and `macro_f1`: of the yeses of yes-or-no slots, and of every class of the others, where the micro one is the share of right
    slots; `exact`: share of the items with all their answers right; `map`: mean average precision of yes-or-no slots; `nll` in nats.

    Args:
        probs: (n, slots, most answers).
        targets: Positions (n, slots), NaN where missing.
        answers: Number of answers of each slot.
        yes_or_no: Whether a slot is a yes (1) or no (0).
    """
    there = ~np.isnan(targets)
    if not there.any():
        return {}
    told, said = np.where(there, targets, 0).astype(np.int64), probs.argmax(axis=2)
    hits, both, precisions = [], [], []
    for slot, (count, plain) in enumerate(zip(answers, yes_or_no, strict=True)):
        rows = there[:, slot]
        for answer in range(1 if plain else 0, count):
            guessed, right = said[rows, slot] == answer, told[rows, slot] == answer
            hits.append(int((guessed & right).sum()))
            both.append(int(guessed.sum() + right.sum()))
        if plain and told[rows, slot].any():
            precisions.append(average_precision(probs[rows, slot, 1], told[rows, slot] == 1))
    spoken = [2.0 * hit / total for hit, total in zip(hits, both, strict=True) if total]
    right = np.take_along_axis(probs, told[:, :, None], axis=2)[:, :, 0][there]
    return {
        "micro_f1": 2.0 * sum(hits) / sum(both) if sum(both) else 1.0,
        "macro_f1": float(np.mean(spoken)) if spoken else 1.0,
        "exact": float(((said == told) | ~there).all(axis=1)[there.any(axis=1)].mean()),
        "nll": float(-np.log(np.maximum(right, np.finfo(np.float32).tiny)).mean()),
        **({"map": float(np.mean(precisions))} if precisions else {}),
    }


def average_precision(scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
    """Σ (recall gained at a score) · (precision there), over distinct scores from the highest; NaN without positives."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(scores[order][1:] != scores[order][:-1], True)
    recall, precision = hits[last] / max(int(positive.sum()), 1), (hits / np.arange(1, len(scores) + 1))[last]
    return float((np.diff(recall, prepend=0.0) * precision).sum()) if positive.any() else float("nan")
