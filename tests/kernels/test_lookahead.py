"""GLISTER's greedy: the gain is a derivative, the picks are those of explicit outer products."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels.lookahead import taylor_greedy

pytestmark = pytest.mark.torchless


def loss(logits: np.ndarray, targets: np.ndarray) -> float:
    top = logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0] - logits[np.arange(len(logits)), targets]).sum())


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def parts(seed: int = 0, n: int = 12, v: int = 7, c: int = 3, d: int = 4) -> tuple[np.ndarray, ...]:
    """Residuals and features of candidates; logits, targets and features of validation items, by one linear layer."""
    rng = stream(seed, 0, "oracle")
    w, h, held = rng.normal(size=(c, d)), rng.normal(size=(n, d)), rng.normal(size=(v, d))
    p = softmax(h @ w.T)
    return p - np.eye(c)[p.argmax(axis=1)], h, held @ w.T, rng.integers(c, size=v), held


def test_the_gain_is_the_slope_of_the_validation_loss() -> None:
    a, h, logits, targets, held = parts()
    rows, gains = taylor_greedy(a, h, logits, targets, held, 1, 0.1)
    tiny = 1e-6
    slopes = [(loss(logits, targets) - loss(logits - tiny * (held @ h[row])[:, None] * a[row], targets)) / tiny for row in range(len(a))]
    assert rows[0] == int(np.argmax(slopes))
    assert gains[0] == pytest.approx(max(slopes), rel=1e-4) and gains[0] > 0


def naive(a: np.ndarray, h: np.ndarray, logits: np.ndarray, targets: np.ndarray, held: np.ndarray, k: int, rate: float) -> list[int]:
    picks: list[int] = []
    z = logits.copy()
    for _ in range(min(k, len(a))):
        slope = sum(np.outer(p - np.eye(logits.shape[1])[t], x) for p, t, x in zip(softmax(z), targets, held, strict=True))
        gains = [-np.inf if row in picks else float((np.outer(a[row], h[row]) * slope).sum()) for row in range(len(a))]
        picks.append(int(np.argmax(gains)))
        z = z - rate * held @ np.outer(a[picks[-1]], h[picks[-1]]).T
    return picks


@pytest.mark.parametrize("seed", range(8))
def test_it_equals_the_naive_twin(seed: int) -> None:
    given = parts(seed)
    assert taylor_greedy(*given, 12, 0.3)[0].tolist() == naive(*given, 12, 0.3)
    a, h, logits, targets, held = given
    assert taylor_greedy(a, h, logits + 2000.0, targets, held, 12, 0.3)[0].tolist() == naive(*given, 12, 0.3), "logits have no origin"


def test_a_pick_changes_what_comes_next() -> None:
    """Without the update the second pick would be the second best of the first gains."""
    changed = 0
    for seed in range(10):
        given = parts(seed)
        still = taylor_greedy(*given, 4, 1e-12)[0].tolist()
        changed += taylor_greedy(*given, 4, 1.0)[0].tolist() != still
    assert changed >= 3


def test_certain_candidates_gain_nothing_and_come_in_order() -> None:
    a, h, logits, targets, held = parts()
    rows, gains = taylor_greedy(np.zeros_like(a), h, logits, targets, held, 5, 0.1)
    assert rows.tolist() == [0, 1, 2, 3, 4] and (gains == 0).all()
