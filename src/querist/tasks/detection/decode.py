"""From the output of a detector to its boxes, without losing what it said about them: whole class vectors, features and levels stay.

The usual post-processing keeps a label and a score and throws the rest away.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from querist.core.errors import UsageError
from querist.tasks.detection.assign import overlaps
from querist.tasks.detection.output import Raw


class Kept(NamedTuple):
    """Boxes that are left, rows padded.

    Attributes:
        place: (m, p), index of the place, best first.
        there: (m, p), which of them there are.
        score: (m, p), probability of the class.
        label: (m, p), position of the class.
    """

    place: Tensor
    there: Tensor
    score: Tensor
    label: Tensor


def kept(probs: Tensor, boxes: Tensor, asked: Tensor, *, least: float = 0.05, overlap: float = 0.5, before: int = 100, most: int = 30) -> Kept:
    """Greedy suppression of boxes that overlap a better one of the same class, for all images at once.

    Args:
        probs: (m, a, c + 1), background last.
        boxes: (m, a, 4).
        asked: (a,), which places may be read.
        least: Boxes with a smaller score are left out.
        overlap: Intersection over union above which the worse of two goes.
        before: Places that are looked at, best first.
        most: Boxes of an image.
    """
    score, label = probs[..., :-1].max(dim=-1)
    score = torch.where(asked, score, torch.full_like(score, -1.0))
    best, place = score.topk(min(before, score.shape[1]), dim=1)
    label = label.gather(1, place)
    near = boxes.gather(1, place[..., None].expand(-1, -1, 4))
    rivals = (overlaps(near, near) > overlap) & (label[:, :, None] == label[:, None])
    left = best >= least
    for row in range(int(left.sum(dim=1).max())):  # scores fall: below that no image has a candidate
        left[:, row + 1 :] &= ~(rivals[:, row, row + 1 :] & left[:, row : row + 1])
    order = torch.argsort(~left, dim=1, stable=True)[:, :most]
    return Kept(place.gather(1, order), left.gather(1, order), best.gather(1, order), label.gather(1, order))


def at_boxes(hidden: object, raw: Raw, item: Tensor, source: Tensor, size: tuple[int, int]) -> Tensor | None:
    """What the last layer read (s, f) where each box was found; None where that cannot be said.

    Args:
        hidden: Features of every place (m, a, f), or maps (m, f, h, w), one for every level.
        raw: The output (m, k, a, …).
        item: Of each box (s,).
        source: Place of each box (s,).
        size: Height and width of the images.
    """
    if isinstance(hidden, Tensor):
        return hidden[item, source] if hidden.ndim == 3 and hidden.shape[1] == raw.boxes.shape[2] else None
    if not isinstance(hidden, list) or len({one.shape[1] for one in hidden}) != 1:
        return None
    priors, level = raw.priors[item, 0, source], raw.level[0, 0, source].long()
    middle = ((priors[:, :2] + priors[:, 2:]) / 2).clamp(min=0)
    out = middle.new_zeros((len(item), hidden[0].shape[1]))
    for number, one in enumerate(hidden):
        here = level == number
        high, wide = one.shape[2:]
        row, column = (middle[here, 1] * high / size[0]).long().clamp(max=high - 1), (middle[here, 0] * wide / size[1]).long().clamp(max=wide - 1)
        out[here] = one[item[here], :, row, column]
    return out


def found(raw: Raw, **options: float) -> tuple[Kept, Tensor, Tensor]:
    """The boxes of an output (m, k, a, …) of k functions, by the means over them; with the probabilities (m, k, a, c + 1) and mean boxes (m, a, 4).

    Raises:
        UsageError: if the functions do not speak of the same places.
    """
    if bool((raw.priors != raw.priors[:, :1]).any()):
        raise UsageError("these networks do not look at the same places", got="proposals of their own", wanted="one network, or a detector of one stage")
    probs = torch.softmax(raw.logits, dim=-1)
    boxes = raw.boxes.mean(dim=1)
    return kept(probs.mean(dim=1), boxes, raw.level[0, 0] >= 0, **options), probs, boxes  # type: ignore[arg-type]
