"""Every strategy and wrapper for every kind with sites that it can serve: distinct picks, the same from the same stream, one bad item named."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from querist.acquire.served import kinds
from querist.core import catalogue
from querist.core.errors import QueristError
from querist.core.rng import stream
from querist.tasks.heads import kind
from querist.testing.fake_sites import SHAPES, FakeSites

STATISTICS_HERE = {"sites", "values", "features", "gradients", "costs", "loss_estimate", "probs"}


def served() -> list[Any]:
    rows = [row for row in [*catalogue.rows("strategy"), *catalogue.rows("wrapper")] if "acquisition" in row]
    found = []
    for row in rows:
        made = catalogue.acquisition(row["acquisition"])
        lacks = [package for package in row.get("packages", ()) if find_spec(package) is None]
        marks = [pytest.mark.skipif(bool(lacks), reason=f"needs {', '.join(lacks)}")]
        found += [pytest.param(made, name, marks=marks, id=f"{row['name']}-{name}") for name in kinds(row) if name in SHAPES and made.needs <= STATISTICS_HERE]
    return found


def chosen(acquisition: Any, view: FakeSites, k: int, seed: int = 0) -> Any:
    return acquisition.select(view, k, stream(seed, 1, "select"))


@pytest.mark.parametrize("acquisition, name", served())
class TestServed:
    @pytest.mark.parametrize("k", [1, 9, 41])
    def test_exactly_min_k_n_distinct_candidates(self, acquisition: Any, name: str, k: int) -> None:
        view = FakeSites.of_kind(name)
        found = chosen(acquisition, view, k)
        assert len(set(found.ids)) == len(found) == min(k, 40) and set(found.ids) <= set(view.candidates)
        assert all(np.isfinite(found.scores))

    def test_same_stream_same_picks_whatever_else_there_is(self, acquisition: Any, name: str) -> None:
        view = FakeSites.of_kind(name)
        read = acquisition.needs | {kind(name).sites}
        poorer = dataclasses.replace(view, stats={group: {key: value for key, value in named.items() if key in read} for group, named in view.stats.items()})
        assert chosen(acquisition, view, 10) == chosen(acquisition, poorer, 10)

    def test_one_candidate_and_equal_ones(self, acquisition: Any, name: str) -> None:
        view = FakeSites.of_kind(name)
        assert chosen(acquisition, view.take(np.array([3])), 5).ids == (view.candidates[3],)  # type: ignore[arg-type]
        same = view.take(np.zeros(12, dtype=int))
        same.candidates = [f"twin-{i}" for i in range(12)]
        assert len(set(chosen(acquisition, same, 7).ids)) == 7  # type: ignore[arg-type]

    def test_nothing_labelled_and_one_sample(self, acquisition: Any, name: str) -> None:
        view = FakeSites.of_kind(name, k=1)
        assert len(set(chosen(acquisition, dataclasses.replace(view, labelled=[], pending=[]), 9).ids)) == 9

    def test_nan_is_a_clear_error(self, acquisition: Any, name: str) -> None:
        view, read = FakeSites.of_kind(name), kind(name).sites
        said = view.stat(read).copy()
        first = next(place for place, part in enumerate(said) if part.count)
        array = "probs" if read == "sites" else "values"
        said[first] = dataclasses.replace(said[first], **{array: np.full_like(getattr(said[first], array), np.nan)})
        try:
            found = chosen(acquisition, view.filled(read, said), 10)  # type: ignore[arg-type]
        except QueristError as error:
            assert view.candidates[first] in str(error)
        else:
            assert np.isfinite(found.scores).all()
