"""A detector of your own under any strategy: a function that makes it is all there is to write."""

from __future__ import annotations

from torch import nn
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops.misc import Conv2dNormActivation


def make(classes: int) -> RetinaNet:
    """A RetinaNet on a backbone of three convolutions; load your weights here."""
    backbone = nn.Sequential(*(Conv2dNormActivation(before, after, stride=2) for before, after in ((3, 16), (16, 32), (32, 32))))
    backbone.out_channels = 32  # type: ignore[assignment]
    return RetinaNet(backbone, num_classes=classes, anchor_generator=AnchorGenerator(((16, 32),), ((0.5, 1.0, 2.0),)))
