"""A detector with two classifiers and one for bags: how far the two are apart, where it matters, and what the image as a whole shows.

Columns `further` of an output are then the logits of the second classifier (c + 1, background last) and those for bags (c).

Reference:
    Yuan et al. 2021 (MI-AOD), arXiv 2104.02324.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from querist.tasks.detection.assign import losses
from querist.tasks.detection.output import columns

SHOWN: Final = 0.5
"""Probability at some place from which on an unlabelled image is taken to show a class."""


def width(classes: int) -> int:
    """Number of further columns."""
    return 2 * classes + 1


def swapped(output: Tensor, classes: int) -> Tensor:
    """The output with the second classifier's logits in the place of the first's."""
    return torch.cat([columns(output, classes).further[..., : classes + 1], output[..., classes + 1 :]], dim=-1)


def both(output: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Class probabilities (n, a, c) of the two classifiers, background left out."""
    first, second = (columns(one, classes).logits for one in (output, swapped(output, classes)))
    return torch.softmax(first, dim=-1)[..., :-1], torch.softmax(second, dim=-1)[..., :-1]


def shares(output: Tensor, classes: int) -> Tensor:
    """How much each place and class counts for its image (n, a, c): softmax over classes of the bag's logits × softmax over places of the best class."""
    p, q = both(output, classes)
    bags = columns(output, classes).further[..., classes + 1 : width(classes)]
    return torch.softmax(bags, dim=-1) * torch.softmax(((p + q) / 2).amax(dim=-1), dim=1)[..., None]


def detection_losses(output: Tensor, target: Tensor, classes: int) -> Tensor:
    """Mean (n,) of the losses with either classifier."""
    return (losses(output, target, classes) + losses(swapped(output, classes), target, classes)) / 2


def discrepancy_losses(output: Tensor, classes: int, *, apart: bool = False) -> Tensor:
    """Σ over places and classes of share · |p - q| (n,); with `apart` of share · (1 - |p - q|). Shares have no gradient."""
    p, q = both(output, classes)
    gap = (p - q).abs()
    weighed: Tensor = shares(output, classes).detach() * (1 - gap if apart else gap)
    return weighed.sum(dim=(1, 2))


def bag_losses(output: Tensor, shown: Tensor, classes: int) -> Tensor:
    """Binary cross-entropy (n,) of the classes that the image shows, mean over classes; 0 where `shown` is all NaN.

    Args:
        output: (n, a, numbers).
        shown: (n, c), 1 or 0.
        classes: c.
    """
    told = shares(output, classes).sum(dim=1).clamp(1e-6, 1 - 1e-6)
    there = ~torch.isnan(shown)
    each = functional.binary_cross_entropy(told, shown.nan_to_num(0.0), reduction="none")
    return torch.where(there, each, torch.zeros_like(each)).mean(dim=1)


def shown_by(target: Tensor, classes: int) -> Tensor:
    """Classes (n, c) that the boxes of a target show."""
    label = target[..., 4].nan_to_num(classes).long()
    return functional.one_hot(label, classes + 1).amax(dim=1)[:, :classes].to(target)


def shown_to(output: Tensor, classes: int) -> Tensor:
    """Classes (n, c) that both classifiers together see somewhere; NaN for an image in which they see none."""
    p, q = both(output.detach(), classes)
    seen = (((p + q) / 2).amax(dim=1) >= SHOWN).to(output)
    return torch.where(seen.any(dim=1, keepdim=True), seen, torch.full_like(seen, torch.nan))
