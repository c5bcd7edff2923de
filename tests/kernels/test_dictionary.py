"""Weighted incremental dictionary against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from querist.kernels.dictionary import dictionary

pytestmark = pytest.mark.torchless


def naive(x: np.ndarray, w: np.ndarray, k: int, covered: np.ndarray | None, own: float) -> tuple[list[int], list[float]]:
    """Projections in full, one atom at a time."""
    atoms = np.empty((0, x.shape[1])) if covered is None else covered
    rows: list[int] = []
    left: list[float] = []

    def residual() -> np.ndarray:
        return x - x @ np.linalg.pinv(atoms) @ atoms if len(atoms) else x

    for _ in range(k):
        r = residual()
        gains = []
        for j, own_left in enumerate(r):
            gone = j in rows or own_left @ own_left < 1e-9 * (x[j] @ x[j])
            atom = own_left / np.sqrt(max(own_left @ own_left, 1e-300))
            gains.append(-np.inf if gone else w[j] ** own * sum(w[i] * (r[i] @ atom) ** 2 for i in range(len(x))))
        rows.append(int(np.argmax(gains)))
        atoms = np.vstack([atoms, x[rows[-1]]])
        left.append(float(w @ (residual() ** 2).sum(axis=1)) / float(w @ (x**2).sum(axis=1)))
    return rows, left


@pytest.mark.parametrize("own", [0.0, 1.0])
@pytest.mark.parametrize("known", [0, 3])
def test_it_is_the_greedy_choice_of_its_definition(own: float, known: int) -> None:
    rng = np.random.default_rng(known)
    x, w, covered = rng.normal(size=(30, 9)), rng.random(30), rng.normal(size=(known, 9))
    found = dictionary(x.astype(np.float32), w, 5, covered if known else None, own)
    rows, left = naive(x.astype(np.float32).astype(float), w, 5, covered if known else None, own)
    assert found.rows.tolist() == rows
    np.testing.assert_allclose(found.left, left, rtol=1e-8)


def test_of_two_equal_rows_one_is_taken_and_what_is_left_falls() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 6))
    x[7] = x[2]
    found = dictionary(x, np.ones(12), 6)
    assert len(set(found.rows.tolist())) == 6 and not {2, 7} <= set(found.rows.tolist())
    assert (np.diff(found.left) < 0).all() and found.left[0] < 1 and found.left[-1] < 1e-12, "rank six: six atoms explain all"


def test_weights_decide_what_has_to_be_reconstructed() -> None:
    x = np.repeat(np.eye(3), [5, 3, 1], axis=0)
    even, odd = np.ones(9), np.array([1.0] * 5 + [1.0] * 3 + [9.0])
    assert dictionary(x, even, 3).rows.tolist() == [0, 5, 8]
    assert dictionary(x, odd, 3, own=0.0).rows.tolist() == [8, 0, 5]


def test_what_is_explained_already_comes_last_by_weight() -> None:
    x, w = np.eye(4)[[0, 1, 0, 1, 2]], np.array([1.0, 5.0, 3.0, 4.0, 0.1])
    found = dictionary(x, w, 5, np.eye(4)[:2])
    assert found.rows.tolist() == [4, 1, 3, 2, 0] and found.left[1:].tolist() == [found.left[0]] * 4
    nothing = dictionary(np.zeros((3, 2)), np.ones(3), 2)
    assert nothing.rows.tolist() == [0, 1] and np.isfinite(nothing.left).all()
