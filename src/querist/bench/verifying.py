"""L1: run a study again and compare bit for bit. Promised only where the environment is the one of the record; else L0.

What a snapshot says is a consequence of its settings, so whoever changes a label, a seed, an item or a flag and computes all
digests anew is contradicted by the run itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from querist.bench.chain import links, scores_sha256
from querist.bench.environment import differing, fingerprint
from querist.bench.repeating import PARTS, Compared, Outcome, Wanted, at_once, judged
from querist.bench.replaying import TOLERANCE, replay
from querist.bench.runs import RunRecord
from querist.bench.spec import StudySpec
from querist.bench.working import Emit, one_thread

Plain = Mapping[str, Any]


def environment_differences(plain: Plain, wanted: Wanted) -> dict[str, list[Any]]:
    """Where this machine differs from those that made these runs: key → [recorded, here]; empty if bits may be promised."""
    found: dict[str, list[Any]] = {}
    for key in dict.fromkeys(run["environment"] for run in wanted.entries):
        recorded = plain["environments"][key]
        encoded = any(plain["parts"][run["parts"]]["options"].get("encoder") for run in wanted.entries if run["environment"] == key)
        with one_thread():
            here = fingerprint(torch=recorded.get("torch") is not None, encoder="any" if encoded else None)
        found.update(differing(recorded, here))
    return found


def verify(
    plain: Plain, *, workers: int = 1, tolerance: float = TOLERANCE, methods: Iterable[str] = (), seeds: Iterable[int] = (), root: str | None = None,
    emit: Emit = lambda event: None,
) -> tuple[Outcome, dict[str, list[Any]]]:  # fmt: skip
    """Run a study again at the highest level that its environments admit.

    Args:
        plain: A snapshot as `snapshot.read` gives it, its rules kept.
        workers: Processes.
        tolerance: How far accuracies may lie apart at L0.
        methods: Only these; all by default.
        seeds: Only these; all by default.
        root: Folder with the data set's files, if it is another one here.
        emit: Takes the events of the runs.

    Returns:
        The outcome, and what differs in the environment: nothing at L1.
    """
    methods, seeds = tuple(methods), tuple(seeds)
    wanted = Wanted.of(plain, methods, seeds)
    differences = environment_differences(plain, wanted)
    if differences:
        return replay(plain, workers=workers, tolerance=tolerance, methods=methods, seeds=seeds, root=root, emit=emit), differences
    settings = dict(plain["spec"])
    spec = StudySpec.of({**settings, "workers": workers, "root": root or settings.get("root")})
    with tempfile.TemporaryDirectory(prefix="querist-verify-") as folder:
        made = at_once(spec, wanted.runs, Path(folder), emit)
    return judged(plain, wanted, made, "L1", _bits(plain), parts=(*PARTS, "acquisition")), {}


def _bits(plain: Plain) -> Compared:
    """Everything that a round holds has to be the same."""

    def compared(row: Plain, record: RunRecord, place: int) -> tuple[str, Any, Any] | None:
        here = record.rounds[place]
        scores = list(here.scores)
        both: dict[str, tuple[Any, Any]] = {
            "ids": (row["ids"], list(here.ids)),
            "labels_sha256": (row["labels_sha256"], here.labels_sha256),
            "scores": (row.get("scores"), scores) if row.get("scores") is not None else (scores_sha256(row), scores_sha256({"scores": scores})),
            "steps": (row["steps"], list(here.steps)),
            "model": (row["model"], here.model),
            "metrics": (row["metrics"], dict(here.metrics)),
        }
        for what, (recorded, made) in both.items():
            if recorded != made:
                return what, recorded, made
        chain = list(links(record.method, record.seed, plain["run_sha256"], [asdict(one) for one in record.rounds]))
        return None if chain[place] == row["hash"] else ("hash", row["hash"], chain[place])

    return compared
