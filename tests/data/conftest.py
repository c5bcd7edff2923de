from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def _picture(path: Path, seed: int, mode: str = "RGB", size: tuple[int, int] = (24, 16)) -> Path:
    image = pytest.importorskip("PIL.Image")
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)).save(path)
    return path


def _parquet(path: Path, columns: Mapping[str, Any], **options: Any) -> Path:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.table(dict(columns)), path, **options)
    return path


def _jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _idx(path: Path, array: np.ndarray) -> Path:
    raw = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Writes a real picture of noise."""
    return _picture


@pytest.fixture
def parquet() -> Callable[..., Path]:
    """Writes a real Parquet file."""
    return _parquet


@pytest.fixture
def jsonl() -> Callable[..., Path]:
    """Writes a JSONL file."""
    return _jsonl


@pytest.fixture
def idx() -> Callable[..., Path]:
    """Writes an idx file in the true format."""
    return _idx


@pytest.fixture
def mini_fashion(tmp_path: Path) -> Path:
    """A miniature of Fashion-MNIST in its own format: 60 + 20 pictures, 10 classes."""
    folder = tmp_path / "fashion"
    folder.mkdir()
    for part, n, seed in (("train", 60, 0), ("t10k", 20, 1)):
        _idx(folder / f"{part}-images-idx3-ubyte.gz", np.random.default_rng(seed).integers(0, 256, (n, 28, 28)))
        _idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(n) % 10)
    return folder
