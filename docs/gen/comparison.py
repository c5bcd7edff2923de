"""All methods under one protocol, on the sets recorded in docs/results/across-*: `python docs/gen/comparison.py` writes docs/results/comparison.md.

A row of the catalogue that is added to the studies and run appears here when the command is run again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from querist.bench import bench_page
from querist.bench.across import Bench
from querist.bench.hierarchy import AcrossSets, Pair, savings_across
from querist.bench.measures import Target
from querist.bench.results import Study
from querist.bench.spec import BASELINE
from querist.bench.statistics import shared_seeds
from querist.bench.together import cell_result, together
from querist.core import catalogue
from querist.data.datasets import base_name, entries

RESULTS = Path(__file__).parents[1] / "results"
PAGE = RESULTS / "comparison.md"
FRACTIONS = (0.5, 0.75)
"""Label savings at random's own accuracy after these shares of the budget. At its end no method could be seen to need more labels than random."""
_RESAMPLES = 23
ALIKE = "the same recipe, candidates, initial labels and seeds for every method"
COMMITTED = "The queue was committed before the runs; everything is measured on development splits."
READING = """\
Ranks by mean accuracy over the budget, over the seeds that all methods share; 1 is best. Differences and label ratios weigh every set the same; their
95 % intervals are hierarchical bootstraps (sets, then seeds within them; studentised), so they speak of further sets of the kind. Counts are verdicts of
sets (paired t, Holm over the comparisons of a set). Labels: those that the method needs for random’s own accuracy after half and three quarters of the
budget, relative to random’s; below 1 saves. Where a method does not get there on some set its whole budget is counted: the ratio is then a lower bound,
and said to be more."""
_COMMAND = "python docs/gen/comparison.py"


def recorded(folder: Path = RESULTS) -> dict[str, Study]:
    """Data set → study, in the order of their folders."""
    found = [Study.open(file) for file in sorted(folder.glob("across-*/study.json"))]
    return {study.dataset: study for study in found}


def bench_of(studies: Mapping[str, Study]) -> Bench:
    """The studies as the cells of one bench."""
    cells = {name: cell_result(study, name) for name, study in studies.items()}
    return Bench(bench="comparison", spec_sha256="", final=False, opened=[], cells=cells, together=together(cells), checks=[], void=[], environment={})


def saving(studies: Mapping[str, Study], method: str, fraction: float) -> AcrossSets:
    """Labels of random over labels of the method at random's accuracy after a share of the budget, over data sets; logarithms."""
    pairs = {}
    for name, study in studies.items():
        ours, theirs = (dict(zip(study.methods[key].seeds, study.methods[key].curve, strict=True)) for key in (method, BASELINE))
        seeds = shared_seeds(ours, theirs)
        pairs[name] = Pair(study.budgets, *(np.array([curves[seed] for seed in seeds]) for curves in (ours, theirs)))
    return savings_across(pairs, Target(fraction=fraction), np.random.Generator(np.random.PCG64(_RESAMPLES)))


def needed(found: AcrossSets, never: int) -> str:
    """Labels relative to random's, as everywhere: below 1 saves.

    Args:
        found: What `saving` found.
        never: Sets in which the method does not get there: the ratio and its upper end are then open.
    """
    ratio = f"{'> ' if never else ''}{np.exp(-found.difference):.2f} ×"
    if found.low is None or found.high is None:
        return ratio
    return f"{ratio} ({np.exp(-found.high):.2f} to {'more' if never else f'{np.exp(-found.low):.2f}'})"


def censored(studies: Mapping[str, Study], method: str, fraction: float) -> int:
    """Sets in which the method never reaches random's accuracy after this share of the budget."""
    rows = (row for study in studies.values() for row in study.label_saving if row.method == method and row.fraction == fraction)
    return sum(row.censored == "method" for row in rows)


def main_table(bench: Bench, studies: Mapping[str, Study]) -> list[str]:
    """One line a ranked method, best mean rank first."""
    heads = [*bench_page.HEADS, "labels ÷ random’s at half the budget (95 %)", "at three quarters (95 %)"]
    lines = []
    for line in bench_page.rows(bench):
        method = line[0]
        if method == BASELINE:
            lines.append([*line, *["1"] * len(FRACTIONS)])
            continue
        lines.append([*line, *(needed(saving(studies, method, fraction), censored(studies, method, fraction)) for fraction in FRACTIONS)])
    return bench_page.grid(heads, lines)


def set_table(studies: Mapping[str, Study], order: Sequence[str]) -> list[str]:
    """Differences from random on every set, in points; bold is better, struck out worse."""
    lines = []
    for method in order:
        rows = [next(row for row in study.comparisons if row.method == method) for study in studies.values()]
        lines.append([method, *(mark(row.difference, row.verdict) for row in rows)])
    return bench_page.grid(["method", *studies], lines)


def mark(difference: float, verdict: str) -> str:
    """A difference in points, bold where the verdict is `better`, struck out where it is `worse`."""
    text = f"{100 * difference:+.1f}".replace("-", "−")
    return f"**{text}**" if verdict == "better" else f"~~{text}~~" if verdict == "worse" else text


def protocol(studies: Mapping[str, Study]) -> list[str]:
    """What was run on each set."""
    known = entries()
    lines = []
    for name, study in studies.items():
        spec, learner = study.spec, study.spec.get("learner", {})
        recipe = spec.get("recipe") or learner.get("recipe") or "default"
        encoder = f", encoder {learner['encoder']}" if learner.get("encoder") else ""
        sizes = f"{study.budgets[0]} to {study.budgets[-1]} by {spec['batch']}"
        seeds = min(len(found.seeds) for found in study.methods.values())
        lines.append([f"[{name}](across-{name}/index.md)", known[base_name(name)].input, f"{recipe}{encoder}", sizes, f"{len(study.methods)}", f"{seeds}"])
    return bench_page.grid(("set", "an item is", "recipe", "labels", "methods", "seeds"), lines)


def separated(bench: Bench) -> list[str]:
    """What the tests of ranks say of all methods at once."""
    ranks = {row.method: row.mean_rank for row in bench.together.ranking}
    best = min(ranks, key=lambda name: (ranks[name], name))
    lines = []
    for group in bench.together.groups:
        alike = {name for clique in group.cliques if best in clique for name in clique}
        apart = [name for name in ranks if name not in alike and name != best]
        known = "" if group.p is None else f" (Friedman’s test, Iman–Davenport: p = {group.p:.2g})"
        cd = "" if group.cd is None else f", critical difference {group.cd:.1f} ranks"
        told = f"{len(apart)} of {len(ranks) - 1} methods are told apart from the best, {best}" + (f": {', '.join(apart)}" if apart else "")
        lines.append(f"- {group.test} over {group.n} sets{known}{cd}: {told}.")
    return lines


def page(studies: Mapping[str, Study]) -> str:
    """The page."""
    bench = bench_of(studies)
    found = bench.together
    ranked = [row.method for row in found.ranking]
    missing = [str(row["name"]) for row in catalogue.rows("strategy") if row["name"] not in {name for study in studies.values() for name in study.methods}]
    what = f"{len(ranked) - 1} strategies beside random on {len(studies)} data sets, each set with {ALIKE}."
    out = [
        "# All methods under one protocol",
        "",
        f"<!-- written by {_COMMAND}: do not edit -->",
        "",
        f"{what} {COMMITTED}",
        "",
        bench_page.sentence(bench),
        "",
    ]
    out += [*protocol(studies), "", f"Regenerated by `{_COMMAND}` from the recorded studies; a set or method that is added and run appears.", ""]
    out += ["## Over data sets", "", READING, "", *main_table(bench, studies), "", *separated(bench), ""]
    out += [f"Not ranked: {method} ({why})." for method, why in found.left_out.items()]
    out += ["", f"Strategies that are not under this protocol yet: {', '.join(missing)}.", ""] if missing else [""]
    out += ["## On each set", "", "Difference from random in points of mean accuracy over the budget; bold: better, struck out: worse.", ""]
    out += [*set_table(studies, [name for name in ranked if name != BASELINE]), ""]
    return "\n".join(out).replace("\n\n\n", "\n\n").rstrip() + "\n"


def main() -> int:
    """Write the page; with `--check` only say whether it is fresh."""
    studies = recorded()
    if len(studies) < 2:
        sys.stderr.write("fewer than two studies across-* are recorded\n")
        return 1
    text = page(studies)
    if "--check" in sys.argv:
        return int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
