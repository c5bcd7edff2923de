from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from querist.data.arrays import ArrayPool
from querist.data.batch import load_batch
from querist.data.folders import FolderPool

Make = Callable[..., Path]


def test_bad_rows_of_an_array_are_left_out_and_the_rest_stays_stacked() -> None:
    x = np.arange(12, dtype=np.float64).reshape(6, 2)
    x[[1, 4], 0] = np.nan
    inputs, unreadable = load_batch(ArrayPool(x), ["5", "4", "0", "1"])
    np.testing.assert_array_equal(inputs, x[[5, 0]])
    assert set(unreadable) == {"4", "1"}
    assert "NaN" in unreadable["4"]


def test_nothing_readable_is_an_empty_batch() -> None:
    inputs, unreadable = load_batch(ArrayPool(np.full((2, 3), np.nan)), ["0", "1"])
    assert len(inputs) == 0
    assert set(unreadable) == {"0", "1"}


def test_broken_and_deleted_pictures_are_reported(tmp_path: Path, picture: Make) -> None:
    for seed in range(3):
        picture(tmp_path / f"{seed}.jpg", seed)
    pool = FolderPool(str(tmp_path))
    ids = list(pool.ids())
    (tmp_path / "0.jpg").write_bytes((tmp_path / "0.jpg").read_bytes()[:300])
    (tmp_path / "2.jpg").unlink()
    inputs, unreadable = load_batch(pool, ids)
    assert [value.shape for value in inputs] == [(16, 24, 3)]
    assert sorted(unreadable) == ["0.jpg", "2.jpg"]
    assert "0.jpg" in unreadable["0.jpg"]
