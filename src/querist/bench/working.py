"""Making one run and saying how it goes: what a worker process does, and what happens here with one worker."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from querist.bench.analysis import measured
from querist.bench.runs import RoundRecord, perform
from querist.bench.spec import StudySpec
from querist.core.errors import QueristError

Event = Mapping[str, Any]
"""`{"event": "started" | "round" | "done" | "failed", "method", "seed", …}`; a round has `labels`, `accuracy` (the study's metric), `seconds`, a failure
`error`, `trace`."""
Emit = Callable[[Event], None]
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def work(spec: StudySpec, method: str, seed: int, folder: Path, emit: Emit) -> None:
    """Make one run and say how it goes; an error ends the run, not the study.

    Args:
        spec: The study.
        method: Method of the run.
        seed: Seed of the run.
        folder: Where runs lie.
        emit: Takes the events.
    """
    run = {"method": method, "seed": seed}

    def on_round(record: RoundRecord) -> None:
        emit({"event": "round", **run, "labels": record.labels, "accuracy": measured(record, spec.metric), "seconds": sum(record.seconds.values())})

    emit({"event": "started", **run})
    try:
        with one_thread():
            perform(spec, method, seed, folder, on_round)
    except Exception as error:  # whatever a strategy raises belongs in the report, beside the runs that went well
        text = str(error) if isinstance(error, QueristError) else f"{type(error).__name__}: {error}"
        emit({"event": "failed", **run, "error": text, "trace": traceback.format_exc()})
    else:
        emit({"event": "done", **run})


@contextmanager
def one_thread() -> Iterator[None]:
    """One computing thread, so that results do not depend on how many workers there are; the settings of before come back."""
    before = {name: os.environ.get(name) for name in THREADS}
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    os.environ.update(THREADS)
    if torch:
        torch.set_num_threads(1)
    try:
        if importlib.util.find_spec("threadpoolctl"):
            from threadpoolctl import threadpool_limits

            with threadpool_limits(1):
                yield
        else:
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if torch:
            torch.set_num_threads(threads)
