"""ALFA-Mix's smallest cap against the mix itself, on a linear head."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels.mixing import class_anchors, mixing_cap

pytestmark = pytest.mark.torchless


def parts(seed: int = 0, n: int = 60, c: int = 4, d: int = 40) -> tuple[np.ndarray, ...]:
    """Features, weights, bias and anchors; some items flip, some do not."""
    rng = stream(seed, 0, "oracle")
    w = rng.normal(size=(c, d))
    return 2 * rng.normal(size=(n, d)), w, rng.normal(size=c), w * 0.2


def mixed(z: np.ndarray, w: np.ndarray, b: np.ndarray, anchor: np.ndarray, cap: float) -> int:
    """The prediction after the mix as the paper writes it: α elementwise, then z + α ⊙ (anchor - z)."""
    logits = w @ z + b
    p = np.exp(logits - logits.max())
    p /= p.sum()
    slope = w.T @ (p - np.eye(len(b))[logits.argmax()])
    alpha = cap / np.sqrt(len(z)) * np.linalg.norm(anchor - z) * slope / np.linalg.norm(slope) / (anchor - z)
    return int((w @ ((1 - alpha) * z + alpha * anchor) + b).argmax())


@pytest.mark.parametrize("seed", range(3))
def test_just_beyond_the_cap_the_mix_flips_and_just_before_it_does_not(seed: int) -> None:
    features, w, b, anchors = parts(seed)
    caps = mixing_cap(features, w, b, anchors)
    assert 5 < (caps > 0).sum() < 60 and caps.max() <= 1
    for z, cap in zip(features, caps, strict=True):
        predicted = int((w @ z + b).argmax())
        if cap:
            assert all(mixed(z, w, b, anchor, cap * (1 - 1e-6)) == predicted for anchor in anchors)
            assert any(mixed(z, w, b, anchor, cap * (1 + 1e-6)) != predicted for anchor in anchors)
        else:
            assert all(mixed(z, w, b, anchor, 1.0) == predicted for anchor in anchors)


def test_a_certain_network_does_not_underflow() -> None:
    """The direction is that of the loss's gradient, whatever its size."""
    features, w, b, anchors = parts()
    mild, hard = (mixing_cap(features, scale * w[:2], scale * b[:2], anchors) for scale in (1.0, 500.0))
    np.testing.assert_allclose(hard, mild, rtol=1e-9)


def test_ties_flip_at_once_and_one_class_never() -> None:
    features, w, _, anchors = parts(n=5)
    assert (mixing_cap(features, np.stack([w[0], w[0]]), np.zeros(2), anchors) == 0).all(), "no direction separates equal classes"
    on_the_boundary = np.array([[0.0, 1.0]])
    assert 0 < mixing_cap(on_the_boundary, np.array([[1.0, 0.0], [-1.0, 0.0]]), np.zeros(2), np.array([[3.0, 1.0]]))[0] < 1e-30
    assert (mixing_cap(features, w[:1], np.zeros(1), anchors) == 0).all()
    assert (mixing_cap(features, w, np.zeros(4), anchors[:0]) == 0).all(), "no anchor, no mix"


def test_anchors_are_the_means_of_the_classes_that_are_there() -> None:
    features = np.arange(8, dtype=np.float32).reshape(4, 2)
    np.testing.assert_array_equal(class_anchors(features, np.array([2, 0, 2, 0])), [[4, 5], [2, 3]])
    np.testing.assert_array_equal(class_anchors(features, np.empty(0, dtype=np.int64)), [[3, 4]])
    assert class_anchors(features[:0], np.empty(0, dtype=np.int64)).shape == (0, 2)


def test_rows_in_blocks_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    given = parts()
    whole = mixing_cap(*given)
    monkeypatch.setattr("querist.kernels.mixing.ROWS", 7)
    np.testing.assert_allclose(mixing_cap(*given), whole, rtol=1e-9)
