from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from querist.core.errors import PoolError
from querist.data.idx import read_idx

_X = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)


@pytest.mark.parametrize("name", ["x.gz", "x"])
def test_gzipped_and_plain(tmp_path: Path, idx: Callable[..., Path], name: str) -> None:
    np.testing.assert_array_equal(read_idx(idx(tmp_path / name, _X), 3), _X)


def test_broken_files_are_named(tmp_path: Path, idx: Callable[..., Path]) -> None:
    raw = idx(tmp_path / "x", _X).read_bytes()
    for content, message in (
        (raw[:-1], "59 bytes"),
        (raw + b"\0", "61 bytes"),
        (raw[:9], "not an idx file"),
        (b"", "not an idx file"),
        (b"\0\0\x0d\x03" + raw[4:], "00 00 0d 03"),
    ):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(PoolError, match=message):
            read_idx(tmp_path / "bad", 3)
    with pytest.raises(PoolError, match="1 axes"):
        read_idx(tmp_path / "x", 1)
    packed = idx(tmp_path / "x.gz", _X).read_bytes()
    for content in (packed[:-9], b"junk", packed[:20] + b"\xff\xff\xff" + packed[23:]):
        (tmp_path / "x.gz").write_bytes(content)
        with pytest.raises(PoolError, match=r"cannot read .*x\.gz"):
            read_idx(tmp_path / "x.gz", 3)
