"""What a detector says of an image when it is mirrored, cut, made smaller and turned: the `box_views` statistic.

Reference:
    Yu et al. 2021 (CALD), arXiv 2103.10374: flip, cutout, down-scaling by 0.8 and rotation by 5°.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.errors import CapabilityError
from querist.kernels.boxes import cald
from querist.learn.device import scoring
from querist.learn.layout import layout
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.question import Question
from querist.tasks.detection.decode import found
from querist.tasks.detection.output import columns

if TYPE_CHECKING:
    from querist.learn.learner import Fitted
    from querist.learn.statistics.points import OnBatch

SMALLER: Final = 0.8
DEGREES: Final = 5.0
HOLES: Final = ((0.25, 0.3), (0.7, 0.6))
"""Middles of the squares that are cut out, as shares of height and width; the same in every image."""
HOLE: Final = 0.125
"""Side of such a square, as a share."""

Boxes = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Boxes (m, 4) and class probabilities (m, c + 1), background last."""


def compute(fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> NDArray[np.float32]:
    """(n, 1 + c): mean over the views of the least |consistency - β| of the image's boxes, 0 without boxes; largest scores, means over the views.

    Raises:
        CapabilityError: for a network that is no detector.
    """
    classes = next((layer.classes for layer in fitted.networks[0].head.modules() if isinstance(getattr(layer, "classes", None), int)), 0)
    if not classes:
        raise CapabilityError("this network finds no boxes", wanted="a detector")
    out = np.zeros((len(question.ids), 1 + classes), dtype=np.float32)
    size = batch_size(fitted.networks, fitted.inputs.shape)
    for network in fitted.networks:
        with scoring(network):
            for first in range(0, len(out), size):
                x = fitted.inputs.batch(question.ids[first : first + size])
                said = [boxes(network(layout(view(x))), classes) for view, _ in VIEWS]
                for row in range(len(x)):
                    out[first + row] += compared([one[row] for one in said], x.shape[-2], x.shape[-1], classes) / len(fitted.networks)
                on_batch(min(first + size, len(out)))
    return out


def boxes(output: Tensor, classes: int) -> list[Boxes]:
    """The boxes that an output keeps, image by image."""
    kept, probs, places = found(columns(output[:, None], classes))
    told = []
    for row in range(len(output)):
        source = kept.place[row][kept.there[row]]
        told.append((places[row, source].double().numpy(), probs[row, 0, source].double().numpy()))
    return told


def compared(said: list[Boxes], height: int, width: int, classes: int) -> NDArray[np.float64]:
    """A row of the statistic, from the boxes of the image and then of its views."""
    (own, p), *others = said
    profile = np.mean([q[:, :classes].max(axis=0, initial=0.0) for _, q in said], axis=0)
    values = [cald(mapped(own, height, width), p, seen, q, classes=classes) for (_, mapped), (seen, q) in zip(VIEWS[1:], others, strict=True)]
    return np.concatenate([[np.mean(values)], profile])


def _cut(x: Tensor) -> Tensor:
    x = x.clone()
    high, wide = x.shape[-2:]
    for row, column in HOLES:
        top, left = round((row - HOLE / 2) * high), round((column - HOLE / 2) * wide)
        x[..., top : top + round(HOLE * high), left : left + round(HOLE * wide)] = 0.0
    return x


def _shrunk(x: Tensor) -> Tensor:
    """In the upper left corner; the rest is the pool's mean, 0."""
    small = functional.interpolate(x, scale_factor=SMALLER, mode="bilinear", align_corners=False, antialias=True)
    return functional.pad(small, (0, x.shape[-1] - small.shape[-1], 0, x.shape[-2] - small.shape[-2]))


def _turned(x: Tensor) -> Tensor:
    """About the middle, clockwise as the image is seen; coordinates of affine_grid are shares of each side."""
    sine, cosine, ratio = math.sin(math.radians(DEGREES)), math.cos(math.radians(DEGREES)), x.shape[-1] / x.shape[-2]
    back = torch.tensor([[cosine, sine / ratio, 0.0], [-sine * ratio, cosine, 0.0]], dtype=x.dtype)
    grid = functional.affine_grid(back.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def _turned_boxes(own: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Boxes around the turned corners."""
    sine, cosine = math.sin(math.radians(DEGREES)), math.cos(math.radians(DEGREES))
    x, y = own[:, [0, 2, 0, 2]] - width / 2, own[:, [1, 1, 3, 3]] - height / 2
    right, down = cosine * x - sine * y + width / 2, sine * x + cosine * y + height / 2
    return np.stack([right.min(axis=1), down.min(axis=1), right.max(axis=1), down.max(axis=1)], axis=1)


def _mirrored_boxes(own: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    return np.stack([width - own[:, 2], own[:, 1], width - own[:, 0], own[:, 3]], axis=1)


VIEWS: Final[tuple[tuple[Callable[[Tensor], Tensor], Any], ...]] = (
    (lambda x: x, lambda own, height, width: own),
    (lambda x: x.flip(-1), _mirrored_boxes),
    (_cut, lambda own, height, width: own),
    (_shrunk, lambda own, height, width: own * SMALLER),
    (_turned, _turned_boxes),
)
"""Ways to look at images, the first as they are, and where boxes lie then."""
