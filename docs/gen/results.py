"""Takes the finished runs of a study into docs/results/: `python docs/gen/results.py STUDY-FOLDER docs/results/NAME`.

Commits small files only: study.json (the record), curves.csv (every seed), the runs' records of a study of up to 100 runs (so
that the same command resumes it; of a larger one no curves.csv, which would be megabytes), a figure, a snapshot, and a page with the table, one
statement per method, losers named, and the remarks of notes.md.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from querist.bench import snapshot
from querist.bench.analysis import tidy
from querist.bench.bench_page import grid
from querist.bench.figures import READABLE, areas, learning_curves
from querist.bench.results import Study
from querist.bench.runs import read_record
from querist.bench.spec import StudySpec
from querist.bench.study import conclude, write
from querist.bench.tables import BOUGHT, COSTS, TRAINED, bought_rows, cost_rows, table, trained_rows
from querist.bench.wording import gain_text, ranked, sentence, statement

KEPT = 100
"""Runs whose records are small enough together to be kept here."""


def page(study: Study, command: str) -> str:
    """The page of a study, in Markdown."""
    printed = table(study)
    heads = [str(column.header) for column in printed.columns]
    cells = [[str(cell) for cell in column.cells] for column in printed.columns]
    rows = grid(heads, list(zip(*cells, strict=True)))
    missing = [f"{name}: {len(result.seeds)} seeds" for name, result in study.methods.items()]
    return "\n".join(
        [
            f"# {study.study}: {study.dataset}", "", sentence(study), "", _caption(study), "", *rows, "",
            "## Every comparison with random", "", *(f"- {statement(study, row)}" for row in ranked(study)), "",
            *gains(study), *_more(study), "## How it was made", "", f"`{command}`, measured on the {study.split} data. Seeds finished: {', '.join(missing)}.",
            f"Compute: {study.compute_seconds / 3600:.1f} process hours, {study.wall_seconds / 3600:.1f} hours on the clock. Spec {study.spec_sha256[:12]}.",
            *([f"Runs that failed: {len(study.failures)}."] if study.failures else []), "",
        ]
    )  # fmt: skip


def gains(study: Study) -> list[str]:
    """What ablated methods owe to their training and to their query."""
    lines = []
    for name, found in study.gains.items():
        arms = list(dict.fromkeys(arm for gain in found for arm in (gain.baseline, gain.method)))
        costs = [(arm, study.methods[arm]) for arm in arms]
        rows = [f"| {arm} | {of.steps:,.0f} | {of.unlabelled:,.0f} | {of.seconds.train:,.1f} | {of.peak_mb:,.0f} |" for arm, of in costs]
        head = ["| arm | optimiser steps | unlabelled inputs read | seconds of training | memory, MB |", "|---|---|---|---|---|"]
        lines += [f"## What {name} owes to its training and to its query", "", *(f"- {gain_text(gain)}" for gain in found), "", *head, *rows, ""]
    return lines


def _more(study: Study) -> list[str]:
    """What was bought, and what training on it takes."""
    bought = [*grid(BOUGHT, bought_rows(study)), "", f"The rarest class is {study.bought[0].rarest}.", ""] if study.bought else []
    training = [*grid(TRAINED, trained_rows(study)), ""] if study.trained else []
    costs = (
        [*grid(COSTS, cost_rows(study)), "", "Seconds are assumed, not measured; differences are in points over what both runs of a seed spent.", ""]
        if study.over_cost
        else []
    )
    parts = {"What was bought": bought, "At equal cost": costs, "Training at the accuracy of the whole pool": training}
    return [line for title, lines in parts.items() if lines for line in (f"## {title}", "", *lines)]


def _caption(study: Study) -> str:
    if len(study.methods) > READABLE:
        return "![Difference in mean accuracy over the budget from random: every seed, mean and 95 % interval](curves.svg)"
    return "![Learning curves, mean and every seed](curves.svg)"


def main(source: Path, target: Path) -> None:
    """Write the files from the runs that are there; run it again when more are."""
    spec = StudySpec.from_toml(target / "study.toml")
    records = [record for run in spec.runs() if (record := read_record(source / "runs", *run, spec.run_sha256)) is not None]
    command = f"querist run {(target / 'study.toml').as_posix()} --out {target.name}-study"
    clock = json.loads((source / "clock.json").read_text(encoding="utf-8"))
    study = conclude(spec, records, (), out=Path(f"{target.name}-study"), command=command, wall_seconds=float(clock["seconds"]))
    write(study, tidy(spec, records), target)
    (target / "report.html").unlink()  # large, and made again by `querist report`
    if len(records) > KEPT:
        (target / "curves.csv").unlink()  # megabytes; study.json has the accuracy of every seed at every budget
    else:
        runs = target / "runs"
        runs.mkdir(exist_ok=True)
        for file in (source / "runs").glob("*.json"):
            shutil.copy(file, runs / file.name)
    if all(run.rounds[-1].hash for run in records):  # runs recorded before there were snapshots have none
        snapshot.publish(snapshot.compose(spec, records, study), target)
    drawn = areas if len(study.methods) > READABLE else learning_curves
    svg = str(drawn(study)).strip()
    (target / "curves.svg").write_text(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n", encoding="utf-8")
    notes = target / "notes.md"
    remarks = "\n## Notes\n\n" + notes.read_text(encoding="utf-8") if notes.is_file() else ""
    (target / "index.md").write_text(page(study, command) + remarks, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
