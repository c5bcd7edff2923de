"""`querist.select` with every row of the catalogue: the kind of array, the order of the rows and the memory allowed never change the ids."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import querist
from querist.acquire.served import kinds
from querist.core import catalogue
from querist.core.contracts import Adaptive
from querist.core.errors import CapabilityError
from querist.core.order import canonical
from querist.core.records import Selection
from querist.core.rng import stream
from querist.testing import FakeView

N, K = 70, 9
LABELLED = np.arange(N) % 9 == 4
PENDING = np.arange(N) % 23 == 5
NAMED = ("probs", "features", "gradients", "costs")


def rows() -> list[Any]:
    """Names of all strategies and wrappers, each skipped where a package that it imports is not installed."""
    return [
        pytest.param(str(row["name"]), marks=[pytest.mark.skipif(find_spec(package) is None, reason=f"needs {package}") for package in row.get("packages", ())])
        for row in [*catalogue.rows("strategy"), *catalogue.rows("wrapper")]
        if "acquisition" in row and "classification" in kinds(row)  # arrays have one row an item: what reads sites streams them from a learner
    ]


EVERY = pytest.mark.parametrize("method", rows())


def whole(method: str) -> dict[str, Any]:
    """What the method needs, one row per item."""
    found = FakeView.random(n=N, labelled=0, pending=0, k=4, c=3, seed=5).stats["candidates"]
    return {name: found[name] for name in sorted(catalogue.acquisition(method).needs)}


def chosen(method: str, arrays: dict[str, Any], **others: Any) -> Selection:
    """A selection with the first named statistics as arguments and the others through `stats`."""
    plain = {name: value for name, value in arrays.items() if name in NAMED}
    more = {name: value for name, value in arrays.items() if name not in NAMED}
    settings: dict[str, Any] = {"labelled": LABELLED, "pending": PENDING, "labels": np.arange(N) % 3, "round": 2, **others}
    return querist.select(method, K, **plain, stats=more, **{"ids": None if plain or more else range(N), **settings})


@cache
def wanted(method: str) -> Selection:
    """What it chooses from plain arrays without ids."""
    return chosen(method, whole(method))


def each(arrays: dict[str, Any], change: Any) -> dict[str, Any]:
    """The same change in every array."""
    return {name: tuple(map(change, value)) if isinstance(value, tuple) else change(value) for name, value in arrays.items()}


def agree(one: Selection, other: Selection) -> None:
    assert one.ids == other.ids
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-5, atol=1e-7)


@pytest.mark.torchless
@EVERY
def test_picks_are_free_and_explained(method: str) -> None:
    found = wanted(method)
    assert len(set(found.ids)) == K == len(found.note)
    assert not {int(item) for item in found.ids} & set(np.flatnonzero(LABELLED | PENDING).tolist())
    assert all(found.note)
    if "features" in catalogue.acquisition(method).needs:
        assert all("; nearest labelled " in note for note in found.note)


@pytest.mark.torchless
@EVERY
def test_memory_mapped_arrays_and_any_limit(method: str, tmp_path: Path) -> None:
    arrays = whole(method)
    count = iter(range(99))

    def mapped(value: np.ndarray) -> np.ndarray:
        file = tmp_path / f"{next(count)}.npy"
        np.save(file, value)
        return np.load(file, mmap_mode="r")  # type: ignore[no-any-return]

    agree(chosen(method, each(arrays, mapped), max_bytes=64), wanted(method))
    agree(chosen(method, arrays, max_bytes=1 << 12), wanted(method))


@EVERY
def test_torch_tensors(method: str) -> None:
    torch = pytest.importorskip("torch")
    arrays = whole(method)
    agree(chosen(method, each(arrays, torch.from_numpy), labelled=torch.from_numpy(LABELLED), pending=torch.from_numpy(PENDING)), wanted(method))


@pytest.mark.torchless
@EVERY
def test_the_order_of_rows_with_ids(method: str) -> None:
    arrays, ids, order = whole(method), np.array([f"item-{row}" for row in range(N)]), stream(9, 0, "oracle").permutation(N)
    assert canonical(ids.tolist()) == ids.tolist(), "so that plain row numbers are in the same order"
    by_name = {"labelled": list(ids[LABELLED])[::-1], "labels": (np.arange(N) % 3)[LABELLED][::-1], "pending": set(ids[PENDING].tolist())}
    moved = chosen(method, each(arrays, lambda value: value[order]), ids=ids[order], **by_name)
    assert tuple(item.removeprefix("item-") for item in moved.ids) == wanted(method).ids
    np.testing.assert_allclose(moved.scores, wanted(method).scores, rtol=1e-5, atol=1e-7)


@pytest.mark.torchless
@EVERY
def test_rows_in_one_run_are_not_gathered_and_give_the_same(method: str) -> None:
    """Labelled rows at the end: the candidates are a slice. The same labelled rows through ids: the same."""
    arrays = whole(method)
    last = np.arange(N) >= N - 8
    by_name = chosen(method, arrays, labelled=[str(row) for row in np.flatnonzero(last)], pending=None, labels=np.arange(N)[last] % 3)
    agree(chosen(method, arrays, labelled=last, pending=None), by_name)


@pytest.mark.torchless
@EVERY
def test_what_is_missing_is_named_with_what_could_provide_it(method: str) -> None:
    arrays = whole(method)
    adaptive = isinstance(catalogue.acquisition(method), Adaptive)
    for name in () if adaptive else arrays:
        left = {other: value for other, value in arrays.items() if other != name}
        if name == "gradients":
            left.pop("probs", None)  # from which, with features, they would follow
        with pytest.raises(CapabilityError) as caught:
            chosen(method, left)
        assert caught.value.message == f"{method} needs {name}" and str(caught.value.hint).startswith("Pass ")
