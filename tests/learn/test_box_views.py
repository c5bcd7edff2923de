"""Views of an image: boxes go where the pixels go, and a detector that sees the same in all of them is consistent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from querist.core.errors import CapabilityError
from querist.kernels.boxes import box_iou, consistency
from querist.learn.statistics.box_views import VIEWS, Boxes, compared, compute
from querist.learn.statistics.question import Question
from querist.nets.base import MLP
from querist.nets.detector import SmallDetector

NAMES = ("as it is", "mirrored", "cut", "shrunk", "turned")


def around(x: Tensor) -> np.ndarray:
    """Box of what is bright."""
    rows, columns = (torch.nonzero(x[0, 0].amax(dim=axis) > 0.5).flatten() for axis in (1, 0))
    return np.array([[int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]], dtype=np.float64)


@pytest.mark.parametrize("number", range(len(VIEWS)), ids=NAMES)
@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_boxes_go_where_the_pixels_go(number: int, size: tuple[int, int]) -> None:
    view, mapped = VIEWS[number]
    x = torch.zeros(1, 1, *size)
    x[0, 0, 20:30, 30:50] = 1.0
    seen = view(x)
    assert seen.shape == x.shape
    assert float(box_iou(mapped(around(x), *size), around(seen))[0, 0]) > (0.99 if number < 3 else 0.85)


def test_a_detector_that_sees_the_same_everywhere_is_as_consistent_as_can_be() -> None:
    own: Boxes = (np.array([[10.0, 10, 30, 40], [5, 5, 20, 20]]), np.array([[0.8, 0.1, 0.1], [0.1, 0.6, 0.3]]))
    said = [(mapped(own[0], 64, 64), own[1]) for _, mapped in VIEWS]
    row = compared(said, 64, 64, classes=2)
    each = consistency(own[1], own[1], np.ones(2), 2)
    assert each == pytest.approx([1.8, 1.6]) and row == pytest.approx([min(abs(each - 1.3)), 0.8, 0.6])


def test_an_image_without_boxes_is_most_wanted_and_one_that_changes_is_wanted() -> None:
    none: Boxes = (np.empty((0, 4)), np.empty((0, 3)))
    own: Boxes = (np.array([[10.0, 10, 30, 40]]), np.array([[0.9, 0.05, 0.05]]))
    assert compared([none] * 5, 64, 64, classes=2).tolist() == [0.0, 0.0, 0.0]
    assert compared([none, own, own, own, own], 64, 64, classes=2) == pytest.approx([0.0, 0.72, 0.04])
    gone = compared([own, none, none, none, none], 64, 64, classes=2)
    assert gone == pytest.approx([1.3 - 0.45, 0.18, 0.01])
    moved = [(mapped(own[0], 64, 64) + 6.0, own[1]) for _, mapped in VIEWS]
    same = [(mapped(own[0], 64, 64), own[1]) for _, mapped in VIEWS]
    assert compared([own, *moved[1:]], 64, 64, classes=2)[0] < compared(same, 64, 64, classes=2)[0]


def asked(network: Any, rows: list[str]) -> np.ndarray:
    x = torch.randn(6, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    inputs = SimpleNamespace(shape=(1, 32, 32), batch=lambda ids: x[[int(item) for item in ids]])
    none = np.empty((0, 0))
    return compute(SimpleNamespace(networks=[network], inputs=inputs), Question(rows, lambda: none, lambda: (none, ())))  # type: ignore[arg-type]


def test_a_row_is_its_items_alone_and_asking_leaves_no_trace() -> None:
    network = SmallDetector(channels=(4, 8, 8), width=8).make((1, 32, 32), 2, torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        network.head[-1].first.bias.copy_(torch.tensor([1.0, 0.5, 0.0]))  # boxes everywhere,
        network.head[-1].first.weight.mul_(30)  # and scores far enough apart that rounding changes no order of them
    before = {name: value.clone() for name, value in network.state_dict().items()}
    whole = asked(network, [str(row) for row in range(6)])
    assert whole.shape == (6, 3) and (whole[:, 0] >= 0).all() and (whole[:, 1:] > 0).any()
    np.testing.assert_allclose(asked(network, ["4", "1"]), whole[[4, 1]], rtol=1e-4, atol=1e-5)
    assert asked(network, []).shape == (0, 3)
    assert not network.training and all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_network_without_boxes_is_refused() -> None:
    with pytest.raises(CapabilityError, match="finds no boxes"):
        asked(MLP((4,)).make((4,), 2, torch.Generator()), ["1"])
