"""What the model takes the ranked items for, left for people who want a suggestion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from querist.core.contracts import GUESSES, PoolView
from querist.core.records import RoundJob, Selection
from querist.core.spec import canonical_json
from querist.tasks import label_space


def leave_guesses(view: PoolView, ranking: Selection, job: RoundJob) -> None:
    """Write item → [encoded value, confidence] of the ranked items among the files of the round."""
    row = {item: place for place, item in enumerate(view.candidates)}
    probs = np.asarray(view.stat("probs")).mean(axis=1, dtype=np.float64)
    space = label_space(job.schema)
    names: list[Any] = [entry["name"] for entry in job.schema["classes"] if not entry["retired"]] or [False, True]  # without classes: no and yes
    guesses = {item: [space.encode(names[int(probs[row[item]].argmax())]), round(float(probs[row[item]].max()), 4)] for item in ranking.ids}
    (Path(job.workdir) / GUESSES).write_text(canonical_json(guesses), encoding="utf-8")
