"""The rows of the catalogue with the task kinds that they serve, which follow from what they need."""

from __future__ import annotations

from typing import Any

from querist.core import catalogue
from querist.core.catalogue import Row
from querist.core.errors import QueristError
from querist.tasks.heads import served


def methods(kind: str | None = None) -> list[Row]:
    """All rows in the order of the catalogue, or those of one type (`strategy`, `scheme`, …), each with `kinds`."""
    return [{**row, "kinds": kinds(row)} for row in catalogue.rows(kind)]


def kinds(row: Row) -> list[str]:
    """The task kinds that a row serves: by what it needs; among those that it names, where it names any."""
    named, made = list(row.get("kinds", [])), built(row)
    return named if made is None else list(served(made, named))


def built(row: Row) -> Any:
    """The row's acquisition, None where there is none (or it cannot be built here)."""
    try:
        return catalogue.acquisition(row["acquisition"]) if "acquisition" in row else None
    except QueristError:
        return None
