"""On which device the kernels with a torch form compute. Nothing here imports torch until a device is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from querist.acquire.embeddings import Points
from querist.core.errors import UsageError
from querist.core.optional import require
from querist.kernels import backend, seeding

_device: ContextVar[str | None] = ContextVar("querist_device", default=None)


@contextmanager
def on(device: str | None) -> Iterator[None]:
    """Let the kernels inside compute on a torch device; None leaves them to NumPy.

    Raises:
        UsageError: for a GPU where there is none.
        MissingExtraError: without torch.
    """
    if device is not None and device.startswith("cuda") and not require("torch", by="computing on a GPU").cuda.is_available():
        raise UsageError("there is no GPU that torch can use here", got=device, wanted="cpu", hint="See: querist doctor")
    token = _device.set(device)
    try:
        yield
    finally:
        _device.reset(token)


def k_center(points: Points, covered: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Farthest-first: rows and squared distances; on the device where there is one and the points are vectors."""
    device, x = _device.get(), getattr(points, "x", None)
    if device is None or x is None:
        return points.k_center(covered, k)
    return backend.k_center(_placed(x, device), _placed(covered, device), k, "torch")


def kmeans_pp(points: Points, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """k-means++ draws: rows and squared distances; on the device where there is one."""
    device = _device.get()
    factors = [getattr(points, name) for name in ("x", "a", "h") if hasattr(points, name)]
    if device is None or not factors:
        return seeding.kmeans_pp(points, k, rng)
    return backend.kmeans_pp(tuple(_placed(one, device) for one in factors), k, rng, "torch")


def _placed(x: np.ndarray, device: str) -> Any:
    torch = require("torch", by="computing on a device")
    # Torch warns of arrays that cannot be written, such as a mapped file: the kernels never write.
    return torch.as_tensor(x if x.flags.writeable else x.copy(), device=device)
