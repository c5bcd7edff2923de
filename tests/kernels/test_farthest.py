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
from querist.kernels import budget, farthest, lcmd, points, rows, screen

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
    for pool in (x, x[: x.shape[1]]):  # the sample for the screen is some rows, or all
        picks, _, clusters = lcmd.lcmd(pool, x[:2], 40)
        assert (picks.tolist(), clusters.tolist()) == twins.plain_lcmd(pool, x[:2], 40)


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


def test_the_plain_algorithm_waits_until_as_much_was_computed_as_it_would_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farthest, "_one_by_one", lambda *given: pytest.fail("too soon"))
    x = POOLS["gauss"]
    cover = farthest.Cover(x, x[:50], [], budget.Budget())
    cover.upper[:] = 1e9  # nothing can be decided, and all rows have seen all centres: one computation of everything
    values: list[float] = []
    farthest.farthest_first(cover, 2, values)
    assert cover.centres.picks == twins.plain_k_center(x, x[:50], 2)[0]
    assert cover.computed >= len(x) * 50


def test_the_plain_algorithm_picks_every_row_once() -> None:
    x = POOLS["duplicates"][:150]
    cover = farthest.Cover(x, x[:2], [], budget.Budget())
    values: list[float] = []
    farthest._one_by_one(cover, 150, values)
    assert cover.centres.picks == twins.plain_k_center(x, x[:2], 150)[0] and sorted(cover.centres.picks) == list(range(150))


@given(st.lists(st.sampled_from([-np.inf, 0.0, 1.0, 2.0, 3.5]), max_size=30), st.integers(1, 12))
def test_the_largest_bounds_and_what_lies_outside(bounds: list[float], size: int) -> None:
    rows, outside, first = farthest.largest(np.array(bounds), size)
    order = sorted(range(len(bounds)), key=lambda row: (-bounds[row], row))
    inside = sorted(row for row in order[:size] if bounds[row] > -np.inf)
    assert rows.tolist() == inside
    rest = [row for row in order if row not in inside and bounds[row] > -np.inf]
    assert all(bounds[row] <= outside for row in rest)
    assert first == min((row for row in rest if bounds[row] == outside), default=len(bounds))


@pytest.mark.parametrize("kernel", ["k_center", "lcmd"])
@pytest.mark.parametrize("name", ["gauss", "grid", "tiny", "small grid, float64"])
def test_a_bound_that_is_too_wide_changes_no_pick(name: str, kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where real rounding is far below what the bound allows, only a bound that allows more shows on which side it is taken."""
    monkeypatch.setattr(rows, "slack", lambda d, unit: 2e-3)
    for module in (rows, farthest):
        monkeypatch.setattr(module, "CENTRES", 8)
    for constant in ("NARROW", "SMALL", "FEW"):
        monkeypatch.setattr(lcmd, constant, 1)
    x = POOLS[name]
    if kernel == "k_center":
        assert farthest.k_center(x, covered(x, 20), 60)[0].tolist() == twins.plain_k_center(x, covered(x, 20), 60)[0]
    else:
        assert lcmd.lcmd(x, covered(x, 20), 40)[0].tolist() == twins.plain_lcmd(x, covered(x, 20), 40)[0]


def test_products_that_underflow_are_allowed_for() -> None:
    small = 2.0**-80
    x = np.array([[1.0], [-1.0], [small], [-small]])
    cover = farthest.Cover(x, x[:0], [3], budget.Budget())
    assert cover.pool.scale == 1.0 and not cover.pool.shift.any()
    assert (cover.upper[:3] >= twins.squared(x, x[3])[:3]).all()
    near = np.full(4, small**2 / 2)  # the third row lies on the new centre, and nearer to it than to its own
    reach = (1 - 2 * cover.pool.e) * cover.pool.norms - near
    assert 2 in screen.Screen(cover.pool).passes(slice(0, 4), *screen.Screen(cover.pool).centre(x[2:3]), reach)


def test_scale_slack_and_precision_of_a_pool() -> None:
    x = POOLS["gauss"]
    pool = rows.Rows(x, x[:0], budget.Budget())
    assert (pool.scale, pool.dtype, pool.direct) == (1.0, np.float32, True), "an ordinary pool is multiplied as it is"
    assert (pool.e, pool.e64) == (rows.slack(32, 2.0**-24), rows.slack(32, 2.0**-53))
    wide = rows.Rows(np.zeros((1, 70_000), dtype=np.float32), np.zeros((0, 70_000)), budget.Budget())
    assert wide.dtype == np.float64 and wide.e == wide.e64 == rows.slack(70_000, 2.0**-53)
    away = x.astype(np.float64) + 2.0**20
    assert rows.Rows(away, away[:0], budget.Budget()).scale == 1.0
    assert rows.Rows(away, -away[:1], budget.Budget()).scale < 1.0, "a centre on the other side is 2^21·√32 from the shift"


def test_chunks_fill_what_is_allowed_and_no_more() -> None:
    x = POOLS["gauss"]
    pool = rows.Rows(x, x[:0], budget.Budget(max_bytes=100_000))
    assert 0.95 * 100_000 < pool.chunk * 2 * 8 * (32 + 1) <= 100_000
    room, products = pool.buffers(20)
    assert products.shape == (20, len(room)) and 0.95 * 100_000 < room.nbytes + products.nbytes + len(room) * 8 * 32 <= 100_000


def test_centres_by_position() -> None:
    x = POOLS["gauss"]
    centres = rows.Centres(x[:5], rows.Rows(x, x[:5], budget.Budget()))
    centres.picks.extend([9, 3, 70, 12])
    everything = np.concatenate([x[:5], x[[9, 3, 70, 12]]])
    for first in range(9):
        for last in range(first + 1, 10):
            np.testing.assert_array_equal(centres.wide(first, last), everything[first:last])


def test_the_block_decides_most_and_little_is_computed_in_float64() -> None:
    x = stream(6, 0, "oracle").normal(size=(6_000, 16)).astype(np.float32)
    with budget.limit() as spent:
        cover = farthest.Cover(x, x[:1], [], spent)
        farthest.farthest_first(cover, 120, [])
    assert cover.computed < 20 * len(x) and spent.passes < 20


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
    assert spent.peak_bytes == 500_000 + (2 * 8 + 8 + 1 + 4) * len(x) and 1 < spent.passes < 30
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
