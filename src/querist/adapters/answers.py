"""Answers from the command line and from files, told to a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from querist.core.errors import UsageError
from querist.data.labels import answers
from querist.tasks.values import meant

if TYPE_CHECKING:
    from querist.project.project import Project

_NUMBERS = ("seconds", "cost", "confidence")
Told = dict[str, Any]
"""`{"told", "revisions", "errors": [{"item", "got", "wanted"}]}`."""


def tell_one(project: Project, item: str | None, value: str | None, by: str | None) -> Told:
    """Tell one answer.

    Raises:
        UsageError: without an item or a value.
        LabelError: if the task refuses the value.
        UnknownItemError: for an unknown item.
    """
    if item is None or value is None:
        raise UsageError("tell needs an item and its value, or a file", wanted="ITEM VALUE, or -i FILE", hint="See: querist tell --help")
    stored = project.tell(item, meant(project.space.kind, value), by=by)
    return {"told": 1, "revisions": int(stored.supersedes is not None), "errors": []}


def tell_file(project: Project, file: str, item: str | None, by: str | None) -> Told:
    """Tell a file of answers; see `querist.data.labels.answers` for its columns.

    Args:
        project: The project.
        file: The file.
        item: Must be None: a file is told, or an item.
        by: Annotator of the rows that name none.

    Raises:
        UsageError: if an item is given as well.
        PoolError: if the file cannot be read; then nothing is stored.
    """
    if item is not None:
        raise UsageError("tell takes a file or an item, not both", got=f"{file} and {item!r}")
    rows: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for line, row in answers(file):
        refused = _unusable(line, row)
        if refused:
            errors.append(refused)
        else:
            rows.append({**_row(row), "value": meant(project.space.kind, row["label"])})
    told = project.tell_many(rows, by)
    return {"told": told.told, "revisions": told.revisions, "errors": errors + [{key: one[key] for key in ("item", "got", "wanted")} for one in told.errors]}


def _unusable(line: int, row: Mapping[str, Any]) -> dict[str, Any] | None:
    if row["id"] is None:
        return {"item": f"line {line}", "got": "no id", "wanted": "the id of an item"}
    if row["label"] is None:
        return {"item": str(row["id"]), "got": f"no label in line {line}", "wanted": "a label"}
    bad = next((name for name in _NUMBERS if row.get(name) is not None and _number(row[name]) is None), None)
    return {"item": str(row["id"]), "got": f"{bad} = {row[bad]!r} in line {line}", "wanted": "a number ≥ 0"} if bad else None


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: _number(row.get(name)) for name in _NUMBERS}
    texts = {name: None if row.get(column) is None else str(row[column]) for name, column in (("by", "annotator"), ("key", "key"))}
    return {"item": str(row["id"]), "value": row["label"], **numbers, **texts}


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < float("inf") else None
