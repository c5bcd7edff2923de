"""The labels as plain rows: what training sees, or everything that was ever said."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from querist.core.errors import StoreError, UsageError
from querist.core.optional import require
from querist.project.telling import consensus
from querist.store.reading import Vote

FORMATS = ("csv", "jsonl", "parquet")
VIEWS = ("training", "raw")

TRAINING = ("id", "value", "annotators", "agreement", "provenance")
RAW = (
    "number", "id", "value", "annotator", "provenance", "at", "seconds", "cost", "confidence", "round", "query", "score_at_query", "supersedes",
    "schema_version", "kind", "unit", "target", "key",
)  # fmt: skip


def training_rows(votes: Sequence[Vote], decode: Any) -> Iterator[dict[str, Any]]:
    """One row per item with a target, in canonical order."""
    targets, _ = consensus(votes, decode)
    by_item: dict[str, list[Vote]] = {item: [] for item in targets}
    for vote in votes:
        if vote.item in by_item:
            by_item[vote.item].append(vote)
    for item, value in targets.items():
        said = by_item[item]
        agree = sum(decode(vote.value, vote.schema_version) == value for vote in said)
        provenance = "+".join(sorted({vote.provenance for vote in said}))
        yield {"id": item, "value": value, "annotators": len(said), "agreement": agree / len(said), "provenance": provenance}


def write(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], out: Path, form: str | None) -> Path:
    """Write rows to a file, whole or not at all; returns its path.

    Args:
        rows: Mappings with these columns.
        columns: Their names, in order.
        out: The file.
        form: One of `FORMATS`; by default what the file's suffix says.

    Raises:
        UsageError: for an unknown format.
        MissingExtraError: for Parquet without pyarrow.
        StoreError: if the file cannot be written.
    """
    chosen = form or out.suffix.removeprefix(".").lower()
    if chosen not in FORMATS:
        raise UsageError("unknown export format", got=chosen or str(out), wanted=", ".join(FORMATS), hint="Name the file .csv, .jsonl or .parquet.")
    with whole_file(out) as part:
        {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[chosen](rows, columns, part)
    return out


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A file to write; it becomes `out` at the end, and is gone if anything fails.

    Raises:
        StoreError: if it cannot be written.
    """
    part = out.with_name(f".{out.name}.part")
    try:
        yield part
        part.replace(out)
    except OSError as error:
        raise unwritable(out, error) from error
    finally:
        part.unlink(missing_ok=True)


def unwritable(out: Path, error: OSError) -> StoreError:
    """What to say of a place that cannot be written."""
    return StoreError(f"cannot write {out}: {error}", hint="Does the folder exist, and may you write there?")


def _csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows([_cell(row[name], list | tuple | Mapping | bool) for name in columns] for row in rows)


def _cell(value: Any, written: Any) -> Any:
    """Values of these types go into their cell as JSON: boxes, tags, answers by slot."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, written) else value


def _jsonl(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], path: Path) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps({name: row[name] for name in columns}, ensure_ascii=False) + "\n")


def _parquet(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], path: Path) -> None:
    require("pyarrow", by="a Parquet export")
    import pyarrow as pa
    import pyarrow.parquet as pq

    listed = list(rows)
    pq.write_table(pa.table({name: [_cell(row[name], list | tuple | Mapping) for row in listed] for name in columns}), path)
