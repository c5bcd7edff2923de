"""What the model takes the ranked items for, left for people who want a suggestion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from querist.core.contracts import GUESSES, PoolView
from querist.core.records import RoundJob, Selection
from querist.core.sites import Sites
from querist.core.spec import canonical_json
from querist.tasks import label_space


@runtime_checkable
class Speaks(Protocol):
    """A task that can say its predictions as people say labels."""

    def says(self, said: Sites) -> list[tuple[Any, float]]:
        """The value of each item, in its normal form, and how sure it is, in [0, 1]."""


def leave_spoken(view: Any, ranking: Selection, job: RoundJob, task: Speaks, statistic: str) -> None:
    """Write item → [encoded value, confidence] of the ranked items, for a task whose items have many sites.

    Args:
        view: Of the round.
        ranking: The items.
        job: Of the round.
        task: Says what their sites mean.
        statistic: What its sites hold, `sites` or `values`.
    """
    row, space = {item: place for place, item in enumerate(view.candidates)}, label_space(job.schema)

    def spoken(said: Sites) -> np.ndarray:
        return np.array([canonical_json([space.encode(value), round(sure, 4)]) for value, sure in task.says(said)], dtype=object)

    told = view.fold(statistic, spoken, places=np.array([row[item] for item in ranking.ids], dtype=np.int64))
    guesses = {item: json.loads(text) for item, text in zip(ranking.ids, told.tolist(), strict=True)}
    (Path(job.workdir) / GUESSES).write_text(canonical_json(guesses), encoding="utf-8")


def leave_guesses(view: PoolView, ranking: Selection, job: RoundJob) -> None:
    """Write item → [encoded value, confidence] of the ranked items among the files of the round."""
    row = {item: place for place, item in enumerate(view.candidates)}
    probs = np.asarray(view.stat("probs")).mean(axis=1, dtype=np.float64)
    space = label_space(job.schema)
    names: list[Any] = [entry["name"] for entry in job.schema["classes"] if not entry["retired"]] or [False, True]  # without classes: no and yes
    guesses = {item: [space.encode(names[int(probs[row[item]].argmax())]), round(float(probs[row[item]].max()), 4)] for item in ranking.ids}
    (Path(job.workdir) / GUESSES).write_text(canonical_json(guesses), encoding="utf-8")
