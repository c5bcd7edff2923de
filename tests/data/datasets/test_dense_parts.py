"""Parts of images and volumes as named sets, in miniature."""

from __future__ import annotations

import numpy as np
import pytest

from querist.data.datasets import dense_parts
from querist.data.datasets.registry import Loaded, entry
from querist.tasks import new_space
from querist.tasks.dense.runs import NOBODY, to_positions


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in {"SCENES": 3, "VOLUMES": 4, "SLICED": 2, "DEV": 2}.items():
        monkeypatch.setattr(dense_parts, name, count)


def known(found: Loaded) -> list[int]:
    return [int((to_positions(value, found.classes) != NOBODY).sum()) for value in found.values]


@pytest.mark.fashion_mnist
@pytest.mark.usefixtures("small")
def test_quarters_of_scenes() -> None:
    found, final = dense_parts.quarters(), dense_parts.quarters_final()
    assert found.x.shape == (14, 64, 64, 2) and found.dev == (12, 13) and known(found) == [32 * 32] * 12 + [64 * 64] * 2
    assert [(one[..., 1] > 0).sum() for one in found.x] == known(found)
    assert final.x.shape == (2, 64, 64, 2) and known(final) == [64 * 64] * 2 and not np.array_equal(final.x[0], found.x[12])
    space = new_space("dense", found.classes)
    assert all(space.validate("item", value) for value in found.values)


@pytest.mark.usefixtures("small")
def test_volumes_and_their_slices() -> None:
    whole, parts = dense_parts.volumes(), dense_parts.slices()
    assert whole.x.shape == (6, 1, 16, 32, 32) and whole.dev == (4, 5) and known(whole) == [16 * 32 * 32] * 6
    assert parts.x.shape == (33, 2, 16, 32, 32) and parts.dev == (32,) and known(parts) == [32 * 32] * 32 + [16 * 32 * 32]
    assert np.array_equal(parts.x[5, 0], whole.x[0, 0]) and (parts.x[5, 1, 5] == 1).all() and (parts.x[5, 1, 4] == -1).all()
    assert len(dense_parts.volumes_final().x) == 2 and len(dense_parts.slices_final().x) == 1


def test_they_are_in_the_registry() -> None:
    for name in ("scene-quarters", "volumes", "volume-slices"):
        row = entry(name)
        assert row.kind == "dense" and row.loader.partition(":")[2] in dense_parts.LOADERS and str(row.final).partition(":")[2] in dense_parts.LOADERS
