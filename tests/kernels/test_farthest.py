"""Blocked farthest-first and LCMD: the picks of the plain algorithm in float64, whatever the pool, the chunks and the type."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import selection_twins as twins
from hypothesis import given
from hypothesis import strategies as st

from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.kernels import budget, farthest, lcmd, points, rows

pytestmark = pytest.mark.torchless

POOLS = twins.pools()
POINTS = np.array([(0, 0), (1, 0), (0, 3), (5, 0), (5, 1), (6, 6), (2, 2)], dtype=np.float64)


def covered(x: np.ndarray, m: int) -> np.ndarray:
    return np.asarray(x[:m] * np.asarray(1.5, x.dtype))


@pytest.mark.parametrize("labelled", [0, 7])
@pytest.mark.parametrize("name", POOLS)
def test_k_center_picks_as_the_plain_algorithm_in_float64(name: str, labelled: int) -> None:
    x = POOLS[name]
    centres = covered(x, labelled)
    wanted, values = twins.plain_k_center(x, centres, 80)
    for allowed in (None, 6_000):
        with budget.limit(allowed):
            picks, squared = farthest.k_center(x, centres, 80)
        assert picks.tolist() == wanted
        np.testing.assert_array_equal(squared, values)


@pytest.mark.parametrize("labelled", [0, 7])
@pytest.mark.parametrize("name", POOLS)
def test_lcmd_picks_as_the_plain_algorithm_in_float64(name: str, labelled: int) -> None:
    x = POOLS[name]
    wanted, clusters = twins.plain_lcmd(x, covered(x, labelled), 40)
    picks, _, found = lcmd.lcmd(x, covered(x, labelled), 40)
    assert picks.tolist() == wanted and found.tolist() == clusters


@pytest.mark.parametrize("name", POOLS)
def test_a_screen_changes_no_pick_of_lcmd(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for constant in ("NARROW", "SMALL", "FEW"):
        monkeypatch.setattr(lcmd, constant, 1)
    x = POOLS[name]
    picks, _, clusters = lcmd.lcmd(x, x[:2], 40)
    assert (picks.tolist(), clusters.tolist()) == twins.plain_lcmd(x, x[:2], 40)


def test_a_screen_saves_most_of_the_reading_where_variance_falls_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lcmd, "SMALL", 1)
    x = (stream(1, 0, "oracle").normal(size=(4000, 128)) * np.arange(1, 129) ** -1.5).astype(np.float32)
    with budget.limit() as spent:
        picks, _, _ = lcmd.lcmd(x, x[:0], 150)
    assert spent.passes < 75
    assert picks.tolist() == twins.plain_lcmd(x, x[:0], 150)[0]


@given(st.integers(0, 40), st.integers(0, 4), st.integers(0, 50), st.integers(1, 4), st.integers(0, 10_000))
def test_small_pools_of_small_whole_numbers(n: int, m: int, k: int, d: int, seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    x, centres = rng.integers(-2, 3, size=(n, d)).astype(np.float64), rng.integers(-2, 3, size=(m, d)).astype(np.float64)
    assert farthest.k_center(x, centres, k)[0].tolist() == twins.plain_k_center(x, centres, k)[0]
    assert lcmd.lcmd(x, centres, k)[0].tolist() == twins.plain_lcmd(x, centres, k)[0]


def test_all_rows_are_picked_once_when_k_is_n() -> None:
    x = POOLS["duplicates"][:200]
    assert sorted(farthest.k_center(x, x[:0], 500)[0].tolist()) == list(range(200))
    assert sorted(lcmd.lcmd(x, x[:0], 500)[0].tolist()) == list(range(200))


def test_the_plain_algorithm_takes_over_where_bounds_never_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    plain = farthest._one_by_one
    monkeypatch.setattr(farthest, "_one_by_one", lambda *given: (calls.append(1), plain(*given)))
    # With an absurd bound every block is unclear, and all of the pool is computed again and again.
    monkeypatch.setattr(rows, "slack", lambda d, unit: 1e6 if unit > 1e-12 else 1.01 * (d + 8) * unit)
    x = POOLS["gauss"]
    narrow = farthest.Cover(x, x[:3], [], budget.Budget())
    narrow.computed = 1e12
    values: list[float] = []
    narrow.pool.e = 1e3
    narrow.upper[:] = 1e9
    farthest.farthest_first(narrow, 40, values)
    assert narrow.centres.picks == twins.plain_k_center(x, x[:3], 40)[0]
    assert calls


@pytest.mark.parametrize("d", [1, 3, 64, 700])
def test_the_bound_of_the_float32_products_holds_and_is_needed(d: int) -> None:
    rng = stream(d, 0, "oracle")
    short = 0
    for scale in (1e-9, 1e-3, 1.0, 300.0):
        x = (rng.normal(size=(300, d)) + scale * 3).astype(np.float32)
        x[::3] *= scale
        cover = farthest.Cover(x, x[:0], [5], budget.Budget())
        true = twins.squared(x, x[5])
        norms = cover.pool.norms / cover.pool.scale**2
        room = 4 * cover.pool.e * (norms + norms[5]) + 2 * rows.TINY / cover.pool.scale**2
        others = np.arange(300) != 5
        assert (cover.upper >= true)[others].all()
        assert (cover.upper <= true + room)[others].all()
        short += int((cover.upper - room / 2 < true)[others].sum())
    assert short, "without the slack no bound would fall short: this test shows nothing"


def test_float64_products_find_the_nearest_centre_of_ties() -> None:
    x = POOLS["grid"]
    centres = np.array([[1.0, 1.0], [1.0, 1.0], [3.0, 1.0], [8.0, 8.0]], dtype=np.float32)
    pool = rows.Rows(x, centres, budget.Budget())
    near, owner = farthest.nearest(pool, rows.Centres(centres, pool), slice(0, len(x)))
    table = np.stack([twins.squared(x, centre) for centre in centres])
    np.testing.assert_array_equal(near, table.min(axis=0))
    np.testing.assert_array_equal(owner, table.argmin(axis=0))


def test_lcmd_golden_and_with_one_cluster_it_begins_as_k_center() -> None:
    picks, squared, clusters = lcmd.lcmd(POINTS[1:], POINTS[:1], 5)
    assert (picks + 1).tolist() == [5, 4, 2, 6, 1] and squared[0] == 72 and clusters[0] == 0
    x = POOLS["gauss"]
    assert lcmd.lcmd(x, x[:1], 1)[0].tolist() == farthest.k_center(x, x[:1], 1)[0].tolist()


def test_the_first_picks_are_those_of_a_smaller_k() -> None:
    x = POOLS["power law"]
    assert farthest.k_center(x, x[:2], 90)[0][:31].tolist() == farthest.k_center(x, x[:2], 31)[0].tolist()
    assert lcmd.lcmd(x, x[:2], 40)[0][:13].tolist() == lcmd.lcmd(x, x[:2], 13)[0].tolist()


def test_a_memmap_larger_than_what_is_allowed(tmp_path: Path) -> None:
    x = stream(4, 0, "oracle").normal(size=(20_000, 64)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    with budget.limit(500_000) as spent:
        tracemalloc.start()
        picks, _ = farthest.k_center(mapped, mapped[:10], 60)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 500_000 + 50 * len(x) < x.nbytes / 2
    assert spent.peak_bytes < 500_000 + 50 * len(x) and 1 < spent.passes < 30
    assert picks.tolist() == farthest.k_center(x, x[:10], 60)[0].tolist()


@pytest.mark.parametrize("kernel", [farthest.k_center, lcmd.lcmd])
def test_progress_is_told_and_a_stopped_selection_goes_on(kernel: object) -> None:
    assert callable(kernel)
    x = POOLS["power law"]
    whole = kernel(x, x[:3], 100)
    states: list[budget.State] = []
    told: list[tuple[int, int]] = []

    def stop(done: int, of: int) -> None:
        told.append((done, of))
        if len(states) > 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), budget.limit(report=stop, save=states.append):
        kernel(x, x[:3], 100)
    assert 0 < len(states[-1].picks) < 100 and told[-1][1] == 100
    with budget.limit(resume=states[-1]):
        again = kernel(x, x[:3], 100)
    for before, after in zip(whole, again, strict=True):
        np.testing.assert_array_equal(before, after)
    assert budget.current() is not budget.current(), "nothing of a limit is left behind"


def test_a_state_of_another_pool_is_refused() -> None:
    x = POOLS["gauss"]
    with pytest.raises(UsageError, match="cannot go on"), budget.limit(resume=budget.State("k_center", 5, (1,), (2.0,))):
        farthest.k_center(x, x[:1], 3)
    with pytest.raises(UsageError, match="max_bytes"), budget.limit(0):
        pass


def test_k_center_of_outer_products_is_that_of_the_formed_ones() -> None:
    rng = stream(9, 0, "oracle")
    a, h = rng.normal(size=(300, 3)), rng.normal(size=(300, 5))
    a[20:40], h[20:40] = a[:20], h[:20]
    full = np.einsum("nc,nd->ncd", a, h).reshape(300, -1)
    picks, squared = farthest.k_center_factored(points.Outer(a, h), 120)
    wanted, values = twins.plain_k_center(full, full[:0], 120)
    assert picks.tolist() == wanted
    np.testing.assert_allclose(squared[1:], values[1:], rtol=1e-9)
    assert sorted(farthest.k_center_factored(points.Outer(a, h), 400)[0].tolist()) == list(range(300))
    with budget.limit(3_000):
        assert farthest.k_center_factored(points.Outer(a, h), 120)[0].tolist() == wanted
