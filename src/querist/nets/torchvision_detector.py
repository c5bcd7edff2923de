"""torchvision's detectors to fine-tune: RetinaNet, FCOS, SSD and Faster R-CNN. The network is torchvision's, what becomes of its output is ours.

torchvision's own post-processing keeps a label and a score of the boxes that are left and throws class vectors, features and levels away;
here the heads' raw outputs are read (see `tasks.detection.output` for the columns), learned by one loss and decoded in one way for all.
Images are taken as they are: the detector's own resizing and normalisation are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.core.optional import require
from querist.nets.base import Network, drawn_from
from querist.nets.own import function_of

PROPOSALS = 64
"""Boxes that a two-stage detector looks at again; ever the same number, so that outputs have one shape."""


@dataclass(frozen=True)
class TorchvisionDetector:
    """A detector of your own: a function makes it.

    Attributes:
        make_model: `"module:function"`; the function takes the number of classes, without background, and returns a torchvision detector with
            that many outputs at a place, or one more for background, which is torchvision's class 0.
        dropout: Rate of whole channels between backbone and head (torchvision has none); of the features of a box in a two-stage detector.
    """

    make_model: str
    dropout: float = 0.1

    finds_boxes: ClassVar[bool] = True

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w) and `outputs` classes.

        Raises:
            UsageError: if there is no such function, or it makes no detector that is known.
        """
        require("torchvision", by="a torchvision detector")
        with drawn_from(generator):
            model = function_of(self.make_model)(outputs)
        if hasattr(model, "roi_heads"):
            model.roi_heads.box_head = nn.Sequential(model.roi_heads.box_head, nn.Dropout(self.dropout))
            return Network(Maps(model.backbone), nn.Sequential(TwoStages(model, shape, outputs)), mean_map)
        if not hasattr(model, "anchor_generator") or not hasattr(model, "head"):
            raise UsageError("this is no detector of torchvision", got=type(model).__name__, wanted="RetinaNet, FCOS, SSD or FasterRCNN")
        return Network(Maps(model.backbone), nn.Sequential(MapDropout(self.dropout), OneStage(model, shape, outputs)), mean_map)


class Maps(nn.Module):
    """Images → feature maps, a list (n, ch, h, w), by a torchvision backbone; grey images are shown to a colour backbone in all its channels."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        first = next(layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d))
        self.channels = first.in_channels

    def forward(self, x: Tensor) -> list[Tensor]:
        """The maps, the finest first."""
        found = self.backbone(x.expand(-1, self.channels, -1, -1) if x.shape[1] == 1 else x)
        return [found] if isinstance(found, Tensor) else list(found.values())


class MapDropout(nn.Module):
    """Drops the same channels of all maps."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.drop = nn.Dropout2d(rate)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """The maps."""
        return [self.drop(one) for one in maps]


class OneStage(nn.Module):
    """Feature maps → (n, places, numbers) by the head of RetinaNet, FCOS or SSD."""

    def __init__(self, model: Any, shape: Sequence[int], classes: int) -> None:
        super().__init__()
        self.head, self.anchors, self.coder = model.head, model.anchor_generator, model.box_coder
        self.size, self.classes = (int(shape[1]), int(shape[2])), classes
        self.exclusive = type(model).__name__ == "SSD"  # one distribution with background; the others say yes or no to every class

    def forward(self, maps: list[Tensor]) -> Tensor:
        """See `tasks.detection.output`."""
        said = self.head(maps)
        priors, level = anchors(self.anchors, maps, self.size)
        codes = said["bbox_regression"]
        n, count = codes.shape[:2]
        if "bbox_ctrness" in said:
            boxes = self.coder.decode(codes, priors.expand(n, count, 4))
        else:
            boxes = self.coder.decode_single(codes.reshape(-1, 4), priors.repeat(n, 1)).view(n, count, 4)
        return joined(exclusive(said["cls_logits"], self.classes, shared=self.exclusive), boxes, priors.expand(n, count, 4), level.expand(n, count))


class TwoStages(nn.Module):
    """Feature maps → (n, places, numbers) by Faster R-CNN: first the anchors, which only learn (levels below 0), then the proposals, which speak."""

    def __init__(self, model: Any, shape: Sequence[int], classes: int) -> None:
        super().__init__()
        self.rpn, self.roi, self.size, self.classes = model.rpn, model.roi_heads, (int(shape[1]), int(shape[2])), classes

    def forward(self, maps: list[Tensor]) -> Tensor:
        """See `tasks.detection.output`."""
        n = len(maps[0])
        objects, codes = (torch.cat([_by_place(one, width) for one in part], dim=1) for part, width in zip(self.rpn.head(maps), (1, 4), strict=True))
        priors, level = anchors(self.rpn.anchor_generator, maps, self.size)
        boxes = self.rpn.box_coder.decode_single(codes.reshape(-1, 4), priors.repeat(n, 1)).view(n, -1, 4)
        logits = torch.cat([(objects - math.log(self.classes)).expand(-1, -1, self.classes), torch.zeros_like(objects)], dim=-1)
        first = joined(logits, boxes, priors.expand_as(boxes), (-1 - level).expand(n, -1))
        proposals = self._proposals(objects.detach().squeeze(-1), boxes.detach(), level)
        pooled = self.roi.box_roi_pool({str(number): one for number, one in enumerate(maps)}, list(proposals), [self.size] * n)
        said, codes = self.roi.box_predictor(self.roi.box_head(pooled))
        own = exclusive(said, self.classes, shared=True)
        best = own[:, :-1].argmax(dim=1) + 1  # torchvision's class 0 is background
        codes = codes.view(len(codes), -1, 4)[torch.arange(len(codes)), best]
        final = self.roi.box_coder.decode_single(codes, proposals.reshape(-1, 4)).view(n, PROPOSALS, 4)
        second = joined(own.view(n, PROPOSALS, -1), final, proposals, torch.zeros(n, PROPOSALS))
        return torch.cat([first, second], dim=1)

    def _proposals(self, objects: Tensor, boxes: Tensor, level: Tensor) -> Tensor:
        """The most likely boxes (n, PROPOSALS, 4) that do not lie upon others of their level, inside the image; empty boxes fill up."""
        from torchvision import ops

        out = boxes.new_zeros((len(boxes), PROPOSALS, 4))
        for row in range(len(boxes)):
            inside = ops.clip_boxes_to_image(boxes[row], self.size)
            rows = ops.batched_nms(inside, objects[row], level, self.rpn.nms_thresh)[:PROPOSALS]
            out[row, : len(rows)] = inside[rows]
        return out


def anchors(generator: Any, maps: list[Tensor], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Anchors (places, 4) and their levels (places,) of a torchvision generator."""
    from torchvision.models.detection.image_list import ImageList

    blank = maps[0].new_zeros((1, 1, *size))
    boxes: Tensor = generator(ImageList(blank, [size]), [one[:1] for one in maps])[0]
    counts = [each * one.shape[2] * one.shape[3] for each, one in zip(generator.num_anchors_per_location(), maps, strict=True)]
    level = torch.repeat_interleave(torch.arange(len(maps), dtype=boxes.dtype), torch.tensor(counts))
    return boxes, level


def exclusive(logits: Tensor, classes: int, *, shared: bool) -> Tensor:
    """Logits (…, c + 1) of one distribution with background last, from torchvision's.

    Args:
        logits: (…, c) or (…, c + 1), then with background first.
        classes: c.
        shared: Whether they are one distribution already; else a sigmoid each, which is what comes of a class against a background of logit 0.

    Raises:
        UsageError: for another number of outputs.
    """
    spare = logits.shape[-1] - classes
    if spare not in (0, 1) or (shared and not spare):
        wanted = f"{classes + 1}" if shared else f"{classes} or {classes + 1}"
        raise UsageError("the detector has another number of classes than the labels", got=logits.shape[-1], wanted=wanted)
    nothing = logits[..., :1] if shared else torch.zeros_like(logits[..., :1])
    return torch.cat([logits[..., spare:], nothing], dim=-1)


def joined(logits: Tensor, boxes: Tensor, priors: Tensor, level: Tensor) -> Tensor:
    """Columns as `tasks.detection.output` reads them."""
    return torch.cat([logits, boxes, priors.detach(), level[..., None].to(boxes)], dim=-1)


def mean_map(maps: list[Tensor]) -> Tensor:
    """Features (n, ch) of an item: the mean over the places of its coarsest map."""
    return maps[-1].flatten(2).mean(dim=2)


def _by_place(one: Tensor, width: int) -> Tensor:
    """(n, anchors · width, h, w) → (n, h · w · anchors, width), as torchvision orders anchors."""
    n, channels, h, w = one.shape
    return one.view(n, channels // width, width, h, w).permute(0, 3, 4, 1, 2).reshape(n, -1, width)
