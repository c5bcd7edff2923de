"""Every task kind with a head keeps the task contract; test_label_spaces.py has the label spaces of all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from querist.core.contracts import LabelSpace
from querist.tasks import new_space
from querist.tasks.classification.labels import ClassLabels
from querist.testing import TaskContract


class TestClassification(TaskContract):
    @pytest.fixture(params=["new", "renamed and retired", "two classes"])
    def space(self, request: pytest.FixtureRequest) -> LabelSpace:
        if request.param == "two classes":
            return new_space("classification", ["cat", "dog"])
        space = new_space("classification", ["cat", "dog", "7"])
        assert isinstance(space, ClassLabels)
        return space if request.param == "new" else space.add(["cow"]).rename("cow", "ox").retire("7")

    @pytest.fixture
    def values(self, space: ClassLabels) -> Sequence[Any]:
        return space.names

    @pytest.fixture
    def refused(self) -> Sequence[Any]:
        return ["Cat", "", None, 0, 1.0, True, ["cat"], {"cat": 1}]

    def usual_metrics(self, probs: np.ndarray, targets: np.ndarray) -> Mapping[str, float]:
        guessed = probs.argmax(axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a guessed class that is no target
            balanced = metrics.balanced_accuracy_score(targets, guessed)
        return {
            "accuracy": metrics.accuracy_score(targets, guessed),
            "balanced_accuracy": balanced,
            "nll": metrics.log_loss(targets, probs, labels=list(range(probs.shape[1]))),
        }
