"""Rows that bring what they need: from a name and a recipe to a round that is ranked, killed and taken up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from querist.assemble.parts import learner
from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.records import RoundJob
from querist.data.arrays import ArrayPool
from querist.learn.inputs import ArrayInputs
from querist.learn.runtime import LearnerRuntime
from querist.tasks import new_space
from querist.testing.scheme_contract import images

OPTIONS = [
    ("dpe", {"recipe": "digits-cnn", "steps": 4}, 8),
    ("bald", {"recipe": "digits-cnn", "steps": 4, "inference": "variational"}, 20),
    ("bald", {"recipe": "digits-cnn", "steps": 4, "inference": "laplace"}, 20),
    ("ensemble_search", {"recipe": "digits-cnn", "steps": 4, "inference": "laplace", "scheme": "learning_loss"}, 0),
    ("ensemble_search", {"recipe": "digits-cnn", "steps": 4}, 1),
    ("lts", {"recipe": "active_inas", "steps": 4, "refit": "shrink_perturb", "inference": "variational"}, 20),
]


@pytest.mark.parametrize(("method", "options", "samples"), OPTIONS)
def test_a_name_is_enough(method: str, options: dict[str, Any], samples: int, tmp_path: Path) -> None:
    made = learner(options, method)
    if not catalogue.acquisition(method).needs <= made.provides:
        assert samples == 0, "another scheme does not give what the method reads, and `check` says so"
        return
    inputs = ArrayInputs(ArrayPool(np.kron(images(40), np.ones((2, 2), dtype=np.float32))))
    runtime, previous = LearnerRuntime(inputs, inputs, made, catalogue.acquisition(method)), None
    for round_ in (1, 2):
        folder = tmp_path / str(round_)
        folder.mkdir()
        job = RoundJob(
            round=round_, seed=0, labelled={str(i): "abc"[i % 3] for i in range(12)}, test={"39": "a"}, candidates=[str(i) for i in range(12, 39)], pending=(),
            batch=3, reserve=0, schema=new_space("classification", ["a", "b", "c"]).schema(), previous=previous, workdir=str(folder),
        )  # fmt: skip
        first, again = runtime.train_score_select(job, no_report), runtime.train_score_select(job, no_report)
        assert first.ranking == again.ranking and first.info["model"] == again.info["model"], "restored from the folder"
        assert len(set(first.ranking.ids)) == 3 and made.inference.samples == samples
        previous = str(folder)
