"""The reference scheme: steps, validation share, class weights, weight averaging."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds
from learn_short import SHORT
from torch import Tensor

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.learn.device import generator
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.unlabelled import Order
from querist.nets.base import MLP, Network
from querist.tasks.classification.learning import ClassificationHead
from querist.tasks.classification.measures import Classes, class_weights


@dataclasses.dataclass(frozen=True)
class Watching(ClassificationHead):
    """A head that notes which targets it was given, and with which weights."""

    seen: list[tuple[tuple[int, ...], Any, float]] = dataclasses.field(default_factory=list, compare=False)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        losses = super().loss(output, target, smoothing=smoothing, weights=weights)
        self.seen.append((tuple(target.tolist()), weights, float(losses.detach().mean())))
        return losses


def fitted(scheme: Supervised, n: int = 20, y: np.ndarray | None = None) -> tuple[Network, Any, Watching]:
    network = MLP(hidden=(8,)).make((4,), 3, generator(0))
    task = Watching(Classes(CLASSES))
    fit = scheme.fit(network, task, TrainingSet(torch.from_numpy(clouds(n)), np.arange(n) % 3 if y is None else y), Streams(0, 1), no_report)
    return network, fit, task


@pytest.mark.parametrize(("labels", "steps"), [(1, 300), (1000, 300), (1001, 301), (2000, 600), (10**6, 1500)])
def test_steps_are_clipped(labels: int, steps: int) -> None:
    assert Steps()(labels) == steps


def test_batches_are_full_epochs_laid_end_to_end() -> None:
    order = Order(10, 4, np.random.default_rng(0))
    batches = [order(draw) for draw in range(6)]
    rows = np.concatenate(batches)
    assert [len(batch) for batch in batches] == [4] * 6
    assert sorted(rows[:10]) == sorted(rows[10:20]) == list(range(10))


def test_the_validation_share_counts_in_the_budget() -> None:
    _, fit, task = fitted(dataclasses.replace(SHORT, validation=0.25, batch=15))
    assert fit.validated_on == 5 and fit.steps == 20
    sizes = {len(targets) for targets, _, _ in task.seen}
    assert sizes == {15, 5}, "trained on 15 of 20 labels, validated on 5"
    assert sum(len(targets) == 5 for targets, _, _ in task.seen) == 10, "ten checkpoints"


def test_the_best_checkpoint_is_kept() -> None:
    """At a rate at which it does not settle, the weights kept are the best of those offered, and not the last."""
    network, _, task = fitted(dataclasses.replace(SHORT, validation=0.25, rate=0.5))
    offered = [loss for targets, _, loss in task.seen if len(targets) == 5]
    held = np.sort(Streams(0, 1)("split").permutation(20)[:5])
    with torch.no_grad():
        output = network(torch.from_numpy(clouds(20)[held]))
    kept = ClassificationHead.loss(task, output, torch.from_numpy(held % 3)).mean()
    assert float(kept) == pytest.approx(min(offered), rel=1e-4)
    assert offered[-1] > min(offered), "else this test shows nothing"


def test_class_weights_make_classes_equal() -> None:
    y = np.array([0] * 8 + [1] * 2, dtype=np.int64)
    weights = class_weights(y, 3)
    assert weights.tolist() == pytest.approx([10 / 16, 10 / 4, 1.0])
    assert weights[y].mean() == pytest.approx(1.0)
    _, _, task = fitted(dataclasses.replace(SHORT, weighted=True), n=10, y=y)
    assert all(given is not None and np.allclose(given.numpy(), weights) for _, given, _ in task.seen)


def test_weighted_losses_are_the_losses_times_the_weights() -> None:
    head, output, target = ClassificationHead(Classes(CLASSES)), torch.randn(6, 3, generator=generator(0)), torch.tensor([0, 1, 2, 0, 1, 2])
    weights = torch.tensor([1.0, 2.0, 0.5])
    torch.testing.assert_close(head.loss(output, target, weights=weights), head.loss(output, target) * weights[target])


def test_averaged_weights_are_the_mean_of_the_last_steps() -> None:
    seen: list[Tensor] = []

    @dataclasses.dataclass(frozen=True)
    class Noting(ClassificationHead):
        def loss(self, output: Tensor, target: Tensor, **rest: Any) -> Tensor:
            seen.append(network.last.weight.detach().clone())  # before the step
            return super().loss(output, target, **rest)

    data = TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3)
    for average in (0.0, 0.25):
        seen.clear()
        network = MLP(hidden=(8,)).make((4,), 3, generator(0))
        dataclasses.replace(SHORT, average=average).fit(network, Noting(Classes(CLASSES)), data, Streams(0, 1), no_report)
        if not average:
            last = network.last.weight.detach().clone()
    torch.testing.assert_close(network.last.weight.detach(), torch.stack([*seen[-4:], last]).mean(dim=0), atol=1e-6, rtol=1e-5)


def test_biases_and_scales_do_not_decay() -> None:
    """Without a gradient (constant loss) decay alone moves weights."""

    @dataclasses.dataclass(frozen=True)
    class Flat(ClassificationHead):
        def loss(self, output: Tensor, target: Tensor, **rest: Any) -> Tensor:
            return output.sum(dim=1) * 0.0

    network = MLP(hidden=(8,), dropout=0.0).make((4,), 3, generator(0))
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    data = TrainingSet(torch.from_numpy(clouds(20)), np.arange(20) % 3)
    dataclasses.replace(SHORT, weight_decay=0.5).fit(network, Flat(Classes(CLASSES)), data, Streams(0, 1), no_report)
    for name, value in network.named_parameters():
        assert torch.equal(value, before[name]) == (value.ndim == 1), name
