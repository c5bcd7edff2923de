"""Twelve properties that hold across methods, each over every strategy and wrapper of the catalogue that promises it.

  1  min(k, n) distinct candidates, the same for a seed     `test_acquisitions.py`: the contract and `test_only_declared_methods_depend_on_the_seed`
  2  the order of the pool changes nothing                  here without ids; with ids `acquire/test_select_everywhere.py`
  3  nor does the size of chunks                            here for the kernels' constants; `acquire/test_select_everywhere.py` for `max_bytes`
  4  float32 and float64 agree                              here; devices in `acquire/test_placing.py`
  5  degenerate pools                                       the contract; here a thousand classes, one sample, NaN of labelled and pending items
  6  nothing global changes                                 here; the network itself: `learn/test_computed.py`, the inference contract
  7  labels of candidates are out of reach                  here; the learner's side: `learn/test_poison.py`
  8  special cases are the methods they should be           beside each method (list at `SPECIAL`); here the ones across families
  9  the first picks are those of a smaller batch           `test_acquisitions.py`; here that all who should promise it do
 10  diverse methods visit tight clusters                   here, 90 % of twenty
 11  no copy is bought before the distinct ones are covered here, with top-k BALD as the contrast
 12  memory is bounded                                      here; see also `acquire/test_select_memory.py`
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from test_acquisitions import strategies

import querist
from querist import kernels
from querist.acquire import array_view, checks
from querist.core import catalogue
from querist.core.errors import QueristError
from querist.core.records import Selection
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

EVERY = pytest.mark.parametrize("name", strategies())
FIXED = pytest.mark.parametrize("name", [row for row in strategies("stochastic", having=False) if row.values[0] != "vote"])
"""Methods without draws. A vote adds whole points, so it is never free of ties; they go by canonical order, which a permutation leaves behind."""


def pick(name: str, view: Any, k: int, seed: int = 0) -> Selection:
    chosen: Selection = catalogue.acquisition(name).select(view, k, stream(seed, 1, "select"))
    return chosen


def bare(view: FakeView) -> FakeView:
    return dataclasses.replace(view, labelled=[], pending=[], labels=[])


def changed(view: FakeView, change: Callable[[np.ndarray], np.ndarray]) -> FakeView:
    """The view with the same change in every statistic of every group."""
    return dataclasses.replace(view, stats={of: {name: each(value, change) for name, value in named.items()} for of, named in view.stats.items()})


def each(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    return tuple(map(change, value)) if isinstance(value, tuple) else change(value)


def agree(one: Selection, other: Selection) -> None:
    assert one.ids == other.ids
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-4, atol=1e-5)


# ==== 2, 3, 4: nothing depends on order, chunks or precision ====


@FIXED
def test_rows_in_any_order_give_the_same_batch(name: str) -> None:
    view = FakeView.random(n=60, k=6)
    agree(pick(name, view.take(stream(1, 0, "oracle").permutation(60)), 8), pick(name, view, 8))


CHUNKS = ("ROWS", "ELEMENTS", "BLOCK", "PAIRS", "ITEMS", "BUFFERS")


def chunk_sizes() -> Iterator[tuple[Any, str]]:
    """Every constant that says how much is looked at together."""
    for found in pkgutil.iter_modules(kernels.__path__):
        if found.name != "on_torch":
            module = importlib.import_module(f"querist.kernels.{found.name}")
            yield from ((module, name) for name in CHUNKS if isinstance(getattr(module, name, None), int))
    yield from ((checks, "BLOCK"), (array_view, "STEP"))


@EVERY
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 7, pytest.param(64, marks=pytest.mark.slow)])
def test_chunks_of_any_size_give_the_same_batch(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    view = FakeView.random(n=50, k=3)
    whole = pick(name, view, 6)
    places = list(chunk_sizes())
    assert len(places) > 12
    for module, constant in places:
        monkeypatch.setattr(module, constant, size)
    agree(pick(name, view, 6), whole)


@EVERY
def test_float32_and_float64_give_the_same_batch(name: str) -> None:
    """Values that differ by less than float32 can tell: the wider ones decide nothing but ties, and there are none."""
    narrow = FakeView.random(n=80, k=6)
    rng = stream(2, 0, "oracle")
    wide = changed(narrow, lambda x: x.astype(np.float64) * (1 + rng.uniform(-2e-8, 2e-8, size=x.shape)))
    agree(pick(name, narrow, 8), pick(name, wide, 8))


# ==== 5: degenerate pools ====


@EVERY
@pytest.mark.parametrize(("c", "k"), [(1000, 1), (1000, 2), (2, 1)])
def test_many_classes_and_single_samples(name: str, c: int, k: int) -> None:
    chosen = pick(name, FakeView.random(n=25, c=c, k=k, d=2), 6)
    assert len(set(chosen.ids)) == 6 and np.isfinite(chosen.scores).all()


def poisoned(x: np.ndarray) -> np.ndarray:
    out = x.copy()
    out[1] = np.nan
    return out


@EVERY
@pytest.mark.parametrize("of", ["labelled", "pending"])
def test_nan_of_an_item_that_is_no_candidate_names_it_or_is_not_read(name: str, of: str) -> None:
    view = FakeView.random(n=30)
    whole = pick(name, view, 6)
    for statistic in sorted(catalogue.acquisition(name).needs):
        group = {**view.stats[of], statistic: each(view.stats[of][statistic], poisoned)}
        try:
            chosen = pick(name, dataclasses.replace(view, stats={**view.stats, of: group}), 6)
        except QueristError as error:
            assert getattr(view, of)[1] in str(error)
        else:
            assert chosen == whole, f"{statistic} was read and not checked"


# ==== 6, 7: nothing global changes, nothing hidden is reached ====


def streams() -> list[Any]:
    """The states of all global random streams."""
    torch = sys.modules.get("torch")
    own = np.random.get_state()  # noqa: NPY002
    return [random.getstate(), own[0], own[1].tobytes(), own[2:], None if torch is None else torch.get_rng_state().tolist()]  # type: ignore[index,union-attr]


@EVERY
def test_no_global_stream_moves(name: str) -> None:
    view = FakeView.random()
    before = streams()
    pick(name, view, 10)
    assert streams() == before


class Sealed:
    """A view with what the contract names and nothing else; statistics that the method did not ask for beforehand are an error."""

    def __init__(self, view: FakeView, needs: frozenset[str]) -> None:
        self.candidates, self.labelled, self.pending = tuple(view.candidates), tuple(view.labelled), tuple(view.pending)
        self.classes, self.round, self.labels = view.classes, view.round, tuple(view.labels)
        self._view, self._needs = view, needs

    def stat(self, name: str, of: str = "candidates") -> Any:
        assert name in self._needs
        return each(self._view.stat(name, of), frozen)


def frozen(x: np.ndarray) -> np.ndarray:
    out = x.view()
    out.flags.writeable = False
    return out


@EVERY
def test_a_view_of_the_contract_alone_is_enough(name: str) -> None:
    view = FakeView.random(n=60)
    sealed: Any = Sealed(view, catalogue.acquisition(name).needs)
    assert pick(name, sealed, 8) == pick(name, view, 8)


@EVERY
def test_what_stands_at_unlabelled_rows_of_the_labels_is_never_read(name: str) -> None:
    found = FakeView.random(n=70, labelled=0, pending=0, c=3).stats["candidates"]
    needs = catalogue.acquisition(name).needs
    plain = {each_name: found[each_name] for each_name in ("probs", "features", "costs", "gradients") if each_name in needs}
    more = {each_name: found[each_name] for each_name in needs if each_name not in plain}
    labelled = np.arange(70) % 8 == 3
    honest = np.arange(70) % 3
    given: dict[str, Any] = {**plain, "stats": more, "labelled": labelled, "round": 2, "ids": range(70)}
    lies = np.where(labelled, honest, -1)
    assert querist.select(name, 7, labels=lies, **given) == querist.select(name, 7, labels=honest, **given)
