"""Labels that exist already: files of annotations, and held-out test sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from querist.core.contracts import Pool
from querist.core.errors import PoolError
from querist.data import formats
from querist.data.folders import FolderPool
from querist.data.tables import TablePool

LABEL_NAMES: Final = ("label", "target", "class", "value")


class Labelled(NamedTuple):
    """One row of a labels file."""

    id: str
    value: Any
    annotator: str | None


@dataclass(frozen=True)
class TestSet:
    """Held-out items and their values."""

    __test__ = False  # not a test case, whatever its name says to pytest

    pool: Pool
    targets: Mapping[str, Any]


def read_labels(path: str | Path) -> list[Labelled]:
    """The rows of a labels file, in its order.

    Args:
        path: CSV, TSV, JSONL or Parquet with the columns `id`, `label` and, if wished, `annotator`.

    Raises:
        PoolError: for a missing column, id or label; the message names the line.
    """
    file = Path(path)
    columns = formats.names(formats.checked(file))
    for wanted in ("id", "label"):
        if wanted not in columns:
            raise PoolError(f"{file} has no column {wanted!r}", got=", ".join(columns), wanted="id, label and, if wished, annotator")
    kept = [name for name in ("id", "label", "annotator") if name in columns]
    return [_labelled(file, line, row) for line, row in formats.rows(file, kept)]


def read_test(path: str | Path, *, label_column: str | None = None, **columns: Any) -> TestSet:
    """A held-out set.

    Args:
        path: A folder with one subfolder of pictures per class, or a table with content and a label column.
        label_column: The label column of a table; by default the first of `label`, `target`, `class`, `value`.
        columns: `id_column`, `text`, `image`, `features`, `root` of the table, as in `TablePool`.

    Raises:
        PoolError: if a picture is in no class folder, a label is missing, or the table has no label column.
    """
    source = Path(path)
    if source.is_dir():
        folder = FolderPool(str(source))
        return TestSet(folder, _folder_targets(folder))
    name = label_column or _label_column(source, formats.names(formats.checked(source)))
    pool = TablePool(str(source), **columns).resolved(leaving_out=[name])
    ids = pool.row_ids()
    targets: dict[str, Any] = {}
    for item_id, (line, row) in zip(ids, formats.rows(source, [name]), strict=True):
        if row.get(name) in (None, ""):
            raise PoolError(f"{source}, line {line} has no label", got=f"item {item_id!r}", wanted=f"a value in column {name!r}")
        targets[item_id] = row[name]
    return TestSet(pool, targets)


def _labelled(path: Path, line: int, row: Mapping[str, Any]) -> Labelled:
    item_id, value, annotator = row.get("id"), row.get("label"), row.get("annotator")
    if item_id in (None, "") or isinstance(item_id, bool | float):
        raise PoolError(f"{path}, line {line} has no usable id", got=repr(item_id), wanted="a text or a whole number")
    if value in (None, ""):
        raise PoolError(f"{path}, line {line} has no label", got=f"item {item_id!r}", wanted="a value in column 'label'")
    return Labelled(str(item_id), value, str(annotator) if annotator not in (None, "") else None)


def _folder_targets(folder: FolderPool) -> dict[str, str]:
    targets = {}
    for item_id in folder.ids():
        name, slash, _ = item_id.partition("/")
        if not slash:
            raise PoolError(f"{item_id!r} in {folder.root} is in no class folder", wanted="CLASS/picture, one subfolder per class")
        targets[item_id] = name
    return targets


def _label_column(path: Path, columns: Sequence[str]) -> str:
    found = next((name for name in LABEL_NAMES if name in columns), None)
    if found is None:
        raise PoolError(f"{path} has no label column", got=", ".join(columns), wanted=" or ".join(LABEL_NAMES))
    return found
