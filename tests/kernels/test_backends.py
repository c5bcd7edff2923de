"""The torch kernels choose what the NumPy kernels choose; on CPU tensors here, on a device where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import selection_twins as twins
import torch

from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.kernels import backend, budget

POOLS = twins.pools()


@pytest.mark.parametrize("labelled", [0, 7])
@pytest.mark.parametrize("name", POOLS)
def test_k_center_is_the_same_on_torch(name: str, labelled: int) -> None:
    x = POOLS[name]
    centres = np.asarray(x[:labelled] * np.asarray(1.5, x.dtype))
    picks, values = backend.k_center(torch.from_numpy(x), torch.from_numpy(centres), 20, "torch")
    wanted, squared = twins.plain_k_center(x, centres, 20)
    assert picks.tolist() == wanted
    np.testing.assert_allclose(values, squared, rtol=1e-12)


@pytest.mark.parametrize("name", POOLS)
def test_kmeans_pp_is_the_same_on_torch(name: str) -> None:
    x = POOLS[name]
    rows, values = backend.kmeans_pp((x,), 20, stream(0, 1, "select"), "torch")
    wanted, near = backend.kmeans_pp((x,), 20, stream(0, 1, "select"), "numpy")
    assert rows.tolist() == wanted.tolist()
    np.testing.assert_allclose(values, near, rtol=1e-5)


def test_badge_is_the_same_on_torch() -> None:
    rng = stream(1, 0, "oracle")
    a, h = rng.normal(size=(200, 4)).astype(np.float32), rng.normal(size=(200, 9)).astype(np.float32)
    a[:50] = 0.0
    rows, _ = backend.kmeans_pp((torch.from_numpy(a), torch.from_numpy(h)), 200, stream(0, 1, "select"), "torch")
    wanted, _ = backend.kmeans_pp((a, h), 200, stream(0, 1, "select"))
    assert rows.tolist() == wanted.tolist()


def test_progress_is_told_and_products_of_low_precision_are_not_trusted() -> None:
    x, told = POOLS["power law"], []
    torch.set_float32_matmul_precision("high")
    try:
        with budget.limit(report=lambda done, of: told.append((done, of))):
            picks, _ = backend.k_center(torch.from_numpy(x), torch.from_numpy(x[:2]), 30, "torch")
    finally:
        torch.set_float32_matmul_precision("highest")
    assert picks.tolist() == twins.plain_k_center(x, x[:2], 30)[0] and told[-1] == (30, 30)


def test_the_backend_follows_the_tensor() -> None:
    assert backend.backend_of(torch.zeros(2)) == backend.backend_of(np.zeros(2)) == "numpy"
    assert backend.backend_of(np.zeros(2), "torch") == "torch"
    with pytest.raises(UsageError, match="backend"):
        backend.backend_of(np.zeros(2), "jax")


@pytest.mark.gpu
def test_on_a_device() -> None:
    x = POOLS["power law"]
    on_device = torch.from_numpy(x).cuda()
    assert backend.k_center(on_device, on_device[:2], 60)[0].tolist() == twins.plain_k_center(x, x[:2], 60)[0]
    wanted = backend.kmeans_pp((x,), 60, stream(0, 1, "select"))[0].tolist()
    assert backend.kmeans_pp((on_device,), 60, stream(0, 1, "select"))[0].tolist() == wanted
