"""Tempered probabilities and the calibration error against definitions."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import tempering

pytestmark = pytest.mark.torchless


def test_tempering_is_the_softmax_of_divided_logits() -> None:
    logits = stream(0, 0, "oracle").normal(size=(20, 4)) * 3
    wanted = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum(axis=1, keepdims=True)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tempering.tempered(probs, 2.5), wanted)
    np.testing.assert_allclose(tempering.tempered(probs, 1.0), probs)


def test_certain_rows_and_endless_temperatures_are_no_trouble() -> None:
    probs = np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0]])
    np.testing.assert_allclose(tempering.tempered(probs, 7.0)[0], [1, 0, 0])
    np.testing.assert_allclose(tempering.tempered(probs, np.inf), [[1, 0, 0], [0.5, 0.5, 0]])


def test_calibration_error_equals_its_definition() -> None:
    rng = stream(1, 0, "oracle")
    probs, labels = rng.dirichlet(np.ones(3), size=200), rng.integers(3, size=200)
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    wanted = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if inside.any():
            wanted += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert tempering.calibration_error(probs, labels) == pytest.approx(wanted)


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    rng = stream(2, 0, "oracle")
    logits = rng.normal(size=(4000, 3)) * 2
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (truth.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    bold = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    assert tempering.best_temperature(bold, labels, np.arange(1.0, 20.0, 0.1)) == pytest.approx(3.0, abs=0.4)
    assert tempering.best_temperature(truth, labels, np.arange(1.0, 20.0, 0.1)) == pytest.approx(1.0, abs=0.2)
