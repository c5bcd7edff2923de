"""Expected gradient length of the last layer: golden numbers, autograd, and what scaling does."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels.expected_change import expected_gradient_length

P = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.1, 0.1, 0.8], [0.5, 0.25, 0.25]])
H = np.array([(1, 0), (0, 2), (1, 1), (2, -1)], dtype=np.float64)


@pytest.mark.torchless
def test_golden_fixture() -> None:
    np.testing.assert_allclose(expected_gradient_length(P, H, bias=False), [0.591216, 1.612396, 0.618888, 1.730478], atol=1e-5)
    np.testing.assert_allclose(expected_gradient_length(P, H, squared=True, bias=False), [0.46, 2.62, 0.68, 3.125], atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("squared", [False, True])
def test_the_closed_form_is_autograds(bias: bool, squared: bool) -> None:
    torch = pytest.importorskip("torch")
    rng = stream(0, 0, "oracle")
    h, layer = rng.normal(size=(6, 4)), torch.nn.Linear(4, 3, bias=bias).double()
    logits = layer(torch.from_numpy(h))
    probs = torch.softmax(logits, dim=1).detach().numpy()
    wanted = np.zeros(len(h))
    for row in range(len(h)):
        for label in range(3):
            loss = torch.nn.functional.cross_entropy(layer(torch.from_numpy(h[row : row + 1])), torch.tensor([label]))
            squares = sum(float((slope**2).sum()) for slope in torch.autograd.grad(loss, list(layer.parameters())))
            wanted[row] += probs[row, label] * (squares if squared else squares**0.5)
    np.testing.assert_allclose(expected_gradient_length(probs, h, squared=squared, bias=bias), wanted, rtol=1e-6)


@pytest.mark.torchless
def test_squared_is_feature_norm_times_gini() -> None:
    np.testing.assert_allclose(expected_gradient_length(P, H, squared=True), ((H**2).sum(axis=1) + 1) * (1 - (P**2).sum(axis=1)), rtol=1e-12)


@pytest.mark.torchless
@pytest.mark.parametrize("squared", [False, True])
def test_certainty_is_zero_scale_is_scale_and_the_uniform_is_the_largest(squared: bool) -> None:
    one_hot, h = np.eye(3), np.ones((3, 5))
    assert (expected_gradient_length(one_hot, h, squared=squared) == 0).all()
    power = 2 if squared else 1
    np.testing.assert_allclose(
        expected_gradient_length(P, 7 * H, squared=squared, bias=False), 7.0**power * expected_gradient_length(P, H, squared=squared, bias=False), rtol=1e-12
    )
    draws = np.concatenate([np.full((1, 3), 1 / 3), stream(1, 0, "oracle").dirichlet(np.ones(3), size=200)])
    assert expected_gradient_length(draws, np.ones((201, 2)), squared=squared).argmax() == 0


@pytest.mark.torchless
def test_certain_items_keep_an_order() -> None:
    """In float32, 1 - p of both is 0: the mass of the others tells them apart."""
    probs = np.array([[1.0, 1e-20, 0.0], [1.0, 1e-12, 0.0]], dtype=np.float32)
    first, second = expected_gradient_length(probs, np.ones((2, 2), dtype=np.float32))
    assert 0 < first < second


@pytest.mark.torchless
def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = stream(2, 0, "oracle")
    probs, h = rng.dirichlet(np.ones(4), size=50), rng.normal(size=(50, 6))
    whole = expected_gradient_length(probs, h)
    monkeypatch.setattr("querist.kernels.expected_change.ROWS", 7)
    np.testing.assert_array_equal(expected_gradient_length(probs, h), whole)
