"""DeepFool and `boundary_distance`: exact where the network is linear, nearest where many boundaries are, honest where none is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted
from querist.learn.statistics.boundary_distance import ATTACK, compute
from querist.learn.statistics.deepfool import DeepFool
from querist.learn.statistics.points import FAR
from querist.learn.statistics.question import Question
from querist.nets.base import MLP, Network
from querist.nets.cnn import SmallCNN


def linear(weight: list[list[float]] | np.ndarray, bias: list[float] | np.ndarray) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight)).double()
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(np.asarray(weight)))
        layer.bias.copy_(torch.as_tensor(np.asarray(bias)))
    return layer


def drawn(seed: int, n: int = 30, c: int = 5, d: int = 7) -> tuple[nn.Linear, Tensor]:
    rng = stream(seed, 0, "oracle")
    return linear(rng.normal(size=(c, d)), rng.normal(size=c)), torch.from_numpy(rng.normal(size=(n, d)))


def test_golden_fixture() -> None:
    fooled = DeepFool()(linear([[1, 0], [0, 1], [-1, -1]], [0.5, 0, 0]), torch.tensor([[1.0, 0.2]], dtype=torch.float64))
    np.testing.assert_allclose(fooled.perturbation.numpy(), [[-0.65, 0.65]], atol=1e-9)
    assert float(fooled.perturbation.norm()) == pytest.approx(0.919239, abs=1e-6) and bool(fooled.flipped[0])


@pytest.mark.parametrize("seed", range(4))
def test_a_linear_classifier_is_exact_in_one_step(seed: int) -> None:
    network, x = drawn(seed)
    fooled = DeepFool(steps=1)(network, x)
    w, f = network.weight.detach().numpy(), network(x).detach().numpy()
    for row, (logits, r) in enumerate(zip(f, fooled.perturbation.numpy(), strict=True)):
        top = logits.argmax()
        lengths = [np.inf if k == top else (logits[top] - logits[k]) / np.linalg.norm(w[k] - w[top]) for k in range(5)]
        assert np.linalg.norm(r) == pytest.approx(min(lengths), rel=1e-9)
        beyond = network(x[row] + (1 + 1e-4) * torch.from_numpy(r)).argmax()
        assert int(beyond) == int(np.argmin(lengths)), "the nearest class, not the last one of the loop"
    assert fooled.flipped.all()
    assert (network(fooled.point).argmax(dim=1) != network(x).argmax(dim=1)).all()


def test_the_nearest_boundary_wins_wherever_its_class_stands() -> None:
    """Public code never updates its running minimum, so that the last class wins: here the nearest is first, between and last."""
    x = torch.tensor([[2.0, 0.0, 0.0]], dtype=torch.float64)
    rows = [[1.0, 0.0, 0.0], [0.9, 0.5, 0.0], [-5.0, 0.0, 0.0], [-9.0, 0.0, 1.0]]
    wanted = 0.2 / np.linalg.norm([0.1, -0.5])
    for order in ([0, 1, 2, 3], [0, 2, 1, 3], [0, 2, 3, 1], [3, 1, 2, 0]):
        fooled = DeepFool()(linear([rows[place] for place in order], [0.0] * 4), x)
        assert float(fooled.perturbation.norm()) == pytest.approx(wanted, rel=1e-6)


def test_scaled_logits_leave_the_perturbation() -> None:
    network = MLP(hidden=(8,)).make((5,), 4, generator(0)).double().eval()
    x = torch.randn(20, 5, generator=generator(1), dtype=torch.float64)
    one, ten = DeepFool()(network, x), DeepFool()(lambda points: 10 * network(points), x)
    torch.testing.assert_close(one.perturbation, ten.perturbation, rtol=1e-9, atol=1e-12)
    assert torch.equal(one.flipped, ten.flipped) and bool(one.flipped.any())


def test_a_curved_function_takes_several_steps() -> None:
    """Inside the unit circle the label is 0; √|x| is concave, so every linearisation falls short of the circle."""

    def circle(x: Tensor) -> Tensor:
        way = x.norm(dim=1) ** 0.5 - 1
        return torch.stack([-way, way], dim=1)

    x = torch.tensor([[0.5, 0.0], [0.0, -0.2], [0.3, 0.4]], dtype=torch.float64)
    assert not DeepFool(steps=1)(circle, x).flipped.any()
    fooled = DeepFool()(circle, x)
    np.testing.assert_allclose(fooled.perturbation.norm(dim=1).numpy(), 1 - x.norm(dim=1).numpy(), rtol=0.02)
    assert fooled.flipped.all() and (fooled.point.norm(dim=1) > 1).all()


def test_only_the_largest_logits_are_rivals() -> None:
    network, x = drawn(0, c=30)
    few, all_ = DeepFool(classes=2)(network, x).perturbation.norm(dim=1), DeepFool(classes=30)(network, x).perturbation.norm(dim=1)
    assert (few >= all_ - 1e-9).all() and (few > all_ + 1e-6).any()


def test_what_never_flips_says_so_and_a_tie_is_at_distance_zero() -> None:
    flat, x = linear([[0.0, 0.0], [0.0, 0.0]], [1.0, 0.0]), torch.zeros((3, 2), dtype=torch.float64)
    assert not DeepFool()(flat, x).flipped.any() and not DeepFool()(linear([[1.0, 1.0]], [0.0]), x).flipped.any()
    tie = DeepFool()(linear([[1.0, 0.0], [-1.0, 0.0]], [0.0, 0.0]), x)
    assert tie.flipped.all() and (tie.perturbation == 0).all()


def test_a_clip_holds_and_makes_the_way_longer() -> None:
    """The free way leaves the unit square on the left; inside it the boundary x + 0.3 y = 0.05 is met at (0, 1/6)."""
    network, x = linear([[1.0, 0.3], [0.0, 0.0]], [-0.05, 0.0]), torch.tensor([[0.2, 0.5]], dtype=torch.float64)
    free, held = DeepFool()(network, x), DeepFool(clip=(0.0, 1.0))(network, x)
    assert float(free.point.min()) < 0.0 == float(held.point.min()) and bool(held.flipped[0])
    assert float(free.perturbation.norm()) == pytest.approx(0.3 / np.hypot(1, 0.3))
    np.testing.assert_allclose(held.perturbation.numpy(), [[-0.2, 1 / 6 - 0.5]], atol=0.02)


def fitted(x: np.ndarray, network: Network) -> Fitted:
    return Fitted([network], Deterministic(), ArrayInputs(ArrayPool(x)), Streams(0, 1), ())


def question(n: int) -> Question:
    return Question([str(row) for row in range(n)], lambda: np.empty((n, 1)), lambda: (np.empty((0, 1)), []))


def images(n: int) -> np.ndarray:
    return stream(1, 0, "oracle").normal(size=(n, 8, 8)).astype(np.float32)


def test_the_statistic_leaves_the_network_and_the_streams_alone() -> None:
    network = SmallCNN(channels=(4,), hidden=8).make((1, 8, 8), 3, generator(0))
    network.train()
    network.trunk.eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    flags, drawn_ = [module.training for module in network.modules()], torch.get_rng_state()
    compute(fitted(images(20), network), question(20), lambda done: None)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items()), "weights and BatchNorm's running statistics"
    assert [module.training for module in network.modules()] == flags and torch.equal(torch.get_rng_state(), drawn_)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_rows_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fitted(images(50), SmallCNN(channels=(4,), hidden=8).make((1, 8, 8), 3, generator(0)).eval())
    done: list[int] = []
    whole = compute(made, question(50), done.append)
    assert done[-1] == 50 and (whole[whole < FAR] > 0).all() and (whole < FAR).any()
    monkeypatch.setattr("querist.learn.statistics.points.batch_size", lambda networks, shape: 1)  # the smallest batch is 16
    np.testing.assert_allclose(compute(made, question(50), done.append), whole, rtol=1e-3)


def test_the_statistic_is_finite_also_for_what_never_flips() -> None:
    network = MLP(hidden=()).make((2,), 3, generator(0))
    with torch.no_grad():
        network.last.weight.zero_()
    far = compute(fitted(images(4)[:, 0, :2], network), question(4), lambda done: None)
    assert (far == FAR).all() and np.isfinite(far).all() and ATTACK.classes == 10


def test_a_binary_linear_network_is_ranked_by_its_margin() -> None:
    network = MLP(hidden=()).make((3,), 2, generator(0))
    x = stream(2, 0, "oracle").normal(size=(25, 3)).astype(np.float32)
    made = fitted(x, network)
    with torch.no_grad():
        logits = network.eval()(made.inputs.batch(question(25).ids)).numpy()
    w = network.last.weight.detach().numpy()
    wanted = np.abs(logits[:, 0] - logits[:, 1]) / np.linalg.norm(w[0] - w[1])
    np.testing.assert_allclose(compute(made, question(25), lambda done: None), wanted, rtol=1e-4)
