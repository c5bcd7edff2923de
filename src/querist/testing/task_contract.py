"""What every task kind promises on the learner's side, beside what its label space promises: loss, prediction, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from querist.core.contracts import LabelSpace
from querist.core.rng import stream
from querist.tasks.classification.learning import ClassificationHead
from querist.testing.label_contract import LabelContract


class TaskContract(LabelContract):
    """Inherit, and override the fixtures; `usual_loss` and `usual_metrics` are what the rest of the world computes."""

    def usual_loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The mean loss as torch computes it."""
        return functional.cross_entropy(output, target)

    def usual_metrics(self, probs: np.ndarray, targets: np.ndarray) -> Mapping[str, float]:
        """The metrics as scikit-learn computes them."""
        raise pytest.UsageError("give the contract `usual_metrics`")

    def head(self, space: LabelSpace) -> ClassificationHead:
        """The learner's side of the space."""
        return ClassificationHead.of(space.schema())

    def drawn(self, space: LabelSpace, values: Sequence[Any], n: int = 50) -> tuple[Tensor, np.ndarray]:
        """Outputs (n, c) and targets (n,) at random."""
        rng = stream(0, 0, "oracle")
        output = torch.from_numpy(3 * rng.normal(size=(n, self.head(space).outputs))).float()
        return output, self.head(space).targets({str(item): values[int(rng.integers(len(values)))] for item in range(n)})

    def test_one_finite_loss_per_item(self, space: LabelSpace, values: Sequence[Any]) -> None:
        output, targets = self.drawn(space, values)
        loss = self.head(space).loss(output, torch.from_numpy(targets))
        assert loss.shape == (50,) and bool(torch.isfinite(loss).all())

    def test_the_mean_is_the_usual_loss(self, space: LabelSpace, values: Sequence[Any]) -> None:
        output, targets = self.drawn(space, values)
        target = torch.from_numpy(targets)
        torch.testing.assert_close(self.head(space).loss(output, target).mean(), self.usual_loss(output, target))

    def test_an_items_loss_is_its_own(self, space: LabelSpace, values: Sequence[Any]) -> None:
        output, targets = self.drawn(space, values)
        target = torch.from_numpy(targets)
        torch.testing.assert_close(self.head(space).loss(output[:1], target[:1])[0], self.head(space).loss(output, target)[0])

    def test_extreme_outputs_give_finite_losses(self, space: LabelSpace, values: Sequence[Any]) -> None:
        output, targets = self.drawn(space, values)
        assert bool(torch.isfinite(self.head(space).loss(output * 1e4, torch.from_numpy(targets))).all())

    def test_predictions_normalise(self, space: LabelSpace, values: Sequence[Any]) -> None:
        output, _ = self.drawn(space, values)
        probs = self.head(space).predict(output[:, None].expand(-1, 4, -1) * 100)
        assert probs.shape == (50, 4, output.shape[1]) and bool((probs >= 0).all())
        torch.testing.assert_close(probs.sum(dim=-1), torch.ones(50, 4))

    def test_metrics_are_the_usual_ones(self, space: LabelSpace, values: Sequence[Any]) -> None:
        output, targets = self.drawn(space, values)
        probs = self.head(space).predict(output.double()).numpy()
        said = self.head(space).sites(output.double()[:, None], output)
        assert self.head(space).metrics([said], targets) == pytest.approx(dict(self.usual_metrics(probs, targets)))

    def test_no_items_no_metrics(self, space: LabelSpace) -> None:
        head = self.head(space)
        assert head.metrics([], np.empty(0, dtype=np.int64)) == {}
