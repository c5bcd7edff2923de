"""The idx format of the MNIST family: magic, sizes, bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError

_UINT8 = 0x08


def read_idx(path: Path, ndim: int) -> NDArray[np.uint8]:
    """An idx file of bytes, gzipped or plain.

    Args:
        path: The file.
        ndim: How many axes it must have (3 images, 1 labels).

    Raises:
        PoolError: if it is missing, of another kind, or its length is not what its header says.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise PoolError(f"cannot read {path}: {error}", wanted="an idx file, gzipped if it ends in .gz") from error
    head = 4 + 4 * ndim
    if len(raw) < head or raw[:4] != bytes((0, 0, _UINT8, ndim)):
        raise PoolError(f"{path} is not an idx file of bytes with {ndim} axes", got=raw[:4].hex(" "), wanted=f"00 00 08 {ndim:02x}")
    shape = struct.unpack(f">{ndim}I", raw[4:head])
    if len(raw) - head != math.prod(shape):
        raise PoolError(f"{path} is cut off or too long", got=f"{len(raw) - head} bytes", wanted=f"{math.prod(shape)} for shape {shape}")
    return np.frombuffer(raw, dtype=np.uint8, offset=head).reshape(shape)
