"""Two snapshots side by side: settings, machines, the first round of every run in which they part, and what is claimed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from querist.bench.chain import LINKED, scores_sha256
from querist.bench.environment import ABSENT, differing
from querist.bench.snapshot import content_sha256

Plain = Mapping[str, Any]

_CLAIMS: Final = (("comparisons", ("difference", "low", "high", "p", "verdict")), ("label_saving", ("at", "ratio", "low", "high", "censored")))


def difference(a: Plain, b: Plain) -> dict[str, Any]:
    """Where two snapshots differ.

    Args:
        a: A snapshot as `snapshot.read` gives it.
        b: Another one.

    Returns:
        `ok` (what equal studies share is equal), `level`, `first_divergence`, and `spec`, `data`, `environment`, `parts` (key, a, b),
        `runs` (the first divergent round of every run), `only_a`, `only_b` (method, seed), `results` (method, measure, a, b).
    """
    ours, theirs = _runs(a), _runs(b)
    runs = [found for name, run in ours.items() if name in theirs and (found := _first(run, theirs[name])) is not None]
    return {
        "ok": content_sha256(a) == content_sha256(b),
        "level": "diff",
        "first_divergence": runs[0] if runs else None,
        "spec": _keys(a["spec"], b["spec"]),
        "data": _keys(*({key: value for key, value in plain["data"].items() if key != "initial"} for plain in (a, b))),
        "code": _keys(a["code"], b["code"]),
        "environment": _environments(a, b),
        "parts": list(_parts(a, b)),
        "runs": runs,
        "only_a": [_name(name) for name in ours if name not in theirs],
        "only_b": [_name(name) for name in theirs if name not in ours],
        "results": [*_areas(a, b), *_claims(a, b)],
    }


def _runs(plain: Plain) -> dict[tuple[str, int], Plain]:
    return {(run["method"], run["seed"]): run for run in plain["runs"]}


def _name(name: tuple[str, int]) -> dict[str, Any]:
    return {"method": name[0], "seed": name[1]}


def _first(a: Plain, b: Plain) -> dict[str, Any] | None:
    for place, (one, other) in enumerate(zip(a["rounds"], b["rounds"], strict=False), start=1):
        for what in LINKED:
            left, right = (scores_sha256(row) if what == "scores_sha256" else row.get(what) for row in (one, other))
            if left != right:
                return {"method": a["method"], "seed": a["seed"], "round": place, "what": what.removesuffix("_sha256") if what == "scores_sha256" else what}
    if len(a["rounds"]) != len(b["rounds"]):
        return {"method": a["method"], "seed": a["seed"], "round": min(len(a["rounds"]), len(b["rounds"])) + 1, "what": "rounds"}
    return None


def _keys(a: Plain, b: Plain) -> list[dict[str, Any]]:
    return [{"key": key, "a": left, "b": right} for key, (left, right) in differing(a, b).items()]


def _environments(a: Plain, b: Plain) -> list[dict[str, Any]]:
    """Compared one by one where each snapshot was made in one environment, which is the rule."""
    if len(a["environments"]) == len(b["environments"]) == 1:
        return _keys(*(next(iter(plain["environments"].values())) for plain in (a, b)))
    ours, theirs = (sorted(plain["environments"]) for plain in (a, b))
    return [] if ours == theirs else [{"key": "environments", "a": ours, "b": theirs}]


def _parts(a: Plain, b: Plain) -> Iterator[dict[str, Any]]:
    """Resolved learners and acquisitions, by method."""
    ours, theirs = ({run["method"]: plain["parts"][run["parts"]] for run in plain["runs"]} for plain in (a, b))
    for method, parts in ours.items():
        if method in theirs:
            yield from ({"method": method, **row} for row in _keys(parts, theirs[method]))


def _areas(a: Plain, b: Plain) -> Iterator[dict[str, Any]]:
    ours, theirs = a["results"]["aubc"], b["results"]["aubc"]
    for method in [*ours, *(name for name in theirs if name not in ours)]:
        left, right = ours.get(method, {}), theirs.get(method, {})
        for seed in sorted({*left, *right}, key=int):
            if left.get(seed) != right.get(seed):
                yield {"method": method, "seed": int(seed), "measure": "aubc", "a": left.get(seed), "b": right.get(seed)}


def _claims(a: Plain, b: Plain) -> Iterator[dict[str, Any]]:
    for table, values in _CLAIMS:
        ours, theirs = ({(row["method"], row.get("fraction"), place): row for place, row in enumerate(plain["results"][table])} for plain in (a, b))
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            left, right = ours.get(key, {}), theirs.get(key, {})
            for value in values:
                if left.get(value, ABSENT) != right.get(value, ABSENT):
                    yield {"method": key[0], "measure": f"{table}.{value}", "a": left.get(value), "b": right.get(value)}
