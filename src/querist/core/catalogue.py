"""The catalogue of methods: rows of `acquire/methods.toml`, plus whatever is named by import path. Free of torch."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from querist.core.errors import UsageError
from querist.core.spec import build

Row = Mapping[str, Any]

_PLAIN = {"int", "float", "bool", "None"}
"""Kinds of parameters whose values are checked by name."""


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


def acquisition_row(name: str) -> Row:
    """The row of a strategy, or of a wrapper of acquisitions.

    Raises:
        UsageError: naming the closest known strategies.
    """
    found = _table().get(name)
    return found if found is not None and found["type"] == "wrapper" and "acquisition" in found else row(name, "strategy")


def acquisition(method: str | Mapping[str, Any] | Any) -> Any:
    """The acquisition of a catalogue name, of an import path `module:Class`, of a spec, or the object itself.

    In a spec `use` may be a catalogue name too, and then its parts as well: `{"use": "cost_aware", "inner": "bald"}`.

    Raises:
        UsageError: if there is no such thing or it has no `select`.
    """
    if isinstance(method, Mapping):
        named = method.get("use")
        path = not isinstance(named, str) or ":" in named
        made = build(method) if path else configured(acquisition(named), {key: value for key, value in method.items() if key != "use"})
    elif isinstance(method, str):
        made = build({"use": method}) if ":" in method else build(acquisition_row(method)["acquisition"])
    else:
        made = method
    if not callable(getattr(made, "select", None)) or not hasattr(made, "needs"):
        raise UsageError("not an acquisition", got=type(made).__name__, wanted="a frozen dataclass with `needs` and `select`")
    return made


def configured(part: Any, parameters: Mapping[str, Any]) -> Any:
    """An acquisition, or any other part, with other parameters; where one is an acquisition (or a tuple of such), it may be given by name or spec.

    A table without `use` stands over the part that is there: `{"by": {"weight": 0.0}}`.

    Raises:
        UsageError: for a parameter that it does not have.
    """
    fields = {field.name: field for field in dataclasses.fields(part) if field.init}
    unknown = sorted(set(parameters) - set(fields))
    if unknown:
        raise UsageError(f"{type(part).__name__} has no parameter {unknown[0]!r}", wanted=", ".join(fields) or "no parameters")
    made = {name: _meant(value, getattr(part, name)) for name, value in parameters.items()}
    for name, value in made.items():
        # A text or a fraction where a number belongs would only fail deep inside.
        hint, given = str(fields[name].type), type(value).__name__
        if set(re.findall(r"\w+", hint)) <= _PLAIN and given in _PLAIN | {"str"} and given not in hint and (given, hint) != ("int", "float"):
            raise UsageError(f"the parameter {name} of {type(part).__name__} is of another kind", got=repr(value), wanted=hint)
    return dataclasses.replace(part, **made)


def _meant(value: Any, default: Any) -> Any:
    """A parameter as its default shows what it is: an acquisition by name, a tuple from a list or a text with commas."""
    if hasattr(default, "select"):
        return acquisition(value)
    if dataclasses.is_dataclass(default) and isinstance(value, Mapping) and "use" not in value:
        return configured(default, value)
    if not isinstance(default, tuple):
        return build(value)
    listed = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    return tuple(acquisition(one) if default and hasattr(default[0], "select") else build(one) for one in listed)


def inference_name(method: str | Mapping[str, Any] | Any) -> str:
    """Name of the inference that a method asks for (`deterministic` unless its row says otherwise)."""
    method = _row_of(method)
    if isinstance(method, str) and ":" not in method:
        return str(acquisition_row(method).get("inference", "deterministic"))
    return str(getattr(acquisition(method), "inference", "deterministic"))


def recipe_name(method: str | Mapping[str, Any] | Any) -> str | None:
    """Name of the recipe that a method's row asks for because few learners provide what it needs; None for most."""
    method = _row_of(method)
    if isinstance(method, str) and ":" not in method:
        return acquisition_row(method).get("recipe")
    return None


def scheme_name(method: str | Mapping[str, Any] | Any) -> str | None:
    """Name of the training scheme that a method's row asks for, because it trains what the method reads; None for most."""
    method = _row_of(method)
    if isinstance(method, str) and ":" not in method:
        return acquisition_row(method).get("trains")
    return None


def _row_of(method: Any) -> Any:
    """The catalogue name in a spec that starts from one, `{"use": "bald", …}`, or from a wrapper around one: its row holds; anything else as it is."""
    named = method.get("use") if isinstance(method, Mapping) else None
    if not isinstance(named, str) or ":" in named:
        return method
    wrapped = _table().get(named, {}).get("type") == "wrapper" and isinstance(method.get("inner"), str | Mapping)
    return _row_of(method["inner"]) if wrapped else named


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
