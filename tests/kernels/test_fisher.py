"""BAIT's kernels against dense matrices, golden numbers and an exhaustive search."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import fisher

pytestmark = pytest.mark.torchless

P = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.1, 0.1, 0.8], [0.5, 0.25, 0.25]])
H = np.array([(1, 0), (0, 2), (1, 1), (2, -1)], dtype=np.float64)
FORMS = {"all": fisher.full_rows, "top2": fisher.top_rows, "binary": fisher.binary_rows}


def dense(form: str, p: np.ndarray, h: np.ndarray) -> np.ndarray:
    """The information of one item, from its definition."""
    if form == "binary":
        block = np.array([[p.max() * (1 - p.max())]])
    else:
        classes = range(len(p)) if form == "all" else np.argsort(-p, kind="stable")[:2]
        block = sum(p[c] / sum(p[s] for s in classes) * np.outer(np.eye(len(p))[c] - p, np.eye(len(p))[c] - p) for c in classes)
    return np.kron(block, np.outer(h, h))


def problem(seed: int, n: int, c: int, d: int, form: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, features, each item's information, the matrix to start from and the target."""
    rng = stream(seed, 0, "oracle")
    p, h = rng.dirichlet(np.ones(c), size=n), rng.normal(size=(n, d))
    each = np.stack([dense(form, p[i], h[i]) for i in range(n)])
    start = np.eye(each.shape[1]) * 0.3 + each[: n // 3].sum(axis=0) / n
    return p, h, each, start, each.mean(axis=0)


def trace(start: np.ndarray, each: np.ndarray, rows: list[int], weight: float, target: np.ndarray) -> float:
    return float(np.trace(np.linalg.inv(start + weight * each[rows].sum(axis=0)) @ target))


def naive(start: np.ndarray, each: np.ndarray, weight: float, target: np.ndarray, k: int, extra: int) -> list[int]:
    picks: list[int] = []
    for _ in range(min(extra * k, len(each))):
        left = {i: trace(start, each, [*picks, i], weight, target) for i in range(len(each)) if i not in picks}
        picks.append(min(left, key=lambda i: left[i]))
    while len(picks) > k:
        left = {i: trace(start, each, [j for j in picks if j != i], weight, target) for i in picks}
        picks.remove(min(left, key=lambda i: left[i]))
    return picks


class TestBait:
    """What every flipped sign of BAIT breaks."""

    def test_golden_trace_and_gains(self) -> None:
        rows = fisher.full_rows(P)
        target = fisher.information(fisher.full_rows, P, H) / 4
        assert np.trace(target) == pytest.approx(1.721250, abs=1e-5)
        t, u = fisher._quadratic(rows, H, np.eye(6)), fisher._quadratic(rows, H, target)
        np.testing.assert_allclose(fisher._traces(t, u, 1.0), [0.157889, 0.508571, 0.154813, 0.626347], atol=1e-5)
        found = fisher.forward_backward(rows, H, np.eye(6), target, 1.0, 2, 1)
        assert found.rows[0] == 3 and found.before == pytest.approx(1.721250, abs=1e-5) and found.gains[0] == pytest.approx(0.626347, abs=1e-5)

    def test_golden_binary_and_top2(self) -> None:
        # p̂(1 - p̂) times the squared norm of h: .21·1, .24·4, .16·2, .25·5
        binary = fisher.information(fisher.binary_rows, P, H)
        assert np.trace(binary) == pytest.approx(0.21 + 0.96 + 0.32 + 1.25)
        # q₁‖e₁ - p‖² + q₂‖e₂ - p‖² of x0: 7/9·(.09 + .04 + .01) + 2/9·(.49 + .64 + .01)
        assert np.trace(fisher.information(fisher.top_rows, P[:1], H[:1])) == pytest.approx(7 / 9 * 0.14 + 2 / 9 * 1.14)
        for form in ("binary", "top2"):
            each = np.stack([dense(form, p, h) for p, h in zip(P, H, strict=True)])
            target = each.mean(axis=0)
            start = np.eye(len(target))
            found = fisher.forward_backward(FORMS[form](P), H, start, target, 1.0, 2)
            assert found.rows.tolist() == naive(start, each, 1.0, target, 2, 2)

    @settings(max_examples=25)
    @given(st.integers(0, 10_000), st.integers(2, 3), st.integers(1, 3), st.sampled_from(sorted(FORMS)), st.integers(1, 2))
    def test_forward_backward_equals_the_naive_twin(self, seed: int, c: int, d: int, form: str, extra: int) -> None:
        p, h, each, start, target = problem(seed, 9, c, d, form)
        found = fisher.forward_backward(FORMS[form](p), h, start, target, 0.5, 3, extra)
        wanted = naive(start, each, 0.5, target, 3, extra)
        # Where items tie to rounding either may come first; the traces decide.
        assert found.after == pytest.approx(trace(start, each, wanted, 0.5, target), rel=1e-9)
        assert found.after == pytest.approx(trace(start, each, found.rows.tolist(), 0.5, target), rel=1e-9)
        assert found.before == pytest.approx(trace(start, each, [], 0.5, target), rel=1e-9)

    @pytest.mark.parametrize("form", FORMS)
    def test_a_hundred_updates_leave_no_drift(self, form: str) -> None:
        p, h, each, start, target = problem(3, 60, 3, 4, form)
        found = fisher.forward_backward(FORMS[form](p), h, 1e-2 * np.eye(len(start)), target, 1.0, 20, 3)
        dense_trace = trace(1e-2 * np.eye(len(start)), each, found.rows.tolist(), 1.0, target)
        assert found.after == pytest.approx(dense_trace, rel=1e-9)
        inverse = np.linalg.inv(start)
        spread = inverse @ target @ inverse
        state = fisher._State(
            FORMS[form](p), h, inverse, spread, fisher._quadratic(FORMS[form](p), h, inverse), fisher._quadratic(FORMS[form](p), h, spread), 1.0
        )
        for row in range(60):
            fisher._shift(state, row, 1.0)
        again = np.linalg.inv(start + each.sum(axis=0))
        np.testing.assert_allclose(state.inverse, again, atol=1e-9)
        np.testing.assert_allclose(state.inverse, state.inverse.T, atol=1e-12)
        np.testing.assert_allclose(state.t, fisher._quadratic(state.a, h, again), atol=1e-9)
        np.testing.assert_allclose(state.u, fisher._quadratic(state.a, h, again @ target @ again), atol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_information_equals_kronecker_products(form: str) -> None:
    for seed in range(5):
        p, h, each, _, _ = problem(seed, 12, 4, 3, form)
        made = fisher.information(FORMS[form], p, h)
        np.testing.assert_allclose(made, each.sum(axis=0), atol=1e-12)
        assert np.linalg.eigvalsh(made).min() > -1e-12
        assert np.linalg.matrix_rank(fisher.information(FORMS[form], p[:1], h[:1])) <= {"all": 3, "top2": 2, "binary": 1}[form]
    assert not fisher.information(FORMS[form], p[:0], h[:0]).any()


def test_all_rows_are_the_multinomial_covariance() -> None:
    rows = fisher.full_rows(P)
    np.testing.assert_allclose(np.einsum("nrc,nrs->ncs", rows, rows), np.stack([np.diag(p) - np.outer(p, p) for p in P]), atol=1e-12)
    two = np.array([[0.3, 0.7], [0.9, 0.1]])
    np.testing.assert_allclose(*(np.einsum("nrc,nrs->ncs", a, a) for a in (fisher.full_rows(two), fisher.top_rows(two))), atol=1e-12)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 4), st.sampled_from(sorted(FORMS)), st.floats(0.01, 3.0))
def test_gains_equal_dense_inverses(seed: int, c: int, d: int, form: str, weight: float) -> None:
    p, h, each, start, target = problem(seed, 7, c, d, form)
    rows, inverse = FORMS[form](p), np.linalg.inv(start)
    gains = fisher._traces(fisher._quadratic(rows, h, inverse), fisher._quadratic(rows, h, inverse @ target @ inverse), weight)
    whole = trace(start, each, [], weight, target)
    np.testing.assert_allclose(gains, [whole - trace(start, each, [i], weight, target) for i in range(7)], atol=1e-9)


def test_near_the_exhaustive_optimum() -> None:
    better = 0
    for seed in range(40):
        p, h, each, _, target = problem(seed, 6, 2, 2, "all")
        start = np.eye(4)
        both = fisher.forward_backward(fisher.full_rows(p), h, start, target, 1.0, 2).after
        forward = fisher.forward_backward(fisher.full_rows(p), h, start, target, 1.0, 2, 1).after
        best = min(trace(start, each, list(pair), 1.0, target) for pair in itertools.combinations(range(6), 2))
        assert best - 1e-12 <= both <= 2 * best
        better += both <= forward + 1e-12
    assert better >= 36  # greedy against greedy: no theorem says always


def test_blocks_do_not_change_results(monkeypatch: pytest.MonkeyPatch) -> None:
    p, h, _, start, target = problem(5, 25, 3, 3, "top2")
    whole = fisher.forward_backward(fisher.top_rows(p), h, start, target, 0.2, 6)
    total = fisher.information(fisher.top_rows, p, h)
    monkeypatch.setattr(fisher, "ELEMENTS", 1)
    again = fisher.forward_backward(fisher.top_rows(p), h, start, target, 0.2, 6)
    assert again.rows.tolist() == whole.rows.tolist()
    np.testing.assert_allclose(again.gains, whole.gains, rtol=1e-9)
    np.testing.assert_allclose(fisher.information(fisher.top_rows, p, h), total, atol=1e-12)


@pytest.mark.parametrize("rows", FORMS.values())
def test_certain_items_keep_their_digits_in_float32(rows: Callable[[np.ndarray], np.ndarray]) -> None:
    small = np.array([1e-9, 1e-10, 1e-11], dtype=np.float32)
    p = np.stack([np.ones_like(small), small, np.zeros_like(small)], axis=1)
    sizes = (rows(p) ** 2).sum(axis=(1, 2))
    assert (sizes > 0).all() and (np.diff(sizes) < 0).all()
