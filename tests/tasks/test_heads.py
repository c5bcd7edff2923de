"""The learner's side of classification, regression and several answers per item: what every head promises, and each one's own losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch.nn import functional

from querist.core.errors import LabelError, UsageError
from querist.core.rng import stream
from querist.core.sites import Sites
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.tasks.multi_output.learning import MultiOutputHead
from querist.tasks.multi_output.measures import average_precision
from querist.tasks.regression.learning import RegressionHead

HEADS: dict[str, tuple[Any, list[Any]]] = {
    "classification": (ClassificationHead.of(new_space("classification", ("a", "b", "c")).schema()), ["a", "b", "c"]),
    "regression": (RegressionHead(("x", "y"), (0.0, -5.0), (10.0, 5.0)), [{"x": 1.0, "y": -5}, {"x": 9.5, "y": 2.5}, {"y": 0.0, "x": 30.0}]),
    "points with noise": (RegressionHead(("x", "y"), (0.0, 0.0), (8.0, 8.0), noise=True, points=True), [{"x": 1.0, "y": 2.0}, {"x": 7.5, "y": 4.0}]),
    "multi_output": (MultiOutputHead(("p", "q", "r")), [{"p": True, "q": False, "r": True}, {"q": True}, {"p": False, "r": None}]),
    "slots": (
        MultiOutputHead(("p", "q", "r"), (("a", "b", "c"), ("d", "e"), ())),
        [{"p": "a", "q": "e", "r": True}, {"p": "c", "r": False}, {"q": "d", "p": None}],
    ),
}


@pytest.fixture(params=HEADS)
def drawn(request: Any) -> tuple[Any, torch.Tensor, np.ndarray]:
    head, values = HEADS[request.param]
    rng = stream(0, 0, "oracle")
    output = torch.from_numpy(3 * rng.normal(size=(40, head.outputs))).float().requires_grad_()
    return head, output, head.targets({str(item): values[int(rng.integers(len(values)))] for item in range(40)})


def test_one_finite_loss_per_item_and_its_own(drawn: Any) -> None:
    head, output, targets = drawn
    target = torch.from_numpy(targets)
    for given in ({}, {"smoothing": 0.1}, {"weights": torch.from_numpy(head.weights(targets))}):
        loss = head.loss(output, target, **given)
        assert loss.shape == (40,) and bool(torch.isfinite(loss).all()) and bool((loss >= 0).all())
        torch.testing.assert_close(loss[3:5], head.loss(output[3:5], target[3:5], **given))
        (gradient,) = torch.autograd.grad(loss.sum(), output)
        assert bool(torch.isfinite(gradient).all()), "a missing answer gives no gradient that is not a number"


def test_extreme_outputs_give_finite_losses(drawn: Any) -> None:
    head, output, targets = drawn
    assert bool(torch.isfinite(head.loss(output * 1e4, torch.from_numpy(targets))).all())


def test_what_it_would_answer_is_a_target_and_costs_little(drawn: Any) -> None:
    head, output, targets = drawn
    pseudo, sure = head.pseudo(output)
    doubt = head.doubt(output)
    assert pseudo.dtype == torch.from_numpy(targets).dtype and pseudo.shape == targets.shape
    assert sure.shape == doubt.shape == (40,) and not (pseudo.requires_grad or sure.requires_grad or doubt.requires_grad)
    assert bool(((sure >= 0) & (sure <= 1)).all()) and bool((doubt >= 0).all())
    assert bool((head.loss(output, pseudo) <= head.loss(output, torch.from_numpy(targets)) + 1e-5)[~np.isnan(targets.reshape(40, -1)).any(axis=1)].all())
    certain = 50 * output / output.abs() + 8.0 * torch.arange(head.outputs)
    if isinstance(head, RegressionHead):
        certain = torch.cat([output[:, :2].clamp(-1, 1), torch.full_like(output[:, 2:], -1e3)], dim=1)
    assert float(head.doubt(certain).max()) < 0.01 and float(head.pseudo(certain)[1].min()) > 0.99


def test_outputs_that_agree_are_no_distance_apart(drawn: Any) -> None:
    head, output, _ = drawn
    assert float(head.discrepancy(output, output).detach().abs().max()) == 0.0
    apart = head.discrepancy(output, output.flip(0))
    assert apart.shape == (40,) and float(apart.detach().min()) >= 0 and float(apart.detach().max()) > 0
    torch.testing.assert_close(apart, head.discrepancy(output.flip(0), output))
    assert apart.requires_grad


def test_no_items_no_metrics_and_no_targets(drawn: Any) -> None:
    head, _, targets = drawn
    none = head.targets({})
    assert none.shape == (0, *targets.shape[1:]) and none.dtype == targets.dtype
    assert head.metrics([], none) == {}


def test_entropy_is_the_doubt_of_a_class() -> None:
    head = HEADS["classification"][0]
    assert head.doubt(torch.zeros(1, 3)).tolist() == pytest.approx([math.log(3)])
    assert head.doubt(torch.tensor([[0.0, 200.0, 0.0]])).tolist() == [0.0], "0 log 0 is 0"


def test_regression_is_squared_error_in_units_of_the_range() -> None:
    head = HEADS["regression"][0]
    target = torch.tensor([[0.0, 0.0], [10.0, math.nan], [math.nan, math.nan]])
    output = torch.tensor([[-1.0, 0.5], [0.0, 9.0], [7.0, 7.0]])
    assert head.loss(output, target).tolist() == pytest.approx([0.125, 1.0, 0.0])
    assert head.loss(output, target, weights=torch.tensor([2.0, 1.0])).tolist() == pytest.approx([0.125, 2.0, 0.0])
    assert head.predict(output[:1]).tolist() == [[0.0, 2.5]]
    torch.testing.assert_close(head.pseudo(output)[0], head.predict(output))
    assert head.pseudo(torch.tensor([[0.9, -1.0], [1.5, 0.0]]))[1].tolist() == pytest.approx([1.0, math.exp(-0.5)]), "outside the range"
    assert head.discrepancy(output[:1], output[1:2]).tolist() == pytest.approx([(1.0 + 8.5**2) / 2])
    said = [Sites(np.arange(2), values=np.array([[[1.0, 2.0]]])), Sites(np.arange(2), values=np.array([[[2.0, 4.0], [4.0, 4.0]]]))]
    assert head.metrics(said, np.array([[0.0, np.nan], [np.nan, 7.0]])) == pytest.approx({"rmse": 5**0.5, "mae": 2.0})
    assert head.weights(np.array([[0.0, 1.0], [10.0, 1.0]], dtype=np.float32)).tolist() == [1.0, 1.0]
    one = RegressionHead(("age",), (0.0,), (100.0,))
    assert one.targets({"a": 7, "b": {"age": 9.5}, "c": {}}).tolist()[:2] == [[7.0], [9.5]]
    for wrong in ("7", True, math.nan, {"size": 1.0}):
        with pytest.raises(LabelError, match="age"):
            one.targets({"a": wrong})
    with pytest.raises(UsageError, match="range"):
        RegressionHead(("x",), (1.0,), (1.0,))


def test_several_answers_are_binary_cross_entropies_and_a_missing_one_teaches_nothing() -> None:
    head = HEADS["multi_output"][0]
    output = torch.tensor([[1.0, -2.0, 0.5], [1.0, -2.0, 0.5], [3.0, 3.0, 3.0]], requires_grad=True)
    target = torch.tensor([[1.0, 0.0, 1.0], [1.0, math.nan, math.nan], [math.nan] * 3])
    loss = head.loss(output, target)
    usual = functional.binary_cross_entropy_with_logits(output.detach(), target.nan_to_num(0.0), reduction="none")
    assert loss.tolist() == pytest.approx([float(usual[0].mean()), float(usual[1, 0]), 0.0])
    loss.sum().backward()
    assert output.grad is not None and output.grad[1, 1:].tolist() == [0.0, 0.0] and not output.grad[2].any()
    pseudo, sure = head.pseudo(output)
    assert pseudo[0].tolist() == [1.0, 0.0, 1.0] and sure[0].item() == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert head.doubt(torch.zeros(1, 3)).tolist() == pytest.approx([math.log(2)])
    assert head.weights(np.array([[1.0, 0.0, 1.0], [0.0, 0.0, np.nan], [0.0, 0.0, 1.0]])).tolist() == [2.0, 1.0, 1.0]
    probs, told = np.array([[0.9, 0.1, 0.2], [0.2, 0.8, 0.9]]), np.array([[1.0, 0.0, 1.0], [np.nan, 1.0, np.nan]])
    sites = Sites(np.array([0, 3, 6]), probs=np.stack([1 - probs, probs], axis=-1).reshape(6, 1, 2))
    nll = -np.log([0.9, 0.9, 0.2, 0.8]).mean()
    assert head.metrics([sites], told) == pytest.approx({"micro_f1": 0.8, "macro_f1": 2 / 3, "exact": 0.5, "map": 1.0, "nll": nll})
    with pytest.raises(LabelError):
        head.targets({"a": {"s": True}})
    with pytest.raises(LabelError):
        head.targets({"a": "p"})


def test_the_sites_of_slots_are_what_the_losses_see() -> None:
    head = HEADS["slots"][0]
    output = torch.tensor([[[1.0, 2.0, 0.0, 5.0, 5.0, -1.0], [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]]])
    said = head.sites(output, output)
    assert said.offsets.tolist() == [0, 3] and said.probs is not None and said.probs.shape == (3, 2, 3) and said.extra["slot"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(said.probs[0, 0], torch.softmax(output[0, 0, :3], dim=0).numpy(), rtol=1e-6)
    np.testing.assert_allclose(said.probs[1, 1], [0.5, 0.5, 0.0])
    np.testing.assert_allclose(said.probs[2, 0], [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1)), 0.0], rtol=1e-6)
    target = torch.tensor([[2.0, 0.0, 1.0]])
    expected = -sum(math.log(said.probs[slot, 0, place]) for slot, place in enumerate((2, 0, 1))) / 3
    assert head.loss(output[:, 0], target).item() == pytest.approx(expected, rel=1e-5)
    assert head.doubt(output[:, 1]).item() == pytest.approx((math.log(3) + math.log(2) + math.log(2)) / 3)
    told = head.targets({"x": {"p": "c", "q": "d"}, "y": {"r": True}})
    probs = np.array([[[0.1, 0.2, 0.7], [0.2, 0.8, 0.0], [0.5, 0.5, 0.0]], [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.3, 0.7, 0.0]]])
    measured = head.metrics([Sites(np.array([0, 3, 6]), probs=probs.reshape(6, 1, 3))], told)
    assert measured["micro_f1"] == pytest.approx(2 * 2 / 6) and measured["exact"] == 0.5 and measured["map"] == 1.0
    with pytest.raises(LabelError):
        head.targets({"x": {"p": True}})


def test_heads_follow_their_schemas() -> None:
    space = new_space("multi_output", slots={"colour": ["red", "blue", "green"], "broken": []}).retire("green")
    head = MultiOutputHead.of(space.schema())
    assert head.names == ("colour", "broken") and head.choices == (("red", "blue"), ()) and head.outputs == 3
    assert MultiOutputHead.of(new_space("multi_output", ["a", "b"]).schema()).possible == ((False, True), (False, True))
    numbers = new_space("regression", ["x", "y"], low=0, high=[1, 2], form="points", noise=True)
    assert RegressionHead.of(numbers.schema()) == RegressionHead(("x", "y"), (0.0, 0.0), (1.0, 2.0), noise=True, points=True)


def test_a_gaussian_says_how_far_answers_scatter() -> None:
    head = RegressionHead(("x",), (0.0,), (2.0,), noise=True)
    target = torch.tensor([[1.0]])
    best = min((head.loss(torch.tensor([[0.5, logs]]), target).item(), logs) for logs in np.arange(-6, 2, 0.05))
    assert best[1] == pytest.approx(math.log(0.25), abs=0.15), "the likeliest variance is the squared error"
    assert head.weights(np.array([[1.0], [2.0]], dtype=np.float32)).shape == (1,)
    assert head.predict(torch.tensor([[0.5, -3.0]])).tolist() == [[1.5]]
    said = head.sites(torch.tensor([[[0.0, 0.0], [0.0, 0.0]]]), target)
    assert said.noise is not None and said.noise.tolist() == [[[1.0], [1.0]]] and said.extra["scale"].tolist() == [[1.0]]
    assert head.metrics([said], np.array([[2.0]]))["nll"] == pytest.approx(0.5 * (math.log(2 * math.pi) + 1.0))


def test_points_that_are_found_and_points_that_cannot_be_seen() -> None:
    head = RegressionHead(("a.x", "a.y", "b.x", "b.y"), (0.0,) * 4, (100.0,) * 4, points=True)
    targets = head.targets({"1": {"a.x": 10.0, "a.y": 10.0, "b.x": 50.0, "b.y": 50.0}, "2": {"a.x": 20.0, "a.y": 20.0, "b.x": 5.0}})
    values = np.array([[[13.0, 14.0, 50.0, 60.0]], [[20.0, 20.0, 0.0, 0.0]]])
    assert head.metrics([Sites(np.arange(3), values=values)], targets)["pck"] == pytest.approx(2 / 3)


def test_average_precision_is_that_of_the_definition() -> None:
    rng = stream(3, 0, "oracle")
    for _ in range(20):
        scores, positive = rng.integers(0, 6, size=12) / 5.0, rng.random(12) < 0.4
        expected = metrics.average_precision_score(positive, scores) if positive.any() else float("nan")
        assert average_precision(scores, positive) == pytest.approx(expected, nan_ok=True)
