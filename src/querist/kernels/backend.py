"""Which library computes: NumPy for arrays in memory and memmaps, torch for CUDA tensors. Both choose the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from querist.core.errors import UsageError
from querist.core.optional import require
from querist.kernels import farthest, points, seeding


def backend_of(x: Any, backend: str | None = None) -> str:
    """`numpy` or `torch`: what was asked for, else torch for a tensor that is on a device.

    Raises:
        UsageError: for another name.
    """
    if backend not in (None, "numpy", "torch"):
        raise UsageError("unknown backend", got=backend, wanted="numpy or torch")
    return backend or ("torch" if bool(getattr(x, "is_cuda", False)) else "numpy")


def k_center(x: Any, centres: Any, k: int, backend: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """`farthest.k_center` on an array or a tensor; the answer is in memory either way."""
    if backend_of(x, backend) == "numpy":
        return farthest.k_center(np.asarray(x), np.asarray(centres), k)
    torch, kernel = require("torch", by="a CUDA tensor"), require("querist.kernels.on_torch", by="a CUDA tensor")
    return _home(*kernel.k_center(torch.as_tensor(x), torch.as_tensor(centres), k))


def kmeans_pp(factors: tuple[Any, ...], k: int, rng: np.random.Generator, backend: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """`seeding.kmeans_pp` over vectors (x,) or outer products (a, h), arrays or tensors; the answer is in memory either way."""
    if backend_of(factors[0], backend) == "numpy":
        arrays = [np.asarray(one) for one in factors]
        return seeding.kmeans_pp(points.Vectors(*arrays) if len(arrays) == 1 else points.Outer(*arrays), k, rng)
    torch, kernel = require("torch", by="a CUDA tensor"), require("querist.kernels.on_torch", by="a CUDA tensor")
    return _home(*kernel.kmeans_pp(tuple(torch.as_tensor(one) for one in factors), k, rng))


def _home(rows: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    return rows.cpu().numpy(), values.cpu().numpy()
