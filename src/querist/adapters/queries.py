"""A query as a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from querist.core.records import Query
from querist.project import exporting

if TYPE_CHECKING:
    from querist.project.project import Project

COLUMNS = ("id", "rank", "score", "source", "note")


def lease(project: Project, k: int, by: str | None, ttl: float | None, out: str | None) -> Query:
    """Ask, and write what was asked to a file if one is named; if it cannot be written nothing stays leased.

    Args:
        project: The project.
        k: How many items.
        by: Annotator.
        ttl: Seconds that the lease lasts.
        out: A `.csv`, `.jsonl` or `.parquet` file with the columns `id, rank, score, source, note`, or None.

    Raises:
        UsageError: for a bad number, or an unknown ending of the file.
        StoreError: if the file cannot be written.
    """
    query = project.ask(k, by=by, ttl=ttl)
    if out is not None:
        try:
            exporting.write([asdict(one) for one in query.items], COLUMNS, Path(out), None)
        except Exception:
            project.release(query)
            raise
    return query
