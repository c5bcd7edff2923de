"""EPIG as a method: targets drawn or named, balance, other selectors."""

from __future__ import annotations

import numpy as np
import pytest

from querist.acquire.epig import EPIG
from querist.acquire.stochastic import Stochastic
from querist.core.errors import StatisticError, UnknownItemError
from querist.core.rng import stream
from querist.kernels.targets import epig
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def rng() -> np.random.Generator:
    return stream(0, 1, "select")


def test_all_candidates_are_targets_of_a_small_pool() -> None:
    view = FakeView.random()
    probs = view.stat("probs")
    chosen = EPIG().select(view, 40, rng())
    wanted = epig(probs, probs)
    assert chosen.ids == tuple(view.candidates[row] for row in np.lexsort((np.arange(40), -wanted)))
    np.testing.assert_allclose(chosen.scores, np.sort(wanted)[::-1])


def test_named_targets_of_any_group() -> None:
    view = FakeView.random()
    ids = (view.candidates[3], view.labelled[1], view.pending[0])
    aims = np.stack([view.stat("probs")[3], view.stat("probs", "labelled")[1], view.stat("probs", "pending")[0]])
    chosen = EPIG(ids=ids).select(view, 1, rng())
    assert chosen.scores[0] == pytest.approx(epig(view.stat("probs"), aims).max())
    with pytest.raises(UnknownItemError, match="nobody"):
        EPIG(ids=("nobody",)).select(view, 1, rng())


def test_another_seed_draws_other_targets() -> None:
    view = FakeView.random(n=100)
    first, second = (EPIG(targets=5).select(view, 100, stream(seed, 1, "select")).scores for seed in (0, 1))
    assert first != second


def test_balance_and_noise() -> None:
    view = FakeView.random(n=100)
    assert EPIG(balance=True).select(view, 5, rng()).scores != EPIG().select(view, 5, rng()).scores
    assert EPIG(selector=Stochastic(beta=0.0)).select(view, 5, rng()).ids != EPIG().select(view, 5, rng()).ids


def test_a_target_that_is_not_finite_is_named_itself() -> None:
    view = FakeView.random()
    broken = view.stat("probs").copy()
    broken[7] = np.nan
    with pytest.raises(StatisticError, match=view.candidates[7]):
        EPIG().select(view.filled("probs", broken), 3, rng())
