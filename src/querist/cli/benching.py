"""Benches: many studies in one file, run together."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from querist.cli.options import Json, Root
from querist.cli.output import DONE, FAILED, emit, note
from querist.core.errors import UsageError

if TYPE_CHECKING:
    from querist.bench.across import Bench
    from querist.bench.plan import BenchSpec
    from querist.bench.results import Study


def bench(
    source: Annotated[str | None, typer.Argument(metavar="SUITE|SPEC.toml", help="A suite, or the file of a bench or study.", show_default=False)] = None,
    out: Annotated[str | None, typer.Option("--out", help="Folder of the bench; finished runs in it are kept.", metavar="DIR")] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes.", metavar="N")] = None,
    ablate: Annotated[list[str] | None, typer.Option("--ablate", help="Tell its gains apart: strategy, scheme or wrapper.", metavar="METHOD")] = None,
    final: Annotated[bool, typer.Option("--final", help="Open the final test sets; date, commit and study are logged.")] = False,
    root: Root = None,
    listed: Annotated[bool, typer.Option("--list", help="List suites, data sets and variants.")] = False,
    json: Json = False,
) -> int:
    """Run a bench: methods on data sets, recipes, budgets and query sizes. The same command goes on where it was stopped.

    Example: querist bench smoke --out smoke; querist bench my-bench.toml --workers 8; querist bench --list
    """
    if listed:
        return _list()
    if source is None:
        raise UsageError("a bench needs a suite or a file", wanted="querist bench SUITE|SPEC.toml", hint="See: querist bench --list")
    from querist.bench.suites import bench_of

    spec = bench_of(source)
    more = {"ablate": tuple(dict.fromkeys((*spec.ablate, *ablate)))} if ablate else {}
    changes = {**more, **({"workers": workers} if workers else {}), **({"shared": {**spec.shared, "root": root}, "roots": {}} if root else {})}
    return _run(spec.model_copy(update=changes), Path(out or f"querist-{spec.name}"), final)


def _run(spec: BenchSpec, out: Path, final: bool) -> int:
    """Run a bench with progress on stderr; the exit code is 1 if a run failed or something is void."""
    from querist.bench.bench_progress import Across
    from querist.bench.bench_tables import bench_table, void_text
    from querist.bench.benching import RECORD, run_bench
    from querist.cli.studying import check_names

    cells = spec.expand(final=final)
    for cell in cells:
        check_names(cell.spec)
    command = shlex.join(["querist", *sys.argv[1:]])
    record, studies = run_bench(spec, out, final=final, watch=Across.of(cells, out).watch, command=command)
    emit(_plain(record, studies, out), bench_table(record))
    failures = [(name, failure) for name, study in studies.items() for failure in study.failures]
    for name, failure in failures[:2]:
        note(f"{name}, {failure.method} seed {failure.seed}: {failure.error}")
    if record.void:
        note(f"error: {len(record.void)} violations make results void, the first: {void_text(record.void[0])}")
    elif failures:
        note(f"error: {len(failures)} runs failed; {out / RECORD} and the reports list them")
    return FAILED if failures or record.void else DONE


def _plain(record: Bench, studies: dict[str, Study], out: Path) -> dict[str, Any]:
    """The object of `--json`: that of `querist run` for one cell, its parts from all cells for several, and what a bench adds."""
    each = {name: study.model_dump(mode="json") for name, study in studies.items()}
    if len(each) == 1:
        whole = next(iter(each.values()))
    else:
        parts = {part: [{"cell": name, **row} for name, study in each.items() for row in study[part]] for part in ("comparisons", "label_saving", "failures")}
        whole = {"dataset": ", ".join(dict.fromkeys(study["dataset"] for study in each.values())), "report": str(out / "report.html"), **parts}
    bench = record.model_dump(mode="json", exclude={"cells", "environment"})
    snapshot = whole.get("snapshot") or str(out / "snapshot.json")
    places = {"out": str(out), "record": str(out / "bench.json"), "snapshot": snapshot if Path(snapshot).is_file() else None}
    return {**whole, **bench, "study": record.bench, **places, "cells": each}


def _list() -> int:
    from querist.bench.suites import suites
    from querist.data.datasets import VARIANTS, entries

    rows: list[dict[str, Any]] = [
        {"name": name, "about": spec.about, "cpu_minutes": spec.cpu_minutes, "cells": [cell.name for cell in spec.expand()]} for name, spec in suites().items()
    ]
    sets = [{"name": name, "input": row.input, "licence": row.licence, "get": row.get, "final": row.final is not None} for name, row in entries().items()]
    variants = [{"name": variant.spelled, "does": variant.does} for variant in VARIANTS.values()]
    lines = ["suites"]
    lines += [f"  {row['name']:<18} {row['about']} ({len(row['cells'])} cells, about {row['cpu_minutes']:g} CPU minutes)" for row in rows]
    lines += ["data sets", *(f"  {row['name']:<18} {row['input']}" for row in sets)]
    lines += ["variants, spelled behind a data set and a +, several one after the other", *(f"  {row['name']:<18} {row['does']}" for row in variants)]
    emit({"suites": rows, "datasets": sets, "variants": variants}, "\n".join(lines))
    return DONE
