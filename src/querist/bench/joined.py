"""The snapshot of a bench: those of its cells in one file, chained in their order, so that one file is enough to repeat all of it.

Cells stand under `cells`, their runs, each with the name of its cell, under `runs`. Taken apart again, every cell is a snapshot of a
study with its own digests and chains, and is checked, replayed and verified as one. The chain over the cells says which of them were
made together: h_i = H(h_{i−1} ‖ name_i ‖ content_i), begun with the bench's settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from querist.bench import differences, rules, snapshot
from querist.bench.across import Bench
from querist.bench.chain import digest
from querist.bench.results import Study
from querist.bench.rules import Problem
from querist.bench.runs import write_atomically
from querist.bench.spec import settings_sha256
from querist.core.errors import UsageError

FORMAT: Final = "querist-bench-snapshot"
SCHEMA: Final = 1
KEYS: Final[Mapping[str, type]] = {
    "bench": str, "spec_sha256": str, "final": bool, "cells": dict, "chain": dict, "runs": list, "content_sha256": str, "sha256": str,
}  # fmt: skip

Plain = Mapping[str, Any]


def write(record: Bench, studies: Mapping[str, Study], out: Path) -> str:
    """Write `snapshot.json` into the folder of a bench.

    Args:
        record: The bench.
        studies: Cell → study, with the path of its snapshot.
        out: Its folder.

    Returns:
        The file; an empty text where a cell has none.
    """
    file = out / snapshot.FILE
    if not studies or not all(study.snapshot for study in studies.values()):
        file.unlink(missing_ok=True)
        return ""
    plain = join(record.bench, record.spec_sha256, {name: snapshot.read(Path(study.snapshot)) for name, study in studies.items()}, final=record.final)
    write_atomically(file, snapshot.text(plain))
    return str(file)


def join(bench: str, spec_sha256: str, parts: Mapping[str, Plain], *, final: bool = False) -> dict[str, Any]:
    """The snapshot of a bench from those of its cells, sealed.

    Args:
        bench: Its name.
        spec_sha256: Digest of its settings; see `plan.BenchSpec.sha256`.
        parts: Cell → snapshot of its study, in the order of the bench.
        final: Whether it was measured on final test sets.
    """
    return sealed(
        {
            "format": FORMAT,
            "schema": SCHEMA,
            "bench": bench,
            "spec_sha256": spec_sha256,
            "final": final,
            "cells": {name: {key: value for key, value in part.items() if key != "runs"} for name, part in parts.items()},
            "runs": [{"cell": name, **run} for name, part in parts.items() for run in part["runs"]],
        }
    )


def sealed(plain: Plain) -> dict[str, Any]:
    """The snapshot of a bench with its chain and its two digests computed from what its cells say of themselves."""
    whole = {key: value for key, value in plain.items() if key not in ("chain", "content_sha256", "sha256")}
    whole["chain"] = dict(_links(plain))
    whole["content_sha256"] = content_sha256(whole)
    return whole | {"sha256": digest(whole)}


def content_sha256(plain: Plain) -> str:
    """Digest of what equal benches share: their settings and the contents of their cells."""
    return digest(
        {"spec_sha256": plain["spec_sha256"], "final": plain["final"], "cells": {name: cell["content_sha256"] for name, cell in plain["cells"].items()}}
    )


def _links(plain: Plain) -> Iterator[tuple[str, str]]:
    before = digest({"bench": plain["bench"], "spec_sha256": plain["spec_sha256"], "final": plain["final"]})
    for name, cell in plain["cells"].items():
        before = digest([before, name, cell["content_sha256"]])
        yield name, before


def publish(plain: Plain, folder: Path) -> Path:
    """As `snapshot.publish`, for a study or a bench."""
    return snapshot.publish(plain, folder, without_scores if _joined(plain) else None)


def without_scores(plain: Plain) -> dict[str, Any]:
    """The snapshot of a bench with digests in the place of all scores; its chain stays as it is."""
    parts = {name: snapshot.sealed(snapshot.without_scores(part)) for name, part in cells(plain).items()}
    return join(plain["bench"], plain["spec_sha256"], parts, final=plain["final"])


def read(path: Path) -> dict[str, Any]:
    """The snapshot of a study or of a bench; see `snapshot.read`."""
    return snapshot.read(path, {snapshot.FORMAT: snapshot.SCHEMA, FORMAT: SCHEMA})


def cells(plain: Plain) -> dict[str, dict[str, Any]]:
    """Cell → the snapshot of its study; a study's own under an empty name."""
    if not _joined(plain):
        return {"": dict(plain)}
    found: dict[str, dict[str, Any]] = {name: {**cell, "runs": []} for name, cell in plain["cells"].items()}
    for run in plain["runs"]:
        found[run["cell"]]["runs"].append({key: value for key, value in run.items() if key != "cell"})
    return found


def named(plain: Plain) -> str:
    """What the snapshot is of, for people."""
    return str(plain.get("bench") or plain.get("study"))


def check(plain: Plain, *, claims: bool = True) -> list[Problem]:
    """All problems of a study or a bench: those of the first cell that has any come first, in it those of a round.

    Args:
        plain: As `read` gives it.
        claims: Also compute anew what is claimed.
    """
    if not _joined(plain):
        return rules.check(plain, claims=claims)
    wrong = [key for key, kind in KEYS.items() if not isinstance(plain.get(key), kind)]
    if wrong:
        return [Problem("structure", f"{key} is {'missing' if key not in plain else 'of a wrong type'}") for key in wrong]
    if flat := next((name for name, cell in plain["cells"].items() if not isinstance(cell, Mapping)), None):
        return [Problem("structure", "the cell is no mapping", cell=flat)]
    strays = [run.get("cell") if isinstance(run, Mapping) else run for run in plain["runs"]]
    if unknown := next((name for name in strays if not isinstance(name, str) or name not in plain["cells"]), None):
        return [Problem("runs", f"a run is of the cell {unknown!r}, which is not here")]
    if [name for name, _ in groupby(strays)] != [name for name in plain["cells"] if name in strays]:
        return [Problem("runs", "the runs do not stand in the order of the cells")]
    found = [problem._replace(cell=name) for name, part in cells(plain).items() for problem in _cell(part, claims=claims)]
    return found or list(_across(plain))


def _cell(part: Plain, *, claims: bool) -> list[Problem]:
    if part.get("format") != snapshot.FORMAT or part.get("schema") != snapshot.SCHEMA:
        return [Problem("format", "not the snapshot of a study")]
    return rules.check(part, claims=claims)


def _across(plain: Plain) -> Iterator[Problem]:
    """What the cells have to be together."""
    for name, link in _links(plain):
        if plain["chain"].get(name) != link:
            yield Problem("chain", "the cell does not follow in the chain of the bench", cell=name)
            return
    if list(plain["chain"]) != list(plain["cells"]):
        yield Problem("chain", "the chain has other cells than the bench")
    if plain["spec_sha256"] != digest({name: settings_sha256({**cell["spec"], "final": False}) for name, cell in plain["cells"].items()}):
        yield Problem("spec_sha256", "not the digest of the settings of these cells")
    if any(bool(cell["spec"].get("final")) != plain["final"] for cell in plain["cells"].values()):
        yield Problem("final", "cells were measured on other test items than the bench says")
    if plain["content_sha256"] != content_sha256(plain):
        yield Problem("content_sha256", "not the digest of what equal benches share")
    if plain["sha256"] != digest({key: value for key, value in plain.items() if key != "sha256"}):
        yield Problem("sha256", "not the digest of this file")


def difference(a: Plain, b: Plain) -> dict[str, Any]:
    """Where two snapshots differ, cell by cell; rows name their cell, and `cells_a`, `cells_b` those that only one bench has.

    Raises:
        UsageError: for a study and a bench.
    """
    ours, theirs = cells(a), cells(b)
    if _joined(a) != _joined(b):
        raise UsageError("a study and a bench have nothing to compare", got=f"{named(a)} and {named(b)}", wanted="two studies or two benches")
    if not _joined(a):
        return differences.difference(a, b)
    only = {f"cells_{side}": [name for name in one if name not in other] for side, one, other in (("a", ours, theirs), ("b", theirs, ours))}
    whole: dict[str, Any] = {"ok": not any(only.values()), "level": "diff", "first_divergence": None}
    for name in (name for name in ours if name in theirs):
        found = differences.difference(ours[name], theirs[name])
        whole["ok"] = whole["ok"] and found["ok"]
        if found["first_divergence"] and whole["first_divergence"] is None:
            whole["first_divergence"] = {"cell": name, **found["first_divergence"]}
        for key, rows in found.items():
            if isinstance(rows, list):
                whole.setdefault(key, []).extend({"cell": name, **row} for row in rows)
    return whole | only


def _joined(plain: Plain) -> bool:
    return plain.get("format") == FORMAT
