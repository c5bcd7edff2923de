"""What every acquisition promises, as tests. Subclass, return an instance from the `acquisition` fixture, done.

Example:
    class TestMine(AcquisitionContract):
        @pytest.fixture
        def acquisition(self):
            return Mine()
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from querist.core.contracts import STATISTICS, Acquisition
from querist.core.errors import QueristError
from querist.core.rng import stream
from querist.core.spec import build, digest, spec
from querist.testing.fake_view import FakeView


def _rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, 1, "select")


class AcquisitionContract:
    """Twenty promises. `stochastic` says whether another seed may choose otherwise."""

    @pytest.fixture
    def acquisition(self) -> Acquisition:
        """The acquisition under test."""
        raise pytest.UsageError("give the contract an `acquisition` fixture")

    @pytest.fixture
    def view(self) -> FakeView:
        """Forty candidates, six labelled items, two pending ones."""
        return FakeView.random()

    def test_is_a_frozen_dataclass(self, acquisition: Any) -> None:
        assert dataclasses.is_dataclass(acquisition) and not isinstance(acquisition, type)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(acquisition, "anything", 1)  # noqa: B010 - mypy knows that it is not there

    def test_spec_round_trips(self, acquisition: Any) -> None:
        assert build(spec(acquisition)) == acquisition
        assert digest(acquisition) == digest(build(spec(acquisition)))

    def test_needs_are_known_statistics(self, acquisition: Acquisition) -> None:
        assert acquisition.needs <= set(STATISTICS)

    @pytest.mark.parametrize("k", [0, 1, 7, 40, 41, 1000])
    def test_exactly_min_k_n_distinct_candidates(self, acquisition: Acquisition, view: FakeView, k: int) -> None:
        chosen = acquisition.select(view, k, _rng())
        assert len(chosen) == min(k, 40)
        assert len(set(chosen.ids)) == len(chosen) and set(chosen.ids) <= set(view.candidates)
        assert all(isinstance(item, str) for item in chosen.ids)

    def test_scores_are_finite_floats(self, acquisition: Acquisition, view: FakeView) -> None:
        chosen = acquisition.select(view, 10, _rng())
        assert all(isinstance(score, float) and np.isfinite(score) for score in chosen.scores)

    def test_every_pick_is_explained(self, acquisition: Acquisition, view: FakeView) -> None:
        chosen = acquisition.select(view, 10, _rng())
        assert len(chosen.note) in (0, 10)

    def test_same_stream_same_picks(self, acquisition: Acquisition, view: FakeView) -> None:
        assert acquisition.select(view, 10, _rng()) == acquisition.select(view, 10, _rng())

    def test_reads_only_what_it_needs(self, acquisition: Acquisition, view: FakeView) -> None:
        stats = {group: {name: value for name, value in named.items() if name in acquisition.needs} for group, named in view.stats.items()}
        poorer = dataclasses.replace(view, stats=stats)
        assert acquisition.select(poorer, 10, _rng()) == acquisition.select(view, 10, _rng())

    def test_changes_no_statistic(self, acquisition: Acquisition, view: FakeView) -> None:
        before = {name: _copy(value) for name, value in view.stats["candidates"].items()}
        acquisition.select(view, 10, _rng())
        assert all(_equal(before[name], value) for name, value in view.stats["candidates"].items())

    def test_leaves_numpys_global_stream_alone(self, acquisition: Acquisition, view: FakeView) -> None:
        before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
        acquisition.select(view, 10, _rng())
        assert (np.random.get_state()[1] == before).all()  # type: ignore[index]  # noqa: NPY002

    def test_one_candidate(self, acquisition: Acquisition, view: FakeView) -> None:
        assert acquisition.select(view.take(np.array([3])), 5, _rng()).ids == (view.candidates[3],)

    def test_identical_candidates(self, acquisition: Acquisition, view: FakeView) -> None:
        same = view.take(np.zeros(12, dtype=int))
        same.candidates = [f"twin-{i}" for i in range(12)]
        chosen = acquisition.select(same, 7, _rng())
        assert len(set(chosen.ids)) == 7

    def test_certain_network(self, acquisition: Acquisition, view: FakeView) -> None:
        from querist.kernels.gradients import residual

        probs = np.zeros((40, 2, 3), dtype=np.float32)
        probs[:, :, 1] = 1.0
        certain = view.filled("probs", probs).filled("gradients", (residual(probs.mean(axis=1)), view.stat("features")))
        assert len(set(acquisition.select(certain, 9, _rng()).ids)) == 9

    def test_nothing_labelled_nothing_pending(self, acquisition: Acquisition, view: FakeView) -> None:
        bare = dataclasses.replace(view, labelled=[], pending=[], labels=[])
        assert len(set(acquisition.select(bare, 9, _rng()).ids)) == 9

    def test_two_classes_one_sample(self, acquisition: Acquisition, view: FakeView) -> None:
        assert len(acquisition.select(type(view).random(k=1, c=2), 5, _rng())) == 5

    @pytest.mark.parametrize("statistic", sorted(STATISTICS))
    def test_nan_is_a_clear_error(self, acquisition: Acquisition, view: FakeView, statistic: str) -> None:
        if statistic not in acquisition.needs:
            return
        value = view.stat(statistic)
        broken = tuple(_with_nan(part) for part in value) if isinstance(value, tuple) else _with_nan(value)
        try:
            chosen = acquisition.select(view.filled(statistic, broken), 10, _rng())
        except QueristError as error:
            assert view.candidates[0] in str(error)
        else:  # a method that reads several statistics may not have needed this one in this situation
            assert np.isfinite(chosen.scores).all()


def _copy(value: Any) -> Any:
    return tuple(part.copy() for part in value) if isinstance(value, tuple) else value.copy()


def _equal(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True)) if isinstance(a, tuple) else np.array_equal(a, b)


def _with_nan(x: np.ndarray) -> np.ndarray:
    broken = x.copy()
    broken[0, ...] = np.nan
    return broken
