"""The small classifier: gradients against finite differences, determinism, and when it stops."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import mlp

pytestmark = pytest.mark.torchless
SIZES = [3, 7, 6, 5, 1]
SHORT = {"rate": 1e-2, "steps": 400, "batch": 16, "stop": 0.98}


def test_gradients_equal_finite_differences() -> None:
    rng = stream(0, 0, "oracle")
    x, y, weights = rng.normal(size=(9, 3)), rng.random(9) < 0.5, rng.uniform(0.5, 2.0, size=9)
    layers = mlp.initial(SIZES, rng, np.dtype(np.float64))
    layers = [(weight, rng.normal(size=bias.shape) * 0.1) for weight, bias in layers]
    _, gradients = mlp.loss_and_gradients(layers, x, y, weights)
    for place, pair in enumerate(layers):
        for side, part in enumerate(pair):
            numeric = np.empty_like(part)
            for at in np.ndindex(part.shape):
                kept = part[at]
                ends = []
                for shift in (1e-6, -1e-6):
                    part[at] = kept + shift
                    ends.append(mlp.loss_and_gradients(layers, x, y, weights)[0])
                part[at] = kept
                numeric[at] = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(gradients[place][side], numeric, atol=1e-7)


def test_one_adam_step_is_the_textbook_one() -> None:
    rng = stream(1, 0, "oracle")
    x, y = rng.normal(size=(6, 3)), np.array([True, True, False, False, False, False])
    layers = mlp.initial(SIZES, rng, np.dtype(np.float64))
    shares = np.where(y, 6 / 4, 6 / 8) / 6
    _, gradients = mlp.loss_and_gradients(layers, x, y, shares)
    trained = mlp.train(x, y, layers, rng, rate=0.01, steps=1, batch=6, stop=1.0)
    # The first step of Adam is rate · g / (|g| + ε'), whatever the constants.
    for (weight, _), (now, _), (slope, _) in zip(layers, trained.layers, gradients, strict=True):
        np.testing.assert_allclose(now, weight - 0.01 * slope / (np.abs(slope) + 1e-8 / np.sqrt(1e-3)), atol=1e-5)


def test_adam_is_the_textbook_one_over_several_steps() -> None:
    rng = stream(2, 0, "oracle")
    x, y = 1e-3 * rng.normal(size=(6, 3)), np.array([True, True, False, False, False, False])  # gradients so small that ε shows
    layers = mlp.initial(SIZES, rng, np.dtype(np.float64))
    parts = [part.copy() for layer in layers for part in layer]
    mean, square = [np.zeros_like(part) for part in parts], [np.zeros_like(part) for part in parts]
    for step in range(1, 6):
        _, gradients = mlp.loss_and_gradients(list(zip(parts[::2], parts[1::2], strict=True)), x, y, np.where(y, 6 / 4, 6 / 8) / 6)
        for place, slope in enumerate(part for layer in gradients for part in layer):
            mean[place] = 0.9 * mean[place] + 0.1 * slope
            square[place] = 0.999 * square[place] + 0.001 * slope**2
            parts[place] -= 0.01 * (mean[place] / (1 - 0.9**step)) * (1 - 0.999**step) ** 0.5 / (np.sqrt(square[place]) + 1e-8)
    trained = mlp.train(x, y, layers, rng, rate=0.01, steps=5, batch=6, stop=1.0)
    for part, now in zip(parts, [part for layer in trained.layers for part in layer], strict=True):
        np.testing.assert_allclose(now, part, atol=1e-10)


def test_initial_weights_fill_their_range_and_biases_are_zero() -> None:
    layers = mlp.initial([30, 50, 1], stream(3, 0, "oracle"), np.dtype(np.float32))
    for (weight, bias), bound in zip(layers, [(6 / 80) ** 0.5, (6 / 51) ** 0.5], strict=True):
        assert weight.dtype == bias.dtype == np.float32 and not bias.any()
        assert -bound <= weight.min() < -0.8 * bound and 0.8 * bound < weight.max() <= bound


def test_rows_in_blocks_score_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = blobs(50, 1.0)
    layers = mlp.initial([3, 20, 1], stream(0, 1, "select"), np.dtype(np.float32))
    whole = mlp.logits(layers, x)
    monkeypatch.setattr(mlp, "ROWS", 7)
    np.testing.assert_allclose(mlp.logits(layers, x), whole, rtol=1e-5, atol=1e-6)


def blobs(n: int, gap: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(seed, 0, "oracle")
    y = np.arange(n) % 3 == 0
    return (rng.normal(size=(n, 3)) + gap * y[:, None]).astype(np.float32), y


def test_it_learns_and_stops_early() -> None:
    x, y = blobs(120, 4.0)
    start = mlp.initial([3, 20, 20, 20, 1], stream(0, 1, "select"), np.dtype(np.float32))
    trained = mlp.train(x, y, start, stream(0, 2, "select"), **SHORT)
    assert trained.accuracy > 0.98 and trained.steps < 400
    assert ((mlp.logits(trained.layers, x) > 0) == y).mean() == pytest.approx(trained.accuracy)
    assert trained.layers[0][0].dtype == np.float32


def test_the_same_stream_gives_the_same_network_and_the_start_is_left_alone() -> None:
    x, y = blobs(60, 1.0)
    start = mlp.initial([3, 20, 1], stream(0, 1, "select"), np.dtype(np.float32))
    kept = [(weight.copy(), bias.copy()) for weight, bias in start]
    a, b = (mlp.train(x, y, start, stream(0, 2, "select"), **SHORT) for _ in range(2))
    assert all(np.array_equal(p, q) for one, two in zip(a.layers, b.layers, strict=True) for p, q in zip(one, two, strict=True))
    assert all(np.array_equal(p, q) for one, two in zip(kept, start, strict=True) for p, q in zip(one, two, strict=True))


def test_steps_are_a_hard_limit() -> None:
    x, y = blobs(70, 0.0)
    start = mlp.initial([3, 20, 1], stream(0, 1, "select"), np.dtype(np.float32))
    assert mlp.train(x, y, start, stream(0, 2, "select"), rate=1e-4, steps=13, batch=16, stop=1.0).steps == 13


def test_extreme_odds_do_not_overflow() -> None:
    np.testing.assert_allclose(mlp.sigmoid(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])
