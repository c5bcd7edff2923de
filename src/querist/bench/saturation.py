"""What the whole pool gives. Where random is almost there, differences between methods are noise.

Reference: the protocol compares curves up to the point where random has 99 % of the accuracy with all labels (Ash et al. 2020, arXiv:1906.03671).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from querist.bench.analysis import measured
from querist.bench.crew import work_through
from querist.bench.measures import isotonic
from querist.bench.results import Failure, MethodResult, Saturation
from querist.bench.runs import read_record
from querist.bench.spec import BASELINE, StudySpec
from querist.bench.working import Event

SEEDS: Final = 3
SHARE: Final = 0.99
FOLDER: Final = "full-pool"
FEATURES: Final = "features"


def whole_pool(spec: StudySpec, items: int) -> StudySpec:
    """The study that trains on every item of the pool at once: one budget, the baseline's recipe, three seeds."""
    sizes = {"initial": items, "batch": 1, "budget": items, "seeds": SEEDS, "baseline_factor": 1}
    return spec.model_copy(update={**sizes, "methods": (BASELINE,), "saturation": False})


def train_on_everything(spec: StudySpec, items: int, out: Path, methods: Mapping[str, MethodResult]) -> tuple[Saturation | None, list[Failure]]:
    """Train on the whole pool, or read what was trained before.

    Args:
        spec: The study.
        items: Size of its pool.
        out: Its folder.
        methods: Its results.

    Returns:
        What the pool gives, None if no run finished, and the runs that failed.
    """
    whole, folder = whole_pool(spec, items), out / FOLDER
    share_features(folder, out / "runs" / FEATURES)
    missing = [run for run in whole.runs() if read_record(folder, *run, whole.run_sha256) is None]
    failures: list[Failure] = []

    def listen(event: Event) -> None:
        if event["event"] == "failed":
            failures.append(Failure(method=event["method"], seed=event["seed"], error=f"on the whole pool: {event['error']}"))

    work_through(whole, missing, folder, listen)
    records = [record for run in whole.runs() if (record := read_record(folder, *run, whole.run_sha256)) is not None]
    values = {record.seed: measured(record.rounds[-1], spec.metric) for record in records}
    training = [record.rounds[-1].seconds.get("train", 0.0) for record in records]
    return (_saturation(spec, items, values, methods[BASELINE].curve, training) if values else None), failures


def _saturation(spec: StudySpec, items: int, values: Mapping[int, float], curves: Iterable[list[float]], training: list[float]) -> Saturation:
    rows = np.array(list(curves))
    beyond = None
    if rows.size:
        there = isotonic(rows.mean(axis=0)) >= SHARE * np.mean(list(values.values()))
        beyond = spec.budgets[int(there.argmax())] if there.any() else None
    return Saturation(labels=items, seeds=list(values), values=list(values.values()), share=SHARE, beyond=beyond, training=training)


def share_features(folder: Path, features: Path) -> None:
    """Let runs in `folder` find the encoded items in `features`: encoding a pool may take longer than all runs on it."""
    link = folder / FEATURES
    if link.exists() or link.is_symlink() or link == features:
        return
    features.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # a system without links encodes again
        link.symlink_to(os.path.relpath(features, folder), target_is_directory=True)
