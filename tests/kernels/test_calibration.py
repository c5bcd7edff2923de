"""Temperature scaling and calibration error against definitions, stationarity and simulated labels."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import calibration, information

pytestmark = pytest.mark.torchless


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def drawn(temperature: float, n: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their softmax at a temperature."""
    rng = stream(seed, 0, "oracle")
    logits = 3 * rng.normal(size=(n, 4))
    uniform = rng.random((n, 1))
    labels = (softmax(logits / temperature).cumsum(axis=1) < uniform).sum(axis=1)
    return logits, np.minimum(labels, 3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_the_one_that_was_drawn(temperature: float) -> None:
    logits, labels = drawn(temperature)
    assert calibration.fit_temperature(logits[:, None], labels) == pytest.approx(temperature, rel=0.05)
    few, known = stream(2, 0, "oracle").normal(size=(30, 5, 3)), np.arange(30) % 3
    for scores in (few, few + 1e4):  # as wide as float64 in the exponent, not as exp
        naive = -np.log(softmax(scores / temperature).mean(axis=1)[np.arange(30), known]).mean()
        assert calibration.negative_log_likelihood(scores, known, temperature) == pytest.approx(naive, rel=1e-9)
    right = np.array([[[5.0, 0.0]], [[0.0, 4.0]]])
    bounds = [calibration.fit_temperature(right, np.array(said)) for said in ([0, 1], [1, 0])]
    assert bounds == pytest.approx([calibration.LOW, calibration.HIGH], rel=1e-6)


def test_the_fit_is_stationary_and_takes_log_probabilities_as_well() -> None:
    logits, labels = drawn(2.0, 500, 1)
    found = calibration.fit_temperature(logits[:, None], labels)
    assert calibration.fit_temperature(np.log(softmax(logits))[:, None], labels) == pytest.approx(found, rel=1e-6)
    # d NLL / d (1/T) is the mean of E[z] - z_y at the tempered probabilities.
    tempered = softmax(logits / found)
    slope = (tempered * logits).sum(axis=1) - logits[np.arange(500), labels]
    assert abs(slope.mean()) < 1e-5
    losses = [calibration.negative_log_likelihood(logits[:, None], labels, t) for t in (found / 1.1, found, found * 1.1)]
    assert losses[1] < min(losses[0], losses[2])


def test_nothing_to_fit_on_is_no_change() -> None:
    assert calibration.fit_temperature(np.empty((0, 1, 2)), np.array([], dtype=np.int64)) == 1.0


def test_tempering() -> None:
    probs = stream(3, 0, "oracle").dirichlet(np.ones(4), size=(6, 3))
    np.testing.assert_allclose(calibration.temper(probs, 2.0), np.sqrt(probs) / np.sqrt(probs).sum(axis=2, keepdims=True), atol=1e-12)
    np.testing.assert_allclose(calibration.temper(probs, 1.0), probs, atol=1e-12)
    np.testing.assert_allclose(calibration.temper(calibration.temper(probs, 0.4), 2.5), probs, atol=1e-12)
    certain = calibration.temper(np.array([[1.0, 0.0, 0.0]], dtype=np.float32), 3.0)
    assert certain.dtype == np.float32 and certain.tolist() == [[1.0, 0.0, 0.0]]


def test_tempering_changes_the_order_of_entropy_but_not_of_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    probs = stream(4, 0, "oracle").dirichlet(np.ones(5), size=200)[:, None]
    soft = calibration.temper(probs, 4.0)
    assert (np.argsort(information.ratio(soft)) == np.argsort(information.ratio(probs))).all()
    assert (np.argsort(information.entropy(soft)) != np.argsort(information.entropy(probs))).any()
    monkeypatch.setattr(calibration, "BLOCK", 1)
    assert (calibration.temper(probs, 4.0) == soft).all()


@pytest.mark.parametrize("equal_mass", [False, True])
def test_calibration_error_by_definition(equal_mass: bool) -> None:
    rng = stream(5, 0, "oracle")
    probs = rng.dirichlet(np.ones(3), size=101)
    confidence = probs.max(axis=1)
    # Too shy below 5/7, too bold above: gaps of both signs, so that bins must not be merged.
    labels = np.where((confidence < 5 / 7) == (rng.random(101) < 0.9), probs.argmax(axis=1), probs.argmin(axis=1))
    right = probs.argmax(axis=1) == labels
    order = np.argsort(confidence)
    bins = (
        [order[np.arange(101) * 7 // 101 == b] for b in range(7)]
        if equal_mass
        else [np.flatnonzero((confidence > b / 7) & (confidence <= (b + 1) / 7)) for b in range(7)]
    )
    wanted = sum(len(rows) / 101 * abs(right[rows].mean() - confidence[rows].mean()) for rows in bins if len(rows))
    assert calibration.calibration_error(probs, labels, 7, equal_mass) == pytest.approx(wanted, abs=1e-12)


def test_calibration_error_of_known_cases() -> None:
    certain = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert calibration.calibration_error(certain, np.array([0, 0])) == 0.0
    assert calibration.calibration_error(certain, np.array([1, 1])) == 1.0
    rounded = np.array([[np.nextafter(np.float32(1), np.float32(2)), 0.0], [0.99, 0.01]], dtype=np.float32)
    assert calibration.calibration_error(rounded, np.array([1, 0])) == pytest.approx(0.495), "a confidence rounded above 1 is in the last bin"
    assert calibration.calibration_error(certain[:0], np.array([], dtype=np.int64)) == 0.0
    logits, labels = drawn(1.0)
    assert calibration.calibration_error(softmax(logits), labels) < 0.02 < calibration.calibration_error(softmax(logits * 3), labels)


def test_certain_rows_and_endless_temperatures_are_no_trouble() -> None:
    probs = np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0]])
    np.testing.assert_allclose(calibration.temper(probs, 7.0)[0], [1, 0, 0])
    np.testing.assert_allclose(calibration.temper(probs, np.inf), [[1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_allclose(calibration.temper(probs[:, None], np.inf)[:, 0], [[1, 0, 0], [0.5, 0.5, 0]])


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    rng = stream(2, 0, "oracle")
    logits = rng.normal(size=(4000, 3)) * 2
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (truth.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    bold = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    assert calibration.best_temperature(bold, labels, np.arange(1.0, 20.0, 0.1)) == pytest.approx(3.0, abs=0.4)
    assert calibration.best_temperature(truth, labels, np.arange(1.0, 20.0, 0.1)) == pytest.approx(1.0, abs=0.2)
