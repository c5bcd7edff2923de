"""The catalogue of methods: rows of `acquire/methods.toml`, plus whatever is named by import path. Free of torch."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from querist.core.errors import UsageError
from querist.core.spec import build

Row = Mapping[str, Any]


@functools.cache
def _table() -> Mapping[str, Row]:
    text = resources.files("querist.acquire").joinpath("methods.toml").read_text(encoding="utf-8")
    return {name: {"name": name, **row} for name, row in tomllib.loads(text).items()}


@functools.cache
def _evidence() -> Mapping[str, Row]:
    file = resources.files("querist.acquire").joinpath("evidence.json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def rows(kind: str | None = None) -> list[Row]:
    """All rows in the order of the file, or those of one type (`strategy`, `scheme`, …)."""
    return [row for row in _table().values() if kind is None or row["type"] == kind]


def row(name: str, kind: str | None = None) -> Row:
    """One row by name.

    Raises:
        UsageError: naming the closest known names.
    """
    found = _table().get(name)
    if found is None or (kind is not None and found["type"] != kind):
        import difflib

        known = [str(r["name"]) for r in rows(kind)]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        raise UsageError(f"unknown {kind or 'method'} {name!r}", wanted=", ".join(close or known), hint="See: querist methods")
    return found


def acquisition(method: str | Mapping[str, Any] | Any) -> Any:
    """The acquisition of a catalogue name, of an import path `module:Class`, of a spec, or the object itself.

    Raises:
        UsageError: if there is no such thing or it has no `select`.
    """
    if isinstance(method, Mapping):
        made = build(method)
    elif isinstance(method, str):
        made = build({"use": method}) if ":" in method else build(row(method, "strategy")["acquisition"])
    else:
        made = method
    if not callable(getattr(made, "select", None)) or not hasattr(made, "needs"):
        raise UsageError("not an acquisition", got=type(made).__name__, wanted="a frozen dataclass with `needs` and `select`")
    return made


def inference_name(method: str | Mapping[str, Any] | Any) -> str:
    """Name of the inference that a method asks for (`deterministic` unless its row says otherwise)."""
    if isinstance(method, str) and ":" not in method:
        return str(row(method, "strategy").get("inference", "deterministic"))
    return str(getattr(acquisition(method), "inference", "deterministic"))


def recipe_name(method: str | Mapping[str, Any] | Any) -> str | None:
    """Name of the recipe that a method's row asks for because few learners provide what it needs; None for most."""
    if isinstance(method, str) and ":" not in method:
        return row(method, "strategy").get("recipe")
    return None


def evidence(name: str) -> Row:
    """What `evidence.json` holds about a row: property test, contract test, smoke seconds, fair run."""
    return _evidence().get(name, {})


def status(name: str) -> str:
    """`planned` without a contract run, `proved` with everything its type can have, else `runs`.

    Everything is: a property test, a contract run, a smoke run, and for a strategy other than the baseline itself a fair
    run beside random.
    """
    found = evidence(name)
    if not found.get("contract"):
        return "planned"
    wanted = ["property", "smoke_seconds"]
    if row(name)["type"] == "strategy" and name != "random":
        wanted.append("fair_run")
    return "proved" if all(found.get(key) for key in wanted) else "runs"
