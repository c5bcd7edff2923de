"""The raw output of every detector, (…, places, numbers), and what its columns are. A place is where a detector may say that there is a box."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Raw(NamedTuple):
    """Columns of a detector's output.

    Attributes:
        logits: (…, a, c + 1), background last.
        boxes: (…, a, 4): x1 y1 x2 y2 in pixels, with a gradient.
        priors: (…, a, 4): the box that a place stands for before it has seen anything; targets are given to places by it. Constant.
        level: (…, a): of the pyramid; places of a level below 0 are trained and never asked.
        further: (…, a, f): what else a detector says.
    """

    logits: Tensor
    boxes: Tensor
    priors: Tensor
    level: Tensor
    further: Tensor


def columns(output: Tensor, classes: int) -> Raw:
    """The parts of an output for so many classes, background not counted."""
    first = classes + 1
    return Raw(output[..., :first], output[..., first : first + 4], output[..., first + 4 : first + 8], output[..., first + 8], output[..., first + 9 :])
