"""What the learner's side of every task kind promises, whatever the shape of its outputs: losses, pseudo-targets, sites, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from querist.learn.device import scoring
from querist.learn.inference.base import looked
from querist.learn.task import TaskHead
from querist.nets.base import NetworkFactory
from querist.tasks import heads

NEAR: Final = 1e-4


class Case(NamedTuple):
    """What the contract is tried on.

    Attributes:
        schema: Of the label space.
        values: Some labels.
        factory: A network for the kind.
        x: As many inputs (n, *shape) as there are values.
    """

    schema: Mapping[str, Any]
    values: Sequence[Any]
    factory: NetworkFactory
    x: Tensor


class HeadContract:
    """Inherit, and override the fixture."""

    @pytest.fixture
    def case(self) -> Case:
        """A kind with labels and a network."""
        raise pytest.UsageError("give the contract a `case` fixture")

    @pytest.fixture
    def task(self, case: Case) -> TaskHead:
        """The head of its schema."""
        return heads.head(case.schema)

    @pytest.fixture
    def target(self, case: Case, task: TaskHead) -> Tensor:
        """Targets of the labels."""
        return torch.from_numpy(task.targets({str(row): value for row, value in enumerate(case.values)}))

    def said(self, case: Case, task: TaskHead) -> tuple[Tensor, Tensor, Tensor | None]:
        """Outputs (n, 2, …) of two networks, the inputs, and what the first one's last layer read."""
        found = []
        for seed in (0, 1):
            network = case.factory.make(tuple(case.x.shape[1:]), task.outputs, torch.Generator().manual_seed(seed))
            with torch.no_grad(), scoring(network):
                found.append(looked(network, case.x))
        return torch.stack([one.output for one in found], dim=1), case.x, found[0].hidden

    @pytest.fixture
    def output(self, case: Case, task: TaskHead) -> Tensor:
        """Outputs (n, …) of one network."""
        return self.said(case, task)[0][:, 0].clone().requires_grad_()

    def test_targets_have_one_form(self, case: Case, task: TaskHead, target: Tensor) -> None:
        none = task.targets({})
        assert len(none) == 0 and none.dtype == target.numpy().dtype and none.ndim == target.ndim
        first = task.targets({"0": case.values[0]})
        np.testing.assert_array_equal(first[0], target[0].numpy())

    def test_one_finite_loss_per_item_and_its_own(self, task: TaskHead, target: Tensor, output: Tensor) -> None:
        loss = task.loss(output, target)
        assert loss.shape == (len(target),) and bool(torch.isfinite(loss).all()) and bool((loss >= 0).all())
        for row in range(len(target)):
            torch.testing.assert_close(task.loss(output[row : row + 1], target[row : row + 1])[0], loss[row], rtol=NEAR, atol=NEAR / 10)
        (gradient,) = torch.autograd.grad(loss.sum(), output)
        assert bool(torch.isfinite(gradient).all())

    def test_smoothing_and_weights_are_taken(self, task: TaskHead, target: Tensor, output: Tensor) -> None:
        for options in ({"smoothing": 0.1}, {"weights": torch.from_numpy(np.asarray(task.weights(target.numpy()), dtype=np.float32))}):
            assert bool(torch.isfinite(task.loss(output, target, **options)).all())

    def test_its_own_answer_is_a_target(self, task: TaskHead, target: Tensor, output: Tensor) -> None:
        answer, sure = task.pseudo(output)
        assert answer.shape[0] == len(target) and answer.ndim == target.ndim and not answer.requires_grad
        assert answer.dtype == target.dtype or answer.is_floating_point() == target.is_floating_point()
        assert sure.shape == (len(target),) and not sure.requires_grad and bool(((sure >= 0) & (sure <= 1 + 1e-6)).all())
        assert bool(torch.isfinite(task.loss(output, answer)).all())

    def test_doubt_and_discrepancy(self, case: Case, task: TaskHead) -> None:
        one, other = self.said(case, task)[0].unbind(dim=1)
        doubt, apart = task.doubt(one), task.discrepancy(one, other)
        assert doubt.shape == apart.shape == (len(one),) and not doubt.requires_grad
        assert bool((doubt >= -1e-6).all()) and bool((apart > 0).all())
        assert float(task.discrepancy(one, one).abs().max()) < 1e-9
        torch.testing.assert_close(apart, task.discrepancy(other, one), rtol=NEAR, atol=NEAR / 10)

    def test_sites_are_whole(self, case: Case, task: TaskHead) -> None:
        said = task.sites(*self.said(case, task))
        assert len(said) == len(case.x) and said.offsets[0] == 0 and (np.diff(said.offsets) >= 0).all()
        assert said.probs is not None or said.values is not None
        for rows in (said.probs, said.values, said.features, said.weight, *said.extra.values()):
            assert rows is None or (len(rows) == said.count and np.isfinite(np.asarray(rows, dtype=np.float64)).all())
        if said.probs is not None:
            assert said.probs.ndim == 3 and said.probs.shape[1] == 2
            np.testing.assert_allclose(np.asarray(said.probs, dtype=np.float64).sum(axis=2), 1.0, atol=1e-4)
        assert all(len(rows) == len(case.x) for rows in said.items.values())

    def test_metrics_do_not_depend_on_chunks(self, case: Case, task: TaskHead, target: Tensor) -> None:
        said = task.sites(*self.said(case, task))
        whole = task.metrics(iter([said]), target.numpy())
        assert heads.kind(str(case.schema["kind"])).metric in whole and all(np.isfinite(value) for value in whole.values())
        parts = [replace(said.part(row, row + 1)) for row in range(len(case.x))]
        assert task.metrics(iter(parts), target.numpy()) == pytest.approx(whole)
        assert task.metrics(iter([]), task.targets({})) == {}
