"""Gradient embeddings of items whose sites are all computed from the item's own features."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.core.sites import Sites, even
from querist.kernels.site_gradients import shared_gradients, site_gradients

pytestmark = pytest.mark.torchless


def test_every_slot_has_its_own_gradient() -> None:
    rng = stream(0, 0, "oracle")
    probs, features = rng.dirichlet(np.ones(3), size=(8, 2)), rng.normal(size=(4, 5))
    rows = shared_gradients(even(4, 2, probs=probs), features)
    assert rows.shape == (4, 2 * 3 * 5)
    for slot in (0, 1):
        alone = site_gradients(even(4, 1, probs=probs[slot::2], features=features))
        np.testing.assert_allclose(rows.reshape(4, 2, 15)[:, slot], alone, rtol=1e-6)


def test_numbers_stand_with_their_features() -> None:
    features = stream(1, 0, "oracle").normal(size=(4, 5)).astype(np.float32)
    np.testing.assert_array_equal(shared_gradients(even(4, 1, values=np.zeros((4, 2, 3))), features), features)


def test_items_of_different_sizes_are_refused() -> None:
    for offsets in ([0, 1, 3], [0, 1, 4]):
        with pytest.raises(ValueError, match="as many sites"):
            shared_gradients(Sites(np.array(offsets), probs=np.full((offsets[-1], 1, 2), 0.5)), np.zeros((2, 3)))
