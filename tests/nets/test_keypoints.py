"""Heat maps read as places."""

from __future__ import annotations

import pytest
import torch

from querist.core.errors import UsageError
from querist.nets.keypoints import ExpectedPlaces, Keypoints


def test_expected_places_of_sharp_maps() -> None:
    places = ExpectedPlaces(2, 2)
    with torch.no_grad():
        places.maps.weight.copy_(torch.eye(2)[:, :, None, None])
        places.maps.bias.zero_()
    hidden = torch.zeros(1, 2, 4, 8)
    hidden[0, 0, 1, 6], hidden[0, 1, 3, 0] = 100.0, 100.0
    assert places(hidden)[0].tolist() == pytest.approx([2 * 6.5 / 8 - 1, 2 * 1.5 / 4 - 1, 2 * 0.5 / 8 - 1, 2 * 3.5 / 4 - 1])
    assert places(torch.zeros(1, 2, 4, 8))[0].tolist() == pytest.approx([0.0] * 4, abs=1e-6), "no idea is the middle"


def test_a_network_is_a_function_of_its_stream() -> None:
    one, other = (Keypoints().make((1, 16, 24), 6, torch.Generator().manual_seed(3)) for _ in range(2))
    x = torch.randn(5, 1, 16, 24, generator=torch.Generator().manual_seed(0))
    one.eval(), other.eval()
    out = one(x)
    assert out.shape == (5, 6) and bool((out.abs() <= 1).all())
    torch.testing.assert_close(out, other(x))
    assert one.describe is not None and one.describe(one.trunk(x)).shape == (5, 48)


def test_what_is_no_picture_or_point_is_refused() -> None:
    for shape, outputs in (((4,), 2), ((1, 2, 2), 2), ((1, 8, 8), 3)):
        with pytest.raises(UsageError, match="Keypoints"):
            Keypoints().make(shape, outputs, torch.Generator())
