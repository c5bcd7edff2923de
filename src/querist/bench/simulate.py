"""`querist.simulate`: a study in one call, in process and without files unless asked."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from querist.bench.results import Study
from querist.bench.spec import StudySpec
from querist.bench.study import run_study


def simulate(dataset: str, method: str | Sequence[str] = "auto", *, out: str | Path | None = None, workers: int = 1, **settings: Any) -> Study:
    """Run methods against `random` on a named data set and say what may be said.

    Args:
        dataset: Named data set, for example `"digits"`.
        method: One method or several: catalogue names or import paths `module:Class`.
        out: Folder for runs, record and report; a temporary one by default.
        workers: Processes; no influence on results.
        settings: Fields of `StudySpec`: `seeds`, `initial`, `batch`, `budget`, `recipe`, …

    Returns:
        The study: curves, comparisons, label savings.

    Example:
        >>> study = querist.simulate("digits", "margin", seeds=5, budget=200)  # doctest: +SKIP
    """
    methods = (method,) if isinstance(method, str) else tuple(method)
    spec = StudySpec.of({"dataset": dataset, "methods": methods, "workers": workers, **settings})
    if out is not None:
        return run_study(spec, Path(out))
    with tempfile.TemporaryDirectory(prefix="querist-") as folder:
        return run_study(spec, Path(folder))
