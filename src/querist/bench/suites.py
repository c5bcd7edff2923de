"""The benches that come with the program: TOML files in `suites/` beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from querist.bench.plan import BenchSpec
from querist.core.errors import UsageError

_FOLDER = "suites"


def suites() -> Mapping[str, BenchSpec]:
    """All of them by name, the shortest first."""
    found = [entry for entry in files("querist.bench").joinpath(_FOLDER).iterdir() if entry.name.endswith(".toml")]
    read = [BenchSpec.from_text(entry.read_text(encoding="utf-8"), entry.name.removesuffix(".toml")) for entry in found]
    return {spec.name: spec for spec in sorted(read, key=lambda spec: (spec.cpu_minutes or 0, spec.name))}


def bench_of(source: str) -> BenchSpec:
    """The bench that a name or a path stands for; a file of that name wins only with its ending.

    Raises:
        UsageError: if there is none, or its file is wrong.
    """
    if source.endswith(".toml"):
        return BenchSpec.from_toml(Path(source))
    known = suites()
    if source not in known:
        raise UsageError("there is no suite of that name", got=source, wanted=f"{', '.join(known)}, or a .toml file")
    return known[source]
