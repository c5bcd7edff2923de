"""Joins the recorded studies `across-*` into one page: `python docs/gen/across.py` writes docs/results/across/index.md and ranks.csv."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

RESULTS = Path(__file__).parents[1] / "results"
TRACKS = {"mlp": "trained", "features-head": "frozen"}
NAMES = {"trained": "a small network trained from scratch", "frozen": "frozen features and a linear head"}


def studies() -> dict[str, dict[str, Any]]:
    """Data set → study, those that are recorded."""
    found = (json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("across-*/study.json")))
    return {study["dataset"]: study for study in found}


def track(study: dict[str, Any]) -> str:
    """`trained` or `frozen`."""
    return TRACKS[study["spec"]["learner"]["recipe"]]


def ranks(study: dict[str, Any]) -> dict[str, float]:
    """Method → rank by mean area under the budget curve over the seeds that all have; 1 is best, random included."""
    methods = study["methods"]
    shared = sorted(set.intersection(*(set(one["seeds"]) for one in methods.values())))
    areas = {name: float(np.mean([one["aubc"][one["seeds"].index(seed)] for seed in shared])) for name, one in methods.items()}
    return dict(zip(areas, rankdata([-area for area in areas.values()]).tolist(), strict=True))


def mark(row: dict[str, Any]) -> str:
    """The difference from random in points, bold where the verdict is `better`, struck out where it is `worse`."""
    text = f"{100 * row['difference']:+.1f}".replace("-", "−")
    return f"**{text}**" if row["verdict"] == "better" else f"~~{text}~~" if row["verdict"] == "worse" else text


def table(chosen: dict[str, dict[str, Any]]) -> list[str]:
    """One line a method, by mean rank."""
    placed = {name: ranks(study) for name, study in chosen.items()}
    rows = {name: {row["method"]: row for row in study["comparisons"]} for name, study in chosen.items()}
    mean = {method: float(np.mean([placed[name][method] for name in chosen])) for method in next(iter(placed.values()))}
    lines = [f"| method | mean rank | {' | '.join(chosen)} |", "|---|---|" + "---|" * len(chosen)]
    for method in sorted(mean, key=lambda one: mean[one]):
        cells = [f"{mark(rows[name][method])} ({placed[name][method]:.0f})" if method != "random" else f"– ({placed[name][method]:.0f})" for name in chosen]
        shown = f"**{method}**" if method == "auto" else method
        lines.append(f"| {shown} | {mean[method]:.1f} | {' | '.join(cells)} |")
    return lines


def overall(found: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Method → mean rank over all sets."""
    placed = [ranks(study) for study in found.values()]
    return {method: float(np.mean([one[method] for one in placed])) for method in placed[0]}


def verdict(found: dict[str, dict[str, Any]]) -> list[str]:
    """What became of `auto`."""
    rows = {name: next(row for row in study["comparisons"] if row["method"] == "auto") for name, study in found.items()}
    worse = [name for name, row in rows.items() if row["verdict"] == "worse"]
    better = [name for name, row in rows.items() if row["verdict"] == "better"]
    lost = f"It is significantly worse than random on {', '.join(worse)}." if worse else "On none of them it is significantly worse than random."
    lines = [f"`auto` on {len(rows)} sets: better than random on {len(better)} ({', '.join(better) or 'none'}), Holm over all comparisons of a set. {lost}", ""]
    lines += ["| set | auto − random, points (95 %) | n | adjusted p | verdict |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        low, high, difference = (f"{100 * row[key]:+.2f}".replace("-", "−") for key in ("low", "high", "difference"))
        lines.append(f"| [{name}](../across-{name}/index.md) | {difference} ({low} to {high}) | {row['n']} | {row['p']:.3g} | {row['verdict']} |")
    return lines


def main() -> int:
    """Write the page."""
    found = studies()
    if not found:
        sys.stderr.write("no study across-* is recorded yet\n")
        return 1
    out = RESULTS / "across"
    out.mkdir(exist_ok=True)
    page = ["# One protocol, several sets", "", *verdict(found), ""]
    for name, what in NAMES.items():
        chosen = {key: study for key, study in found.items() if track(study) == name}
        if chosen:
            seeds = min(len(study["methods"]["auto"]["seeds"]) for study in chosen.values())
            page += [f"## {name.capitalize()}: {what}", ""]
            page += [f"Difference from random in points of mean accuracy over the budget (and rank, 1 is best), {seeds} seeds or more;"]
            page += ["bold: better than random, struck out: worse (paired t, Holm over the comparisons of the set). Mean rank over the sets of this track.", ""]
            page += [*table(chosen), ""]
    mean = overall(found)
    shown = [f"{place}. {method} {mean[method]:.1f}" for place, method in enumerate(sorted(mean, key=lambda one: mean[one]), start=1)]
    page += ["## Both tracks", "", f"Mean ranks over all {len(found)} sets: {', '.join(shown)}.", ""]
    notes = out / "notes.md"
    page += ["## Notes", "", notes.read_text(encoding="utf-8").strip(), ""] if notes.is_file() else []
    (out / "index.md").write_text("\n".join(page), encoding="utf-8")
    with (out / "ranks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["dataset", "track", "method", "rank"])
        writer.writerows([name, track(study), method, rank] for name, study in found.items() for method, rank in ranks(study).items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
