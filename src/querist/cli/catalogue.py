"""Rows of the catalogue as `querist methods` shows them: with what is computed from the objects, from evidence and from the survey."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from querist.acquire.served import built, kinds
from querist.core import catalogue
from querist.core.contracts import STATISTICS
from querist.core.errors import UsageError
from querist.core.spec import spec

if TYPE_CHECKING:
    from rich.table import Table

Described = dict[str, Any]
_TEXTS = ("type", "family", "paper", "reference", "formula", "cost", "fails", "deviations")


def described(name: str | None = None, needs: Collection[str] = (), kind: str | None = None) -> list[Described]:
    """All rows, or the one of this name; of all, those that need all these statistics and are of this type.

    Raises:
        UsageError: for an unknown name, statistic or type.
    """
    if name is not None:
        return [_described(catalogue.row(name))]
    unknown = [one for one in needs if one not in STATISTICS]
    types = sorted({str(row["type"]) for row in catalogue.rows()})
    if unknown or kind not in (None, *types):
        wanted = ", ".join(STATISTICS if unknown else types)
        raise UsageError(f"unknown {'statistic' if unknown else 'type'} {unknown[0] if unknown else kind!r}", wanted=wanted)
    return [row for row in map(_described, catalogue.rows(kind)) if set(needs) <= set(row["needs"])]


def survey() -> list[Described]:
    """Every entry of the survey in its order: part, section, name, title, row, wave, status, and the verdict of a claim whose study is recorded."""
    known = {str(row["name"]) for row in catalogue.rows()}
    verdicts: Mapping[str, str] = json.loads(resources.files("querist.acquire").joinpath("verdicts.json").read_text(encoding="utf-8"))

    def status(entry: Mapping[str, Any]) -> str:
        return catalogue.status(entry["row"]) if entry.get("row") in known else "recorded" if entry["name"] in verdicts else "planned"

    return [
        {
            "part": part["title"], "section": entry["section"], "name": entry["name"], "title": entry["title"], "row": entry.get("row"),
            "wave": entry["wave"], "status": status(entry), "verdict": verdicts.get(entry["name"]),
        }
        for part in _parts() for entry in part["entries"]
    ]  # fmt: skip


def matrix() -> dict[str, dict[str, bool]]:
    """Strategy → task kind → whether it serves it; kinds in order of the task kinds that there are."""
    from querist.tasks import KINDS

    served = {str(row["name"]): kinds(row) for row in catalogue.rows("strategy")}
    return {name: {kind: kind in of for kind in KINDS} for name, of in served.items()}


def table(rows: Sequence[Described]) -> Table:
    """One line a row."""
    return _table(("name", "type", "family", "needs", "cost", "status", "paper"), rows)


def survey_table(entries: Sequence[Described]) -> Table:
    """One line an entry."""
    shown = [{**entry, "status": ": ".join(filter(None, (entry["status"], entry["verdict"])))} for entry in entries]
    return _table(("section", "name", "wave", "status", "title"), shown)


def matrix_table(grid: Mapping[str, Mapping[str, bool]]) -> Table:
    """Strategies down, kinds across."""
    kinds = list(next(iter(grid.values()), {}))
    return _table(("strategy", *kinds), [{"strategy": name, **{kind: "yes" if served else "–" for kind, served in row.items()}} for name, row in grid.items()])


def card(row: Described) -> str:
    """One row in full."""
    fair = row["evidence"]["fair_run"]
    proof = {**row["evidence"], "fair_run": fair and f"beside random on {fair['dataset']}, {fair['seeds']} seeds: {fair['verdict']}"}
    shown = {**row, "evidence": proof, "parameters": [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in row["parameters"].items()]}
    lines = [f"{key:<12} {_cell(value)}" for key, value in shown.items() if value not in (None, "", [], {})]
    return "\n".join(lines)


def _parts() -> list[Mapping[str, Any]]:
    text = resources.files("querist.acquire").joinpath("survey.toml").read_text(encoding="utf-8")
    parts: list[Mapping[str, Any]] = tomllib.loads(text)["part"]
    return parts


@functools.cache
def _sections() -> Mapping[str, str]:
    """Row → heading under which the survey's list has it; recipes and refits of our own are in none."""
    return {entry["row"]: entry["section"] for part in _parts() for entry in part["entries"] if "row" in entry}


def _described(row: Mapping[str, Any]) -> Described:
    name = str(row["name"])
    evidence, made = catalogue.evidence(name), built(row)
    return {
        "name": name,
        **{key: row.get(key) for key in _TEXTS},
        "doc": _doc(made) if made is not None else None,
        "survey": _sections().get(name),
        "needs": sorted(row.get("needs", []) if made is None else made.needs),
        "provides": sorted(row.get("provides", [])),
        "kinds": kinds(row),
        "traits": list(row.get("traits", [])),
        "packages": list(row.get("packages", [])),
        "inference": row.get("inference") if made is not None else None,
        "parameters": {field.name: _shown(getattr(made, field.name)) for field in dataclasses.fields(made) if field.init} if made is not None else {},
        "evidence": {key: evidence.get(key) for key in ("property", "kernels", "contract", "smoke_seconds", "fair_run")},
        "status": catalogue.status(name),
    }


@functools.cache
def _names() -> list[tuple[Any, str]]:
    """Acquisition → the name of the strategy that it is."""
    return [(made, str(row["name"])) for row in catalogue.rows("strategy") if (made := built(row)) is not None]


def _shown(value: Any) -> Any:
    """A parameter as JSON: an acquisition by its name, another part by its class and what differs from its defaults."""
    if isinstance(value, tuple):
        return [_shown(one) for one in value]
    if not dataclasses.is_dataclass(value):
        return value
    named = next((name for made, name in _names() if made == value), None)
    plain = spec(value, full=False)
    settings = ", ".join(f"{key}={_shown(getattr(value, key))}" for key in plain if key != "use")
    return named or f"{type(value).__name__}({settings})"


def _doc(made: Any) -> str:
    """What the parts of a composition do; of anything else, what it does itself."""
    parts = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    docs = [f"{name}: {_first(value)}" for name, value in parts.items() if dataclasses.is_dataclass(value) and not hasattr(value, "needs")]
    docs = [f"{name}: {_first(parts[name])}" for name in ("score", "embed") if parts.get(name) is not None] + docs
    return " ".join(docs) if docs else _first(made)


def _first(value: Any) -> str:
    """First paragraph of the docstring of an object's class."""
    return " ".join((inspect.getdoc(type(value)) or "").partition("\n\n")[0].split())


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    from rich.table import Table

    grid = Table(header_style="bold", pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=column in ("name", "strategy"))
    for row in rows:
        grid.add_row(*(_cell(row[column]) for column in columns))
    return grid


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items() if inner is not None) or "none yet"
    return "–" if value is None else str(value)
