"""Which places learn which box, and the loss of an image.

Reference:
    Zhang et al. 2020 (adaptive training sample selection), arXiv 1912.02424; focal loss: Lin et al. 2017, arXiv 1708.02002; generalised
    intersection over union: Rezatofighi et al. 2019, arXiv 1902.09630.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from querist.tasks.detection.output import columns

NEAREST: Final = 9
"""Places of each level that are considered for a box."""
FOCUS: Final = 2.0
"""Power of the focal loss."""


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union (…, m, n) of boxes (…, m, 4) and (…, n, 4); 0 where both are empty."""
    low, high = torch.maximum(a[..., :, None, :2], b[..., None, :, :2]), torch.minimum(a[..., :, None, 2:], b[..., None, :, 2:])
    both = (high - low).clamp(min=0).prod(dim=-1)
    union = area(a)[..., :, None] + area(b)[..., None, :] - both
    return torch.where(union > 0, both / union.clamp(min=1e-9), torch.zeros_like(both))


def generalised(a: Tensor, b: Tensor) -> Tensor:
    """Generalised intersection over union (…) of pairs of boxes (…, 4), in [-1, 1]."""
    both = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(dim=-1)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(dim=-1).clamp(min=1e-6)
    union = (area(a) + area(b) - both).clamp(min=1e-6)
    return both / union - (hull - union) / hull


def area(boxes: Tensor) -> Tensor:
    """(…) of boxes (…, 4)."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)


def assigned(priors: Tensor, level: Tensor, boxes: Tensor, there: Tensor) -> Tensor:
    """Which box each place learns (n, a), -1 for none.

    Of every level the `NEAREST` places about the middle of a box are considered; those whose prior overlaps it more than their mean
    overlap plus one standard deviation, and whose middle lies inside, learn it; at least one does. A place wanted by several boxes
    learns the one that it overlaps most.

    Args:
        priors: (a, 4).
        level: (a,).
        boxes: (n, m, 4), anything where there is none.
        there: (n, m), which of them there are.
    """
    boxes = torch.where(there[..., None], boxes, torch.zeros_like(boxes))
    middles, targets = (priors[:, :2] + priors[:, 2:]) / 2, (boxes[..., :2] + boxes[..., 2:]) / 2
    away = (targets[:, :, None] - middles).norm(dim=-1)
    overlap = overlaps(boxes, priors)
    considered = torch.zeros_like(overlap, dtype=torch.bool)
    for number in torch.unique(level):
        rows = torch.nonzero(level == number).squeeze(1)
        nearest = away[..., rows].topk(min(NEAREST, len(rows)), dim=-1, largest=False).indices
        considered.scatter_(2, rows[nearest], True)
    count = considered.sum(dim=-1, keepdim=True).clamp(min=1)
    mean = (overlap * considered).sum(dim=-1, keepdim=True) / count
    spread = (((overlap - mean).square() * considered).sum(dim=-1, keepdim=True) / count).sqrt()
    inside = ((middles > boxes[:, :, None, :2]) & (middles < boxes[:, :, None, 2:])).all(dim=-1)
    chosen = considered & (overlap >= mean + spread) & inside
    best = torch.where(considered, overlap - 1e-4 * away, torch.full_like(overlap, -torch.inf)).argmax(dim=-1, keepdim=True)
    chosen = chosen | (torch.zeros_like(chosen).scatter(2, best, True) & ~chosen.any(dim=-1, keepdim=True))
    claim = torch.where(chosen & there[..., None], overlap + 1e-3, torch.zeros_like(overlap))
    strength, owner = claim.max(dim=1)
    return torch.where(strength > 0, owner, torch.full_like(owner, -1))


def owners(output: Tensor, target: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Which box each place of an output learns (n, a), -1 for none, and that box with its class (n, a, 5).

    Args:
        output: (n, a, numbers).
        target: (n, m, 5): boxes and class positions, NaN where there is none.
        classes: Without background.
    """
    priors, level = columns(output[0].detach(), classes)[2:4]
    there = ~torch.isnan(target[..., 4])
    most = max(int(there.sum(dim=1).max()), 1)  # boxes stand first
    target, there = target[:, :most], there[:, :most]
    owner = torch.full(output.shape[:2], -1, device=output.device)
    for asked in (level >= 0, level < 0):  # places that only train are given their boxes for themselves
        rows = torch.nonzero(asked).squeeze(1)
        if len(rows):
            owner[:, rows] = assigned(priors[rows], level[rows], target[..., :4], there)
    return owner, target.nan_to_num(0.0).gather(1, owner.clamp(min=0)[..., None].expand(-1, -1, 5))


def qualities(output: Tensor, target: Tensor, classes: int, share: float) -> tuple[Tensor, Tensor]:
    """Sums (c,) over the places that learn a box of score ** share · overlap ** (1 - share), by class, and how many they are.

    Args:
        output: (n, a, numbers).
        target: (n, m, 5).
        classes: Without background.
        share: Of the score, in [0, 1].
    """
    said, (owner, own) = columns(output, classes), owners(output, target, classes)
    taught = (owner >= 0) & (said.level >= 0)
    label, probs = own[..., 4].long()[taught], torch.softmax(said.logits[taught], dim=-1)
    overlap = overlaps(said.boxes[taught][:, None], own[..., :4][taught][:, None]).flatten()
    quality = probs.gather(1, label[:, None]).squeeze(1) ** share * overlap ** (1 - share)
    return torch.zeros(classes).index_add(0, label, quality), torch.bincount(label, minlength=classes).float()


def losses(output: Tensor, target: Tensor, classes: int, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Loss (n,) of each image: focal cross-entropy of all places and 1 - generalised IoU of those that learn a box, both per such place.

    Args:
        output: (n, a, numbers).
        target: (n, m, 5): boxes and class positions, NaN where there is none.
        classes: Without background.
        smoothing: Label smoothing in [0, 1).
        weights: Of the classes (c,), or None.
    """
    said, (owner, own) = columns(output, classes), owners(output, target, classes)
    taught = owner >= 0
    label = torch.where(taught, own[..., 4].long(), torch.full_like(owner, classes))
    logs = torch.log_softmax(said.logits, dim=-1)
    right = logs.gather(-1, label[..., None]).squeeze(-1)
    surprise = -(1 - smoothing) * right - smoothing * logs.mean(dim=-1)
    focal = (1 - right.detach().exp()) ** FOCUS * surprise
    if weights is not None:
        focal = focal * torch.cat([weights.to(focal), focal.new_ones(1)])[label]
    apart = torch.where(taught, 1 - generalised(said.boxes, own[..., :4]), torch.zeros_like(focal))
    return (focal.sum(dim=1) + apart.sum(dim=1)) / taught.sum(dim=1).clamp(min=1)
