"""The platform checks itself: what published platforms got wrong, looked for in the records of every study and bench.

Of one study: seeds join by id, the test set is read once a round and after training, every method spends the same labels and
steps. Of a bench: random does not depend on the query size, methods do not depend on the order of the pool, no default is
newer than the final study that it is judged by. What violates a check is void: it is printed and in no claim.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from querist.bench.analysis import compare, method_results
from querist.bench.equivalence import equivalence, paired
from querist.bench.measures import aubc
from querist.bench.results import Check, Void
from querist.bench.runs import RunRecord
from querist.bench.spec import BASELINE, StudySpec
from querist.bench.statistics import MARGIN
from querist.core import catalogue
from querist.core.errors import QueristError
from querist.core.spec import digest

SEEDS: Final = "seeds join by id"
TEST_SET: Final = "the test set is read once a round"
SPENT: Final = "equal labels and steps"
QUERY_SIZES: Final = "random does not depend on the query size"
POOL_ORDER: Final = "methods do not depend on the order of the pool"
DEFAULTS: Final = "defaults are older than the final study"


@dataclass(frozen=True, slots=True)
class Found:
    """Outcome of some checks.

    Attributes:
        checks: One a check.
        void: What violates them.
    """

    checks: tuple[Check, ...]
    void: tuple[Void, ...] = ()


def of_runs(spec: StudySpec, runs: Sequence[RunRecord]) -> Found:
    """The checks of one study.

    Args:
        spec: The study.
        runs: Its finished runs.
    """
    return all_of([_seeds(spec, runs), _test_set(runs), _spent(spec, runs)])


def is_void(void: Iterable[Void], method: str, seed: int, cell: str | None = None) -> bool:
    """Whether a run is among what is void."""
    return any(mark.method in (None, method) and mark.seed in (None, seed) and (cell is None or mark.cell in (None, cell)) for mark in void)


def _seeds(spec: StudySpec, runs: Sequence[RunRecord]) -> Found:
    """One run a seed, the same initial set for all methods of a seed, and comparisons that do not know the order of the runs."""
    twice = sorted(run for run, count in Counter((run.method, run.seed) for run in runs).items() if count > 1)
    void = [Void(check=SEEDS, reason="two runs of one seed", method=method, seed=seed) for method, seed in twice]
    initial = {(run.method, run.seed): frozenset(ids) for run in runs if run.rounds and (ids := getattr(run.rounds[0], "ids", ()))}
    for (method, seed), items in initial.items():
        if items != initial.get((BASELINE, seed), items):
            void.append(Void(check=SEEDS, reason=f"another initial set than that of {BASELINE}", method=method, seed=seed))
    if not twice and compare(method_results(spec, runs), spec.margin) != compare(method_results(spec, runs[::-1]), spec.margin):
        void.append(Void(check=SEEDS, reason="comparisons depend on the order of the runs"))
    known = f"{len(initial)} of {len(runs)} runs name their initial set" if initial else "no run names its initial set"
    return _verdict(SEEDS, void, known)


def _test_set(runs: Sequence[RunRecord]) -> Found:
    """Every round that says how often it read the test items says: never before training ended, once after."""
    void, told = [], 0
    for run in runs:
        for number, row in enumerate(run.rounds, start=1):
            reads = tuple(getattr(row, "test_reads", ()) or ())
            told += bool(reads)
            if reads and reads != (0, 1):
                reason = f"round {number} read the test set {reads[0]} times before training ended and {reads[1]} times after"
                void.append(Void(check=TEST_SET, reason=reason, method=run.method, seed=run.seed))
                break
    return _verdict(TEST_SET, void, f"{told:,} rounds say how often") if told else _not_checked(TEST_SET, "no record says how often the test set was read")


def _spent(spec: StudySpec, runs: Sequence[RunRecord]) -> Found:
    """Labels are those of the budgets; every network of a round takes as many steps as all others that are trained in the same way."""
    void, more, told = [], set(), 0
    ways = {method: _training(spec, method) for method in spec.methods}
    wanted: dict[tuple[str, int], int] = {}
    for run in sorted(runs, key=lambda run: run.method != BASELINE):
        for row in run.rounds:
            if taken := _steps(row):
                wanted.setdefault((ways[run.method], row.labels), taken[0])
    for run in runs:
        if [row.labels for row in run.rounds] != list(spec.budgets):
            void.append(Void(check=SPENT, reason="other numbers of labels than the budgets", method=run.method, seed=run.seed))
            continue
        steps = {row.labels: _steps(row) for row in run.rounds}
        told += sum(map(bool, steps.values()))
        expected = {labels: wanted.get((ways[run.method], labels)) for labels in steps}
        wrong = [labels for labels, taken in steps.items() if _other(taken, expected[labels])]
        other = f"{steps[wrong[0]][0]} steps at {wrong[0]} labels, not {expected[wrong[0]]}" if wrong else None
        if other is not None:
            void.append(Void(check=SPENT, reason=other, method=run.method, seed=run.seed))
        more |= {run.method} if any(len(taken) > 1 for taken in steps.values()) else set()
    if not told and not void:
        return _not_checked(SPENT, "labels are equal; no record says how many steps were taken")
    several = f"; several networks: {', '.join(sorted(more))}" if more else ""
    apart = sorted(method for method, way in ways.items() if way != ways[BASELINE])
    several += f"; trained in a way of their own: {', '.join(apart)}" if apart else ""
    return _verdict(SPENT, void, f"{told:,} rounds say their steps{several}")


def _training(spec: StudySpec, method: str) -> str:
    """What decides how a method's networks are trained."""
    options = spec.learner_options(method)
    try:
        own = catalogue.scheme_name(spec.strategy(method))
    except QueristError:  # a method of another catalogue
        own = None
    return digest({**options, "scheme": options.get("scheme") or own})


def _steps(row: Any) -> tuple[int, ...]:
    return tuple(getattr(row, "steps", ()) or ())


def _other(taken: tuple[int, ...], wanted: int | None) -> bool:
    return bool(taken) and wanted is not None and set(taken) != {wanted}


# ==== of a bench ====


@dataclass(frozen=True, slots=True)
class Random:
    """The baseline of one cell.

    Attributes:
        cell: Its name.
        spec: Its study.
        curves: Seed → one value per budget.
    """

    cell: str
    spec: StudySpec
    curves: Mapping[int, Sequence[float]]


def query_sizes(cells: Sequence[Random]) -> Found:
    """Random with a small and with a large batch reaches the same area under the same points of its curve, within half a point.

    Areas are read at the budgets that both cells measured: with fewer points, a curve that bends has a smaller area. Sameness is
    shown by two one-sided tests; a check is violated where the interval lies outside the margin, and not shown between the two.
    """
    checks, void = [], []
    for ours in _that_differ_in_batch(cells):
        first, *others = sorted(ours, key=lambda cell: cell.spec.batch)
        for other in others:
            check = _same(first, other)
            checks.append(check)
            void += [Void(check=QUERY_SIZES, reason=check.detail, cell=cell.cell) for cell in (first, other) if check.verdict == "violated"]
    return Found(tuple(checks or [Check(name=QUERY_SIZES, verdict="not checked", detail="no two cells differ in their query size alone")]), tuple(void))


def _that_differ_in_batch(cells: Sequence[Random]) -> list[list[Random]]:
    def rest(cell: Random) -> str:
        plain = cell.spec.model_dump(mode="json", exclude={"batch", "name", "workers", "methods", "seeds", "baseline_factor", "fractions", "saturation"})
        return json.dumps(plain, sort_keys=True)

    groups = (list(group) for _, group in groupby(sorted(cells, key=rest), key=rest))
    return [group for group in groups if len({cell.spec.batch for cell in group}) > 1]


def _same(one: Random, other: Random) -> Check:
    shared = sorted(set(one.spec.budgets) & set(other.spec.budgets))
    areas = [
        {seed: float(aubc(shared, [curve[cell.spec.budgets.index(labels)] for labels in shared])) for seed, curve in cell.curves.items()}
        for cell in (one, other)
    ]
    pair = f"{one.cell} and {other.cell}"
    if len(set(areas[0]) & set(areas[1])) < 2:
        return Check(name=QUERY_SIZES, verdict="not shown", detail=f"{pair}: fewer than two seeds in both")
    found = equivalence(paired(*areas), MARGIN)
    ends = f"{100 * found.low:+.2f} to {100 * found.high:+.2f}".replace("-", "−")
    said = f"{pair}: {100 * found.difference:+.2f} points".replace("-", "−") + f", 90 % interval {ends}, {found.n} seeds"
    outside = found.low > MARGIN or found.high < -MARGIN
    return Check(name=QUERY_SIZES, verdict="holds" if found.shown else "violated" if outside else "not shown", detail=said)


def defaults(opened: Sequence[Mapping[str, Any]], table: Path | None = None) -> Found:
    """No row of the catalogue is newer than the first opening of the final test set.

    Args:
        opened: Lines of `final.log`, oldest first; none of them for a study of the development split.
        table: The catalogue's file; the installed one by default.
    """
    if not opened:
        return Found(())
    table = table or Path(__file__).parents[1] / "acquire" / "methods.toml"
    try:
        changed = datetime.fromisoformat(_git(table, "log", "-1", "--format=%cI", "--", table.name))
        dirty = bool(_git(table, "status", "--porcelain", "--", table.name))
    except (OSError, ValueError, subprocess.SubprocessError):
        return _not_checked(DEFAULTS, "the catalogue is not under version control here")
    first = datetime.fromisoformat(str(opened[0]["date"]))
    said = f"the catalogue last changed {changed.astimezone(UTC):%Y-%m-%d %H:%M}, the test set was first opened {first.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if dirty:
        return _verdict(DEFAULTS, [Void(check=DEFAULTS, reason="the catalogue has changes that no commit holds")], "")
    return _verdict(DEFAULTS, [Void(check=DEFAULTS, reason=said)] if changed > first else [], said)


def _git(table: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=table.parent, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def _verdict(name: str, void: Sequence[Void], detail: str) -> Found:
    said = f"{len(void)} violations, the first: {void[0].reason}" if void else detail
    return Found((Check(name=name, verdict="violated" if void else "holds", detail=said),), tuple(void))


def _not_checked(name: str, why: str) -> Found:
    return Found((Check(name=name, verdict="not checked", detail=why),))


def all_of(found: Iterable[Found]) -> Found:
    """The outcomes of several checks as one."""
    listed = list(found)
    return Found(tuple(check for part in listed for check in part.checks), tuple(mark for part in listed for mark in part.void))
