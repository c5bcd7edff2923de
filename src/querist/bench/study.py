"""A study: every method and seed as a run of its own, then one record. Stopped at any point, the same call goes on."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from querist.bench import selfchecks
from querist.bench.analysis import CURVE_COLUMNS, at_equal_labels, compare, method_results, savings, tidy
from querist.bench.arms import gains
from querist.bench.bought import bought, trained
from querist.bench.crew import work_through
from querist.bench.environment import environment
from querist.bench.over_cost import over_cost
from querist.bench.report import html
from querist.bench.results import Failure, Study, Void
from querist.bench.runs import RunRecord, opened, read_record, write_atomically
from querist.bench.saturation import train_on_everything
from querist.bench.snapshot import write_snapshot
from querist.bench.spec import BASELINE, StudySpec
from querist.bench.working import Emit, Event
from querist.core.errors import UsageError

_SETTINGS = "settings.json"
RUNS: Final = "runs"
"""Folder of a study with a project and a record of every run."""
Opened = Mapping[str, Any]
"""One line of `final.log`: date, commit, study."""


def run_study(
    spec: StudySpec, out: Path, *, emit: Emit = lambda event: None, command: str = "", marks: Sequence[Void] = (), final_log: Sequence[Opened] = (),
    items: int | None = None,
) -> Study:  # fmt: skip
    """Run what is missing of a study and write `study.json`, `snapshot.json`, `curves.csv` and `report.html` into its folder.

    Args:
        spec: The study.
        out: Its folder. Finished runs in it are kept, unfinished ones continue; methods and seeds may have been added since.
        emit: Takes the events of the runs (see `working.Event`), for progress.
        command: How it was started, for the record.
        marks: What is void for reasons that lie outside this study.
        final_log: When the final test set was opened, for the record.
        items: What `prepare` returned, if it was called before.

    Returns:
        The study; `failures` names the runs that did not finish.

    Raises:
        UsageError: for a budget beyond the pool, an unknown method, or a folder that holds another study.
    """
    items = prepare(spec, out) if items is None else items
    folder = out / RUNS
    missing = unfinished(spec, out)
    write_atomically(out / _SETTINGS, json.dumps(spec.run_settings(), indent=1))
    failures: list[Failure] = []
    watch = _Watch(out / "clock.json")

    def listen(event: Event) -> None:
        if event["event"] == "failed":
            failures.append(Failure(method=event["method"], seed=event["seed"], error=event["error"]))
            write_atomically(out / "logs" / f"failed-{len(failures)}.txt", f"{event['method']} seed {event['seed']}\n{event['error']}\n{event['trace']}")
        watch.save()
        emit(event)

    work_through(spec, missing, folder, listen)
    records = [record for run in spec.runs() if (record := read_record(folder, *run, spec.run_sha256)) is not None]
    study = conclude(spec, records, failures, out=out, command=command, wall_seconds=watch.seconds, marks=marks)
    if spec.saturation:
        found, failed = train_on_everything(spec, items, out, study.methods)
        told = {"saturation": found, "trained": trained(spec, study.methods, found), "failures": [*study.failures, *failed]}
        study = study.model_copy(update=told)
    study = study.model_copy(update={"opened": [dict(line) for line in final_log]})
    study = study.model_copy(update={"snapshot": write_snapshot(spec, records, study, out)})
    write(study, tidy(spec, records), out)
    return study


def conclude(
    spec: StudySpec, records: Iterable[RunRecord], failures: Iterable[Failure], *,
    out: Path, command: str = "", wall_seconds: float = 0.0, marks: Sequence[Void] = (),
) -> Study:  # fmt: skip
    """The record of a study from its finished runs, whatever order they came in. Runs that violate a rule of the platform are left out of all results."""
    runs = list(records)
    checked = selfchecks.of_runs(spec, runs)
    void = [*marks, *checked.void]
    counted = [run for run in runs if not selfchecks.is_void(void, run.method, run.seed)]
    methods = method_results(spec, counted)
    return Study(
        study=spec.title,
        dataset=spec.dataset,
        spec_sha256=spec.sha256,
        budgets=list(spec.budgets),
        methods=methods,
        comparisons=compare(methods, spec.margin),
        label_saving=savings(spec, methods),
        out=str(out),
        report=str(out / "report.html"),
        at_budget=at_equal_labels(spec, methods),
        over_cost=over_cost(spec, counted),
        gains=gains(spec, methods),
        failures=sorted(failures, key=lambda failure: (spec.methods.index(failure.method), failure.seed)),
        checks=list(checked.checks),
        void=void,
        bought=bought(spec, counted),
        split="final" if spec.final else "development",
        spec=spec.model_dump(mode="json"),
        command=command,
        environment=environment(),
        wall_seconds=wall_seconds,
        compute_seconds=sum(sum(row.seconds.values()) for run in runs for row in run.rounds),
    )


def write(study: Study, rows: list[dict[str, Any]], out: Path) -> None:
    """Write record, curves and report into the study's folder."""
    write_atomically(out / "study.json", study.model_dump_json(indent=1))
    text = io.StringIO()
    table = csv.DictWriter(text, fieldnames=CURVE_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomically(out / "curves.csv", text.getvalue())
    write_atomically(out / "report.html", html(study))


def prepare(spec: StudySpec, out: Path) -> int:
    """Find every mistake before anything is written or trained: other settings than those of the folder, methods or sizes that cannot be.

    Returns:
        The size of the pool, 0 if nothing had to be set up.

    Raises:
        UsageError: see `run_study`.
        CapabilityError: for a method that needs what the learner does not provide.
    """
    refuse_other_settings(spec, out)
    return rehearse(spec, {method for method, _ in unfinished(spec, out)})


def unfinished(spec: StudySpec, out: Path) -> list[tuple[str, int]]:
    """Runs that are not finished."""
    return [run for run in spec.runs() if read_record(out / RUNS, *run, spec.run_sha256) is None]


def refuse_other_settings(spec: StudySpec, out: Path) -> None:
    """Keep runs of different settings out of one folder.

    Raises:
        UsageError: naming the settings that differ from those of the runs in the folder.
    """
    try:
        there: Mapping[str, Any] = json.loads((out / _SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    settings = spec.run_settings()
    differing = sorted(key for key in {*there, *settings} if there.get(key) != settings.get(key))
    if differing:
        got = ", ".join(f"{key} = {settings.get(key)} (there: {there.get(key)})" for key in differing)
        raise UsageError(f"the folder {out} holds runs made with other settings", got=got, hint="Choose another folder with --out.")


def rehearse(spec: StudySpec, methods: Iterable[str]) -> int:
    """Set up a run of every method in a folder that is thrown away, so that mistakes show before anything is written or trained.

    Args:
        spec: The study.
        methods: Those to try; without any, the baseline if the size of the pool has to be known.

    Returns:
        The size of the pool, 0 if nothing had to be set up.

    Raises:
        UsageError: for a budget beyond the pool or an unknown method.
        CapabilityError: for a method that needs what the learner does not provide.
    """
    items = 0
    for method in sorted(methods) or ([BASELINE] if spec.saturation else []):
        with tempfile.TemporaryDirectory(prefix="querist-") as folder, opened(spec, method, 0, Path(folder)) as (project, _):
            items = int(project.status()["items"])
        if spec.budget > items:
            key = "initial" if spec.initial > items else "budget"
            raise UsageError(f"the {key} is beyond the pool of {spec.dataset!r}", got=getattr(spec, key), wanted=f"at most {items} labels")
    return items


class _Watch:
    """Wall time that goes on after an interruption."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.file, self.clock = file, clock
        try:
            self.before = float(json.loads(file.read_text(encoding="utf-8"))["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            self.before = 0.0
        self.start = clock()

    @property
    def seconds(self) -> float:
        return self.before + self.clock() - self.start

    def save(self) -> None:
        write_atomically(self.file, json.dumps({"seconds": self.seconds}))
