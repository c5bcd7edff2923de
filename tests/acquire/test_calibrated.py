"""Temperature scaling as a wrapper: it keeps the contract, and its inner acquisition sees tempered statistics."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from querist.acquire.calibrated import Calibrated, Tempered
from querist.acquire.compose import Compose
from querist.acquire.scores import Entropy
from querist.core import catalogue
from querist.core.errors import StatisticError, UsageError
from querist.core.rng import stream
from querist.core.statistic import rows_of
from querist.kernels import calibration, gradients
from querist.testing import AcquisitionContract, FakeView

pytestmark = pytest.mark.torchless


def pick(acquisition: Any, view: FakeView, k: int = 10) -> Any:
    return acquisition.select(view, k, stream(0, 1, "select"))


class TestFitted(AcquisitionContract):
    @pytest.fixture
    def acquisition(self) -> Any:
        return Calibrated(Compose(score=Entropy()))


class TestGiven(AcquisitionContract):
    @pytest.fixture
    def acquisition(self) -> Any:
        return Calibrated(catalogue.acquisition("badge"), 2.0)


def test_the_row_names_the_wrapper() -> None:
    assert catalogue.acquisition("temperature") == Calibrated(catalogue.acquisition("margin"))


@pytest.mark.parametrize("name", ["entropy", "bald", "bait_top2", "random"])
def test_temperature_one_changes_nothing(name: str) -> None:
    view = FakeView.random()
    inner = catalogue.acquisition(name)
    plain, wrapped = pick(inner, view), pick(Calibrated(inner, 1.0), view)
    assert wrapped.ids == plain.ids and wrapped.note[0].startswith("temperature 1: ")
    np.testing.assert_allclose(wrapped.scores, plain.scores, rtol=1e-5)


def test_the_inner_acquisition_sees_tempered_statistics() -> None:
    view = FakeView.random()
    seen = Tempered(view, 3.0)
    for of in ("candidates", "labelled", "pending"):
        np.testing.assert_array_equal(seen.stat("probs", of), calibration.temper(view.stat("probs", of), 3.0))
        a, h = seen.stat("gradients", of)
        np.testing.assert_array_equal(a, gradients.residual(seen.stat("probs", of).mean(axis=1, dtype=np.float64)))
        np.testing.assert_array_equal(h, view.stat("gradients", of)[1])
        np.testing.assert_array_equal(seen.stat("features", of), view.stat("features", of))
        np.testing.assert_allclose(seen.stat("head_samples", of).sum(axis=2), 1.0, atol=1e-5)
    tempered = view.filled("probs", calibration.temper(view.stat("probs"), 3.0))
    assert pick(Calibrated(Compose(score=Entropy()), 3.0), view).ids == pick(Compose(score=Entropy()), tempered).ids


def test_the_fit_uses_labelled_items_only() -> None:
    view = FakeView.random(n=20, labelled=400, k=1)
    wanted = calibration.fit_temperature(np.log(view.stat("probs", "labelled").astype(np.float64)), np.asarray(view.labels))
    assert Calibrated(Compose(score=Entropy())).fitted(view) == pytest.approx(wanted, rel=1e-6)
    assert pick(Calibrated(Compose(score=Entropy())), view).note[0].startswith(f"temperature {wanted:.4g}: ")
    assert Calibrated(Compose(score=Entropy())).fitted(dataclasses.replace(view, labels=[])) == 1.0
    assert Calibrated(Compose(score=Entropy())).needs == {"probs"}
    assert Calibrated(catalogue.acquisition("badge")).needs == {"probs", "gradients"}


def test_what_is_refused() -> None:
    view = FakeView.random()
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError):
            pick(Calibrated(Compose(score=Entropy()), wrong), view)
    broken = np.array(view.stat("probs", "labelled"))
    broken[2, 0, 0] = np.nan
    view.stats["labelled"]["probs"] = broken
    with pytest.raises(StatisticError, match=view.labelled[2]):
        pick(Calibrated(Compose(score=Entropy())), view)


@pytest.mark.parametrize("name", ["probs", "gradients", "head_samples", "boundary_distance"])
def test_some_rows_are_tempered_like_all_of_them_and_only_they_are_asked_for(name: str) -> None:
    class Counting(FakeView):
        asked = 0

        def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
            Counting.asked += len(places)
            return rows_of(super().stat(name, of), places)

    view, places = FakeView.random(), np.array([3, 7])
    counting = Counting(**vars(view))
    for whole, some in zip(_parts(Tempered(view, 2.0).stat(name)), _parts(Tempered(counting, 2.0).part(name, places)), strict=True):
        np.testing.assert_array_equal(whole[places], some)
    assert 0 < Counting.asked <= 2 * len(places)


def _parts(value: Any) -> tuple[np.ndarray, ...]:
    return value if isinstance(value, tuple) else (value,)
