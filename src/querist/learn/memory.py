"""What a method that learns from round to round left behind, among the files of a round."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from querist.core.contracts import Acquisition
from querist.core.records import RoundJob
from querist.core.spec import canonical_json, digest

MEMORY = "memory.json"


def recall(job: RoundJob, acquisition: Acquisition) -> Mapping[str, Any] | None:
    """`Selection.memory` of the round before; None where there was none, or where another method left it."""
    path = Path(job.previous or "") / MEMORY
    if job.previous is None or not path.exists():
        return None
    left = json.loads(path.read_text(encoding="utf-8"))
    return dict(left["memory"]) if left["by"] == digest(acquisition) else None


def retain(job: RoundJob, acquisition: Acquisition, memory: Mapping[str, Any] | None) -> None:
    """Write it down for the next round; nothing for a method that learns nothing."""
    if memory is not None:
        (Path(job.workdir) / MEMORY).write_text(canonical_json({"by": digest(acquisition), "memory": memory}), encoding="utf-8")
