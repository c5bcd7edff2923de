"""Joins the recorded studies `across-*` into one page: `python docs/gen/across.py` writes docs/results/across/index.md and ranks.csv."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

from comparison import mark, recorded

from querist.bench.across import Together
from querist.bench.results import Study
from querist.bench.spec import BASELINE
from querist.bench.together import cell_result, together

RESULTS = Path(__file__).parents[1] / "results"
TRACKS = {"mlp": "trained", "features-head": "frozen"}
NAMES = {"trained": "a small network trained from scratch", "frozen": "frozen features and a linear head"}

Studies = Mapping[str, Study]


def track(study: Study) -> str:
    """`trained` or `frozen`."""
    return TRACKS[study.spec["learner"]["recipe"]]


def ranking(studies: Studies) -> Together:
    """Ranks by mean area under the budget curve over the seeds that all methods share; 1 is best, random included."""
    return together({name: cell_result(study, name) for name, study in studies.items()})


def table(chosen: Studies) -> list[str]:
    """One line a method, by mean rank."""
    rows = {name: {row.method: row for row in study.comparisons} for name, study in chosen.items()}
    lines = [f"| method | mean rank | {' | '.join(chosen)} |", "|---|---|" + "---|" * len(chosen)]
    for rank in ranking(chosen).ranking:
        places = [f"({rank.ranks[name]:.0f})" for name in chosen]
        gaps = ["–" if rank.method == BASELINE else mark(rows[name][rank.method].difference, rows[name][rank.method].verdict) for name in chosen]
        shown = f"**{rank.method}**" if rank.method == "auto" else rank.method
        lines.append(f"| {shown} | {rank.mean_rank:.1f} | {' | '.join(f'{gap} {place}' for gap, place in zip(gaps, places, strict=True))} |")
    return lines


def verdict(found: Studies) -> list[str]:
    """What became of `auto`."""
    rows = {name: next(row for row in study.comparisons if row.method == "auto") for name, study in found.items()}
    worse = [name for name, row in rows.items() if row.verdict == "worse"]
    better = [name for name, row in rows.items() if row.verdict == "better"]
    lost = f"It is significantly worse than random on {', '.join(worse)}." if worse else "On none of them it is significantly worse than random."
    lines = [f"`auto` on {len(rows)} sets: better than random on {len(better)} ({', '.join(better) or 'none'}), Holm over all comparisons of a set. {lost}", ""]
    lines += ["| set | auto − random, points (95 %) | n | adjusted p | verdict |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        low, high, difference = (f"{100 * (value or 0.0):+.2f}".replace("-", "−") for value in (row.low, row.high, row.difference))
        lines.append(f"| [{name}](../across-{name}/index.md) | {difference} ({low} to {high}) | {row.n} | {row.p:.3g} | {row.verdict} |")
    return lines


def main() -> int:
    """Write the page."""
    found = recorded()
    if not found:
        sys.stderr.write("no study across-* is recorded yet\n")
        return 1
    out = RESULTS / "across"
    out.mkdir(exist_ok=True)
    page = ["# One protocol, several sets", "", *verdict(found), ""]
    for name, what in NAMES.items():
        chosen = {key: study for key, study in found.items() if track(study) == name}
        if chosen:
            seeds = min(len(study.methods["auto"].seeds) for study in chosen.values())
            page += [f"## {name.capitalize()}: {what}", ""]
            page += [f"Difference from random in points of mean accuracy over the budget (and rank, 1 is best), {seeds} seeds or more;"]
            page += ["bold: better than random, struck out: worse (paired t, Holm over the comparisons of the set). Mean rank over the sets of this track.", ""]
            page += [*table(chosen), ""]
    whole = ranking(found)
    shown = [f"{place}. {rank.method} {rank.mean_rank:.1f}" for place, rank in enumerate(whole.ranking, start=1)]
    page += ["## Both tracks", "", f"Mean ranks over all {len(found)} sets: {', '.join(shown)}.", ""]
    notes = out / "notes.md"
    page += ["## Notes", "", notes.read_text(encoding="utf-8").strip(), ""] if notes.is_file() else []
    (out / "index.md").write_text("\n".join(page), encoding="utf-8")
    with (out / "ranks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["dataset", "track", "method", "rank"])
        places = {rank.method: rank.ranks for rank in whole.ranking}
        writer.writerows([name, track(study), method, places[method][name]] for name, study in found.items() for method in study.methods if method in places)
    return 0


if __name__ == "__main__":
    sys.exit(main())
