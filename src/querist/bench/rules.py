"""The rules of a snapshot: what must be in it, and what must agree with what. Versioned; a snapshot names the version it was made under.

They need no data and train nothing. They find every slip and any change that left the digests behind; whoever changes a snapshot and
computes all digests anew is found by running it again (`verifying`).

Reference:
    Evaluation protocol §4 (items 1–10), and the compliance checks of MLPerf for the idea of versioned rule sets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from querist.bench import snapshot
from querist.bench.analysis import at_equal_labels, compare, method_results, savings
from querist.bench.chain import digest, first_break, scores_sha256
from querist.bench.spec import StudySpec, settings_sha256
from querist.core.errors import MissingExtraError, QueristError

Plain = Mapping[str, Any]

TEXT, WHOLE, TABLE, LIST = str, int, dict, list
REQUIRED: Final[Mapping[int, Mapping[str, Mapping[str, Any]]]] = {
    1: {
        "": {
            "study": TEXT, "dataset": TEXT, "split": TEXT, "command": TEXT, "code": TABLE, "spec": TABLE, "spec_sha256": TEXT, "run_sha256": TEXT,
            "budgets": LIST, "data": TABLE, "streams": TABLE, "provenance": TABLE, "methods": TABLE, "parts": TABLE, "environments": TABLE, "results": TABLE,
            "failures": LIST, "times": TABLE, "runs": LIST, "content_sha256": TEXT, "sha256": TEXT,
        },
        "code": {"version": (str, type(None)), "commit": (str, type(None)), "dirty": bool},
        "data": {"fingerprint": TEXT, "items": WHOLE, "ids_sha256": TEXT, "test": WHOLE, "test_sha256": TEXT, "schema": TABLE, "initial": TABLE},
        "streams": {"rule": TEXT, "names": LIST, "first": TABLE},
        "provenance": {"recipe": (str, type(None)), "reference": (str, type(None)), "changed": TABLE},
        "results": {"aubc": TABLE, "comparisons": LIST, "label_saving": LIST, "at_budget": LIST},
        "times": {"wall_seconds": (int, float), "compute_seconds": (int, float), "columns": LIST, "runs": LIST},
        "environments.*": {"python": TEXT, "system": TEXT, "processor": TEXT, "instructions": TEXT, "packages": TABLE, "blas": TABLE, "variables": TABLE},
        "parts.*": {"options": TABLE, "learner": (dict, type(None)), "acquisition": (dict, type(None))},
        "runs.*": {"method": TEXT, "seed": WHOLE, "environment": TEXT, "parts": TEXT, "rounds": LIST},
        "runs.*.rounds.*": {
            "round": WHOLE, "labels": WHOLE, "ids": LIST, "metrics": TABLE, "model": TEXT, "labels_sha256": TEXT, "steps": LIST, "hash": TEXT,
        },
    }
}  # fmt: skip
"""Rule set → place → key → type."""

_HEX = re.compile(r"[0-9a-f]{64}")
_CLOSE = 1e-9


class Problem(NamedTuple):
    """What does not hold, and where; `round` from 1, None for what belongs to no round, `cell` where it is one of a bench."""

    what: str
    text: str
    method: str | None = None
    seed: int | None = None
    round: int | None = None
    cell: str | None = None

    @property
    def place(self) -> dict[str, Any]:
        """As `first_divergence` gives it."""
        where = {} if self.cell is None else {"cell": self.cell}
        return {**where, "method": self.method, "seed": self.seed, "round": self.round, "what": self.what}


def check(plain: Plain, *, claims: bool = True) -> list[Problem]:
    """All problems, those of a round first; empty if the snapshot keeps the rules that it names.

    Args:
        plain: A snapshot as `snapshot.read` gives it.
        claims: Also compute anew what is claimed, which takes seconds for hundreds of runs.
    """
    version = plain.get("rules")
    if not isinstance(version, int) or version not in REQUIRED:
        return [Problem("rules", f"rule set {version!r} is unknown; this program knows {', '.join(map(str, REQUIRED))}")]
    if missing := list(_structure(plain, REQUIRED[version])):
        return missing  # the rest could only stumble over it
    try:
        spec = StudySpec.of(plain["spec"])
    except QueristError as error:
        return [Problem("spec", f"the settings are none that this program knows: {error}")]
    try:
        found = [*_runs(plain, spec), *_rounds(plain, spec.budgets), *_tables(plain), *_settings(plain, spec), *_digests(plain)]
        return sorted(found or (list(_claims(plain, spec)) if claims else []), key=lambda problem: problem.round is None)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return [Problem("structure", f"something in it is of a wrong type: {error}")]


def first(problems: list[Problem]) -> dict[str, Any] | None:
    """The place of the first problem."""
    return problems[0].place if problems else None


def _structure(plain: Plain, required: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for place, keys in required.items():
        for where, entry in _entries(plain, place.split(".") if place else []):
            if not isinstance(entry, Mapping):
                yield Problem("structure", f"{where} is no mapping")
                continue
            for key, kind in keys.items():
                if not isinstance(entry.get(key), kind) or (kind is int and isinstance(entry[key], bool)):
                    yield Problem("structure", f"{where}{key} is {'missing' if key not in entry else 'of a wrong type'}")


def _entries(plain: Any, place: list[str], where: str = "") -> Iterator[tuple[str, Any]]:
    """The entries that a place names; `*` is every element of a list or value of a mapping. What is missing is reported by its parent."""
    if not place:
        yield where, plain
        return
    head, *rest = place
    if head != "*":
        if isinstance(plain, Mapping) and head in plain:
            yield from _entries(plain[head], rest, f"{where}{head}.")
    elif isinstance(plain, Mapping | list):
        for key, value in plain.items() if isinstance(plain, Mapping) else enumerate(plain):
            yield from _entries(value, rest, f"{where}{key}.")


def _rounds(plain: Plain, budgets: Sequence[int]) -> Iterator[Problem]:
    """Exact budgets, distinct items, one score an item, whole metrics, and the chain."""
    metric = plain["spec"].get("metric", "accuracy")
    for run in plain["runs"]:
        name = (run["method"], run["seed"])
        seen: set[str] = set()
        broken = first_break(*name, plain["run_sha256"], run["rounds"])
        for place, (row, (before, labels)) in enumerate(zip(run["rounds"], pairwise((0, *budgets)), strict=False)):
            where = (*name, place + 1)
            if (row["round"], row["labels"], len(row["ids"])) != (place + 1, labels, labels - before):
                yield Problem("labels", f"{labels - before} items were due, to make {labels} labels; {len(row['ids'])} make {row['labels']} here", *where)
            if len(seen | set(row["ids"])) != len(seen) + len(row["ids"]):
                yield Problem("ids", "an item was bought twice", *where)
            seen |= set(row["ids"])
            scores = row.get("scores")
            if not _HEX.fullmatch(scores_sha256(row)) or (scores and len(scores) != len(row["ids"])):
                yield Problem("scores", "one score an item, or the digest of the scores", *where)
            if not all(_HEX.fullmatch(row[key]) for key in ("model", "labels_sha256")):
                yield Problem("model", "model and labels_sha256 are SHA-256 digests", *where)
            if metric not in row["metrics"] or not all(isinstance(value, int | float) and math.isfinite(value) for value in row["metrics"].values()):
                yield Problem("metrics", f"finite numbers, {metric} among them", *where)
            if place == broken:
                yield Problem("hash", "the hash does not follow from the round and the hash before it", *where)
        if len(run["rounds"]) != len(budgets):
            yield Problem("rounds", f"{len(budgets)} rounds were due, these are {len(run['rounds'])}", *name, len(run["rounds"]))


def _runs(plain: Plain, spec: StudySpec) -> Iterator[Problem]:
    """Every run of the study once, or among its failures; equal beginnings give equal first rounds."""
    names = [(run["method"], run["seed"]) for run in plain["runs"]]
    due, failed = spec.runs(), {(row.get("method"), row.get("seed")) for row in plain["failures"]}
    for method, seed in sorted({name for name in names if name not in due or names.count(name) > 1}):
        yield Problem("seed", "the study has no such run, or not twice", method, seed, 1)
    for method, seed in due:
        if (method, seed) not in names and (method, seed) not in failed:
            yield Problem("runs", f"the run {method} seed {seed} is neither here nor among the failures", method, seed)
    starts: dict[Any, tuple[Any, ...]] = {}
    for run in plain["runs"]:
        if not run["rounds"]:
            continue
        row, seed = run["rounds"][0], run["seed"]
        if row["ids"] != plain["data"]["initial"].get(str(seed)):
            yield Problem("ids", "not the initial set of this seed", run["method"], seed, 1)
        same = {"labels_sha256": (seed, tuple(row["ids"])), "model": (seed, tuple(row["ids"]), digest(plain["parts"].get(run["parts"], {}).get("learner")))}
        for what, key in same.items():
            if starts.setdefault((what, key), row[what]) != row[what]:
                yield Problem(what, "not what another method has after the same beginning", run["method"], seed, 1)


def _tables(plain: Plain) -> Iterator[Problem]:
    for table, column in (("parts", "parts"), ("environments", "environment")):
        for key, entry in plain[table].items():
            if not digest(entry).startswith(key) or not key:
                yield Problem(table, f"{key!r} is not the digest of its entry")
        for run in plain["runs"]:
            if run[column] not in plain[table]:
                yield Problem(column, f"{run[column]!r} is not in the table", run["method"], run["seed"])
    if [len(rows) for rows in plain["times"]["runs"]] != [len(run["rounds"]) for run in plain["runs"]]:
        yield Problem("times", "one row a round")


def _settings(plain: Plain, spec: StudySpec) -> Iterator[Problem]:
    settings = plain["spec"]
    said = {
        "budgets": (plain["budgets"], list(spec.budgets)),
        "dataset": (plain["dataset"], spec.dataset),
        "split": (plain["split"], "final" if spec.final else "development"),
        "methods": (list(plain["methods"]), list(spec.methods)),
        "spec_sha256": (plain["spec_sha256"], settings_sha256(settings)),
        # Settings that came later than the snapshot were not in its digest.
        "run_sha256": (plain["run_sha256"], digest({key: settings[key] for key in spec.run_settings() if key in settings})),
    }
    for what, (recorded, wanted) in said.items():
        if recorded != wanted:
            yield Problem(what, f"the settings make it {wanted!r}, here it is {recorded!r}")


def _digests(plain: Plain) -> Iterator[Problem]:
    if plain["content_sha256"] != snapshot.content_sha256(plain):
        yield Problem("content_sha256", "not the digest of what equal studies share")
    if plain["sha256"] != digest({key: value for key, value in plain.items() if key != "sha256"}):
        yield Problem("sha256", "not the digest of this file")


def _claims(plain: Plain, spec: StudySpec) -> Iterator[Problem]:
    """What is claimed follows from the curves."""
    try:
        methods = method_results(spec, snapshot.records(plain))
        here = {
            "aubc": {name: dict(zip(map(str, row.seeds), row.aubc, strict=True)) for name, row in methods.items()},
            "comparisons": [row.model_dump(mode="json") for row in compare(methods, spec.margin)],
            "label_saving": [row.model_dump(mode="json") for row in savings(spec, methods)],
            "at_budget": [row.model_dump(mode="json") for row in at_equal_labels(spec, methods)],
        }
    except MissingExtraError:
        return  # the statistics need packages that this machine does not have
    for what, wanted in here.items():
        if not _agree(plain["results"][what], wanted):
            yield Problem(f"results.{what}", "does not follow from the curves")


def _agree(recorded: Any, here: Any) -> bool:
    """Equal, floats but for rounding; keys that came later than the snapshot do not count."""
    if isinstance(recorded, Mapping) and isinstance(here, Mapping):
        return all(key in here and _agree(value, here[key]) for key, value in recorded.items())
    if isinstance(recorded, list) and isinstance(here, list):
        return len(recorded) == len(here) and all(map(_agree, recorded, here))
    if isinstance(recorded, float) and isinstance(here, int | float):
        return math.isclose(recorded, here, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return bool(recorded == here)
