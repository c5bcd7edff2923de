"""One classifier for all slots of an image."""

from __future__ import annotations

import pytest
import torch

from querist.core.errors import UsageError
from querist.nets.slots import Columns, SlotCNN


def test_every_slot_goes_through_the_same_layers() -> None:
    network = SlotCNN(slots=3, channels=(4,), hidden=5).make((1, 4, 24), 6, torch.Generator().manual_seed(0)).eval()
    same = torch.randn(1, 1, 4, 8, generator=torch.Generator().manual_seed(1)).repeat(1, 1, 1, 3)
    hidden = network.trunk(same)
    assert hidden.shape == (1, 3, 5) and network(same).shape == (1, 6)
    assert network.describe is not None and network.describe(hidden).shape == (1, 15)
    moved = network(torch.roll(same + torch.arange(24) // 8, 8, dims=3)).reshape(3, 2)
    assert not torch.allclose(moved[0], moved[1])
    out = network.head[1](torch.ones(1, 3, 5)).reshape(3, 2)
    torch.testing.assert_close(out[0], out[2])


def test_columns_are_cut_in_order() -> None:
    maps = torch.arange(12.0).reshape(1, 1, 1, 12)
    slots = Columns(2)(maps)
    assert slots.tolist() == [[[0.5, 2.5, 4.5], [6.5, 8.5, 10.5]]]


def test_what_does_not_fit_is_refused() -> None:
    for shape, outputs in (((8,), 6), ((1, 8, 8), 60), ((1, 12, 64), 61)):
        with pytest.raises(UsageError, match="SlotCNN"):
            SlotCNN().make(shape, outputs, torch.Generator())
