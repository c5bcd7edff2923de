"""What an item may be (an array, a text, a mapping of named modalities), and its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from querist.core.contracts import Input
from querist.core.errors import PoolError
from querist.data.images import pixels


def as_input(value: Any, item_id: str) -> Input:
    """A value that some library gave, in one of the three forms an item may have.

    Tensors and lists of numbers become arrays, pictures uint8 arrays, mappings are converted field by field.

    Raises:
        PoolError: if it is nothing of that kind, or has NaN or infinite values.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): as_input(part, item_id) for name, part in value.items()}
    if hasattr(value, "getbands"):  # a Pillow image, known without importing Pillow
        return pixels(value)
    if hasattr(value, "detach"):  # a tensor, known without importing torch
        value = value.detach().cpu().numpy()
    try:
        array = np.array(value)  # a copy: whoever writes into an item must not change the data set
    except ValueError as error:
        raise PoolError(f"item {item_id!r} is no array: {error}", wanted="an array, a text, or a mapping of these") from error
    if isinstance(value, list) and array.dtype == np.float64:  # numbers without a precision of their own
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    if array.dtype.kind not in "biufc":
        raise PoolError(f"item {item_id!r} cannot be an input", got=type(value).__name__, wanted="an array, a text, or a mapping of these")
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        raise PoolError(f"item {item_id!r} has NaN or infinite values", wanted="finite numbers")
    return array


def content_digest(value: Input) -> str:
    """Hex digest of one item: equal content, type and shape give the same text."""
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Input) -> None:
    if isinstance(value, str):
        digest.update(b"text:" + value.encode("utf-8", "surrogatepass"))
    elif isinstance(value, Mapping):
        for name in sorted(value):
            digest.update(f"field:{name}:".encode())
            digest.update(content_digest(value[name]).encode())
    else:
        array = np.ascontiguousarray(value)
        digest.update(f"array:{array.dtype.str}{np.shape(value)}:".encode())
        digest.update(array.tobytes())
