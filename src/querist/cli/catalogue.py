"""Rows of the catalogue as `querist methods` shows them: with what is computed from the objects, from evidence and from the survey."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from querist.core import catalogue
from querist.core.errors import QueristError

if TYPE_CHECKING:
    from rich.table import Table

Described = dict[str, Any]
_TEXTS = ("type", "family", "paper", "reference", "cost", "fails", "deviations")


def described(name: str | None) -> list[Described]:
    """All rows, or the one of this name.

    Raises:
        UsageError: for an unknown name.
    """
    return [_described(row) for row in (catalogue.rows() if name is None else [catalogue.row(name)])]


def survey() -> list[Described]:
    """Every entry of the survey in its order: part, section, name, title, row, wave, status."""
    known = {str(row["name"]) for row in catalogue.rows()}
    return [
        {
            "part": part["title"], "section": entry["section"], "name": entry["name"], "title": entry["title"], "row": entry.get("row"),
            "wave": entry["wave"], "status": catalogue.status(entry["row"]) if entry.get("row") in known else "planned",
        }
        for part in _parts() for entry in part["entries"]
    ]  # fmt: skip


def matrix() -> dict[str, dict[str, bool]]:
    """Strategy → task kind → whether it serves it; kinds in order of the task kinds that there are."""
    from querist.tasks import KINDS

    return {str(row["name"]): {kind: kind in row["kinds"] for kind in KINDS} for row in catalogue.rows("strategy")}


def table(rows: Sequence[Described]) -> Table:
    """One line a row."""
    return _table(("name", "type", "family", "needs", "status", "paper"), rows)


def survey_table(entries: Sequence[Described]) -> Table:
    """One line an entry."""
    return _table(("section", "name", "wave", "status", "title"), entries)


def matrix_table(grid: Mapping[str, Mapping[str, bool]]) -> Table:
    """Strategies down, kinds across."""
    kinds = list(next(iter(grid.values()), {}))
    return _table(("strategy", *kinds), [{"strategy": name, **{kind: "yes" if served else "–" for kind, served in row.items()}} for name, row in grid.items()])


def card(row: Described) -> str:
    """One row in full."""
    lines = [f"{key:<12} {_cell(value)}" for key, value in row.items() if value not in (None, "", [], {})]
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
    evidence = catalogue.evidence(name)
    return {
        "name": name,
        **{key: row.get(key) for key in _TEXTS},
        "survey": _sections().get(name),
        "needs": _needs(row),
        "provides": sorted(row.get("provides", [])),
        "kinds": list(row.get("kinds", [])),
        "evidence": {key: evidence.get(key) for key in ("property", "contract", "smoke_seconds", "fair_run")},
        "status": catalogue.status(name),
    }


def _needs(row: Mapping[str, Any]) -> list[str]:
    """What the row's acquisition needs, asked of the object itself; what the row says where there is none (or it cannot be built here)."""
    if "acquisition" in row:
        try:
            return sorted(catalogue.acquisition(row["acquisition"]).needs)
        except QueristError:
            return sorted(row.get("needs", []))
    return sorted(row.get("needs", []))


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
