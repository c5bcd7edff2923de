"""Pairs and links keep the task contract."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import Tensor
from torch.nn import functional

from querist.core.contracts import LabelSpace
from querist.tasks import new_space
from querist.tasks.heads import head
from querist.testing import TaskContract


class TestPair(TaskContract):
    @pytest.fixture
    def space(self) -> LabelSpace:
        return new_space("pair", [])

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        return [True, False]

    @pytest.fixture
    def refused(self) -> Sequence[Any]:
        return ["yes", None, 2, 0.5, [True]]

    def head(self, space: LabelSpace) -> Any:
        return head(space.schema())

    def usual_metrics(self, probs: np.ndarray, targets: np.ndarray) -> Mapping[str, float]:
        said = probs[:, 1] >= 0.5
        return {
            "f1": metrics.f1_score(targets, said),
            "precision": metrics.precision_score(targets, said),
            "recall": metrics.recall_score(targets, said),
            "accuracy": metrics.accuracy_score(targets, said),
            "average_precision": metrics.average_precision_score(targets, probs[:, 1]),
        }


class TestLink(TaskContract):
    @pytest.fixture(params=["new", "retired"])
    def space(self, request: pytest.FixtureRequest) -> LabelSpace:
        space = new_space("link", ["oslo", "rome", "bonn", "bern", "x"])
        return space if request.param == "new" else space.retire("x")  # type: ignore[attr-defined]

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        return [["oslo"], ["rome", "bern"], []]

    @pytest.fixture
    def refused(self) -> Sequence[Any]:
        return ["oslo", None, ["nowhere"], ["oslo", "oslo"], [1], True]

    def head(self, space: LabelSpace) -> Any:
        return head(space.schema())

    def usual_loss(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(output, target)

    def test_predictions_normalise(self, space: LabelSpace, values: Sequence[Any]) -> None:
        output, _ = self.drawn(space, values)
        probs = self.head(space).predict(output)
        assert probs.shape == output.shape and bool(((probs >= 0) & (probs <= 1)).all()), "each entity by itself"

    def usual_metrics(self, probs: np.ndarray, targets: np.ndarray) -> Mapping[str, float]:
        ranks = []
        for row, answer in zip(probs, targets == 1, strict=True):
            for tail in np.flatnonzero(answer):
                ranks.append(1 + sum(other > row[tail] for other in row[~answer]))
        found = np.array(ranks)
        hits = {f"hits@{k}": float((found <= k).mean()) for k in (1, 3, 10)}
        return {"mrr": float((1 / found).mean()), "mean_rank": float(found.mean()), **hits}

    def test_sites_are_the_entities_of_every_query(self, space: LabelSpace) -> None:
        task = self.head(space)
        output = torch.randn(3, 4, task.outputs, generator=torch.Generator().manual_seed(0))
        said = task.sites(output, torch.zeros(3, 2), None)
        assert said.probs is not None and said.probs.shape == (3 * task.outputs, 4, 2) and len(said) == 3
        for item in range(3):
            own = said.item(item).probs
            assert own is not None
            np.testing.assert_allclose(own[:, :, 1], torch.sigmoid(output[item]).T.numpy(), rtol=1e-6)
        np.testing.assert_allclose(said.probs.sum(axis=-1), 1.0, rtol=1e-6)


def test_average_precision_takes_equal_scores_together() -> None:
    task, rng = head(new_space("pair", []).schema()), np.random.default_rng(0)
    for _ in range(20):
        probs, targets = rng.integers(0, 4, 12) / 4, rng.integers(0, 2, 12)
        targets[0] = 1
        logits = torch.from_numpy(np.stack([1 - probs, probs], axis=1)).clamp(1e-9).log()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            usual = metrics.average_precision_score(targets, np.round(torch.softmax(logits, dim=1)[:, 1].numpy(), 9))
        assert task.metrics([task.sites(logits.float()[:, None].round(decimals=4), logits, None)], targets)["average_precision"] == pytest.approx(usual)


def test_nothing_to_find_and_nothing_found_is_no_mistake() -> None:
    task = head(new_space("pair", []).schema())
    silent = [task.sites(torch.tensor([[[9.0, -9.0]]]), torch.zeros(1, 2), None)]
    assert task.metrics(silent, np.array([0])) == {"f1": 1.0, "precision": 1.0, "recall": 1.0, "accuracy": 1.0}
    assert task.metrics(silent, np.array([1]))["f1"] == 0.0


def test_a_filtered_rank_leaves_other_true_tails_out_and_ties_are_in_the_middle() -> None:
    from querist.tasks.link.measures import filtered_ranks

    scores, true = np.array([[0.9, 0.8, 0.7, 0.7, 0.1]]), np.array([[True, False, True, False, True]])
    assert filtered_ranks(scores, true).tolist() == [1.0, 2.5, 3.0], "0.9 does not count before 0.7; 0.7 ties with one other"
    assert filtered_ranks(np.zeros((1, 5)), np.eye(5, dtype=bool)[:1]).tolist() == [3.0], "a network that says nothing is in the middle"
