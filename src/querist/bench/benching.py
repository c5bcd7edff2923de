"""Running a bench: its cells as studies in folders of their own, then the checks and numbers across them, in `bench.json`, and one snapshot of all.

`bench.json` holds no times and no paths: stopped anywhere and started again, the same bench ends with the same file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from querist.bench import bench_page, joined
from querist.bench.across import Bench
from querist.bench.environment import environment
from querist.bench.plan import BenchSpec, Cell
from querist.bench.pool_order import pool_order
from querist.bench.results import Study, Void
from querist.bench.runs import write_atomically
from querist.bench.saturation import FEATURES, share_features
from querist.bench.selfchecks import Random, all_of, defaults, query_sizes
from querist.bench.spec import BASELINE
from querist.bench.study import RUNS, prepare, run_study
from querist.bench.together import cell_result, together
from querist.bench.working import Emit

RECORD: Final = "bench.json"
REPORT: Final = "report.html"
FINAL_LOG: Final = "final.log"

Watch = Callable[[Cell], AbstractContextManager[Emit]]
"""Gives what hears the events of a cell while it runs."""


def run_bench(spec: BenchSpec, out: Path, *, final: bool = False, watch: Watch | None = None, command: str = "") -> tuple[Bench, dict[str, Study]]:
    """Run what is missing of a bench and write its record, `bench.json`, its snapshot and its pages into its folder.

    Args:
        spec: The bench.
        out: Its folder; every cell has a folder of its name in it. Finished runs are kept, unfinished ones continue.
        final: Open the final test sets. That is written into `final.log` before anything runs.
        watch: Shows progress.
        command: How it was started, for the record.

    Returns:
        The record, and the studies by the names of their cells.

    Raises:
        UsageError: for settings, methods or data that cannot be right, before anything runs.
    """
    cells = spec.expand(final=final)
    items = {cell.name: prepare(cell.spec, out / cell.name) for cell in cells}
    log = log_final(spec, cells, out, command) if final else []
    before = all_of([pool_order((method, cell.spec.strategy(method)) for cell in cells for method in cell.spec.methods), defaults(log)])
    studies: dict[str, Study] = {}
    for cell in cells:
        folder = out / cell.name
        share_features(folder / RUNS, out / FEATURES)
        with watch(cell) if watch else nullcontext(lambda event: None) as emit:
            studies[cell.name] = run_study(cell.spec, folder, emit=emit, command=command, marks=before.void, final_log=log, items=items[cell.name])
    after = query_sizes([_random(cell, studies[cell.name]) for cell in cells])
    results = {cell.name: cell_result(studies[cell.name], cell.name, [mark for mark in after.void if mark.cell == cell.name]) for cell in cells}
    found = all_of([before, after])
    record = Bench(
        bench=spec.name,
        spec_sha256=spec.sha256,
        final=final,
        opened=log,
        cells=results,
        together=together(results),
        checks=list(found.checks),
        void=[*found.void, *(mark.model_copy(update={"cell": name}) for name, study in studies.items() for mark in _own(study, before.void))],
        environment=environment(),
    )
    write_atomically(out / RECORD, record.model_dump_json(indent=1))
    joined.write(record, studies, out)
    write_atomically(out / REPORT, bench_page.html(record))
    write_atomically(out / "report.md", bench_page.markdown(record))
    return record, studies


def _own(study: Study, others: Sequence[Void]) -> list[Void]:
    """What is void in this study by its own checks."""
    return [mark for mark in study.void if mark not in others]


def _random(cell: Cell, study: Study) -> Random:
    found = study.methods[BASELINE]
    return Random(cell.name, cell.spec, dict(zip(found.seeds, found.curve, strict=True)))


def log_final(spec: BenchSpec, cells: Sequence[Cell], out: Path, command: str) -> list[dict[str, Any]]:
    """Write into `final.log`, one JSON object a line, that the final test sets are opened now, unless the same bench was logged by the same program.

    Returns:
        All lines, oldest first.
    """
    file = out / FINAL_LOG
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    commit = environment()["commit"]
    facts = {"study": spec.name, "spec_sha256": spec.sha256, "commit": commit, "datasets": sorted({cell.spec.dataset for cell in cells})}
    if not any(_says(line, facts) for line in lines):
        line = {"date": datetime.now(UTC).isoformat(timespec="seconds"), **facts, "command": command}
        out.mkdir(parents=True, exist_ok=True)
        lines.append(line)
        write_atomically(file, "".join(json.dumps(each) + "\n" for each in lines))
    return lines


def _says(line: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return all(line.get(key) == value for key, value in facts.items())
