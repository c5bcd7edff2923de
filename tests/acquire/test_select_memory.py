"""What `querist.select` holds in memory, and how long its checks take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import querist
from querist.acquire import array_view, inputs
from querist.acquire.array_view import Positions, empty, taken
from querist.core.errors import StatisticError
from querist.core.rng import stream
from querist.kernels import simplex

pytestmark = pytest.mark.torchless
Peak = Callable[[Callable[[], object]], int]


@pytest.fixture(scope="module")
def probs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60,000 × 200 probabilities, 48 MB."""
    file = tmp_path_factory.mktemp("memory") / "probs.npy"
    rows = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(60_000, 200))
    for start in range(0, 60_000, 10_000):
        block = stream(1, start, "oracle").random((10_000, 200), dtype=np.float32)
        rows[start : start + 10_000] = block / block.sum(axis=1, keepdims=True)
    rows.flush()
    return file


def test_a_score_of_a_mapped_array_takes_a_fraction_of_it(probs: Path, peak: Peak) -> None:
    mapped = np.load(probs, mmap_mode="r")
    assert peak(lambda: querist.select("margin", 100, probs=mapped)) < probs.stat().st_size / 2


def test_gathered_rows_of_a_mapped_array_stay_on_disk_above_the_limit(probs: Path, peak: Peak) -> None:
    mapped, mask = np.load(probs, mmap_mode="r"), np.arange(60_000) % 3 == 0
    bounded = peak(lambda: querist.select("margin", 100, probs=mapped, labelled=mask, max_bytes=1 << 22))
    assert bounded < probs.stat().st_size / 2
    assert bounded < peak(lambda: querist.select("margin", 100, probs=mapped, labelled=mask)), "else this test shows nothing"


def test_the_gradients_of_a_mapped_pool_stay_on_disk_above_the_limit(probs: Path, peak: Peak) -> None:
    mapped = np.load(probs, mmap_mode="r")
    features = np.load(probs, mmap_mode="r")[:, :32]
    view_bytes = peak(lambda: querist.select("badge", 2, probs=mapped, features=features, max_bytes=1 << 22))
    assert view_bytes < 2 * probs.stat().st_size


def test_a_million_positions_are_not_a_million_texts(peak: Peak) -> None:
    margin = np.full((1_000_000, 2), 0.5, dtype=np.float32)
    assert peak(lambda: querist.select("margin", 5, probs=margin)) < 80 * 1_000_000
    names = Positions(np.arange(10, 20), "x-")
    assert (len(names), names[0], names[-1], list(names[2:4]), "x-12" in names, names.index("x-13")) == (10, "x-10", "x-19", ["x-12", "x-13"], True, 3)


def test_rows_in_a_run_share_memory() -> None:
    values = np.arange(20.0).reshape(10, 2)
    assert np.shares_memory(taken(values, slice(2, 7), None), values)
    assert not np.shares_memory(taken(values, np.array([2, 5]), None), values)
    np.testing.assert_array_equal(taken(values, np.array([2, 5]), 1), values[[2, 5]])
    np.testing.assert_array_equal(taken(np.arange(6).reshape(3, 2), slice(1, 3), 1), [[2, 3], [4, 5]])


@pytest.mark.parametrize("step", [1, 100, 1 << 22])
def test_steps_change_nothing(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = stream(3, 0, "oracle")
    probs, features = draw.dirichlet(np.ones(4), size=(40, 3)), draw.normal(size=(40, 6)).astype(np.float16)
    wanted = querist.select("badge", 7, probs=probs, features=features, labelled=np.arange(40) % 7 == 1)
    monkeypatch.setattr(array_view, "STEP", step)
    monkeypatch.setattr(simplex, "ITEMS", step)
    assert querist.select("badge", 7, probs=probs, features=features, labelled=np.arange(40) % 7 == 1) == wanted
    with pytest.raises(StatisticError, match="row 33 "):
        inputs.check({"probs": np.where(np.arange(40)[:, None, None] == 33, 0.3, probs)}, frozenset({"probs"}))


def test_an_array_above_the_limit_is_a_file_and_none_below() -> None:
    assert isinstance(empty((10, 10), np.dtype(np.float32), 100).base, np.memmap)
    assert empty((10, 10), np.dtype(np.float32), 400).base is None and empty((0, 10), np.dtype(np.float32), 0).base is None
