"""Statistics of a model trained elsewhere, read from files by id. What a project may not know of that model it does not need to know.

Forms of a file:

- `.parquet`, `.csv`, `.tsv`, `.jsonl`: a column `id` (or `item`), and one column of vectors or columns of numbers. Probabilities may have
  one column per class, named like it, in any order. Gradients have two columns of vectors, `residual` and `feature`.
- `.npz`: an array `ids`, and the statistic under its name or as the only other array; gradients as `residual` and `feature`.
- `.npy`: the rows alone; their ids stand in `NAME.ids.txt` or `NAME.ids.npy` beside it, else they are the row numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError, StatisticError, UnknownItemError
from querist.data import formats
from querist.data.matrix import matrix

if TYPE_CHECKING:
    from querist.project.project import Project

Array = NDArray[np.float32]
Found = tuple[list[str], Array | tuple[Array, Array]]
_PAIR = ("residual", "feature")
_SUM = 1e-3  # probabilities that were rounded to three digits still pass


def outside(project: Project, files: Mapping[str, str], say: Callable[[str], None]) -> dict[str, Found]:
    """The statistics of an outside model, checked against a project.

    Args:
        project: The project.
        files: Statistic (`probs`, `features`, `gradients`) → file.
        say: Told in one line which items have no row; they are not ranked this round.

    Returns:
        Statistic → (ids, array), as `Project.update(outside=…)` takes it.

    Raises:
        StatisticError: for a bad row or shape, or if no item that may be asked has a row.
        UnknownItemError: for an id that the project does not have.
        PoolError: if a file cannot be read.
    """
    if not files:
        return {}
    classes = [str(entry["name"]) for entry in project.space.schema()["classes"] if not entry["retired"]]
    pool = set(project.store.ids("pool"))
    known = pool | set(project.store.ids("test"))
    open_ = pool - set(project.labels()) - set(project.quarantined())
    found = {name: read_statistic(file, name, classes) for name, file in files.items()}
    for name, (ids, _) in found.items():
        stranger = next((item for item in ids if item not in known), None)
        if stranger is not None:
            raise UnknownItemError(f"{files[name]} has a row for an item that the project does not have", got=repr(stranger), wanted="ids of the project")
        missing = sorted(open_.difference(ids))
        if missing and len(missing) == len(open_):
            raise StatisticError(f"{files[name]} has no row for any item that may be asked", got=repr(ids[0]), wanted=f"ids like {missing[0]!r}")
        if missing:
            say(f"{files[name]} has no {name} for {len(missing)} of {len(open_)} items that may be asked, the first is {missing[0]!r}: they are not ranked")
    return found


def read_statistic(path: str | Path, name: str, classes: Sequence[str] = ()) -> Found:
    """One statistic with its ids.

    Args:
        path: The file; see the module for its forms.
        name: `probs` (n, c) or (n, k, c), `features` (n, d), or `gradients`, the pair (residual (n, c), feature (n, d)).
        classes: Class names in the order of their positions, to put named columns of probabilities in order.

    Raises:
        StatisticError: for NaN or infinite values, probabilities that do not sum to 1, a wrong shape, an id that comes twice; it names the row.
        PoolError: if the file cannot be read or lacks a column.
    """
    file = Path(path)
    reader = _from_arrays if file.suffix.lower() in (".npy", ".npz") else _from_table
    ids, arrays = reader(file, name, classes)
    _check_ids(file, ids, len(arrays[0]))
    for array in arrays:
        _check_finite(file, name, ids, array)
    if len(arrays) == 2:
        if any(array.ndim != 2 for array in arrays) or len(arrays[0]) != len(arrays[1]):
            raise StatisticError(f"{file}: gradients come factorised", got=[array.shape for array in arrays], wanted="residual (n, c) and feature (n, d)")
        return ids, (arrays[0], arrays[1])
    if name == "probs":
        _check_probs(file, ids, arrays[0], len(classes))
    elif arrays[0].ndim != 2:
        raise StatisticError(f"{file}: {name} has the wrong shape", got=arrays[0].shape, wanted="(n, d)")
    return ids, arrays[0]


def _from_table(file: Path, name: str, classes: Sequence[str]) -> tuple[list[str], list[Array]]:
    columns = formats.names(formats.checked(file))
    id_column = next((column for column in ("id", "item") if column in columns), None)
    if id_column is None:
        raise PoolError(f"{file} has no column 'id'", got=", ".join(columns), wanted="id, and the values")
    ids = ["" if value is None else str(value) for value in formats.column(file, id_column)]
    values = [column for column in columns if column != id_column]
    if name == "gradients":
        absent = [part for part in _PAIR if part not in values]
        if absent:
            raise PoolError(f"{file} has no column {absent[0]!r}", got=", ".join(columns), wanted="id, residual, feature")
        return ids, [matrix(file, [part]) for part in _PAIR]
    if name in values:
        values = [name]
    elif name == "probs" and classes and set(classes) <= set(values):
        values = list(classes)
    if not values:
        raise PoolError(f"{file} has no column of values", got=", ".join(columns), wanted=f"id and {name}")
    return ids, [matrix(file, values)]


def _from_arrays(file: Path, name: str, classes: Sequence[str]) -> tuple[list[str], list[Array]]:
    try:
        loaded = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise PoolError(f"cannot read {file}: {error}", wanted="a .npy or .npz file without pickled objects") from error
    if isinstance(loaded, np.ndarray):
        if name == "gradients":
            raise PoolError(f"{file} is one array, gradients are two", wanted="a .npz with ids, residual and feature")
        return _ids_beside(file, len(loaded) if loaded.ndim else 0), [_floats(file, loaded)]
    with loaded:
        keys = [key for key in loaded.files if key != "ids"]
        wanted = list(_PAIR) if name == "gradients" else [name if name in keys or len(keys) != 1 else keys[0]]
        absent = [key for key in (*wanted, "ids") if key not in loaded.files]
        if absent:
            raise PoolError(f"{file} has no array {absent[0]!r}", got=", ".join(loaded.files), wanted=", ".join(("ids", *wanted)))
        return [str(value) for value in loaded["ids"].tolist()], [_floats(file, loaded[key]) for key in wanted]


def _ids_beside(file: Path, rows: int) -> list[str]:
    text, array = file.with_suffix(".ids.txt"), file.with_suffix(".ids.npy")
    if text.is_file():
        return text.read_text(encoding="utf-8").splitlines()
    if array.is_file():
        return [str(value) for value in np.load(array, allow_pickle=False).tolist()]
    return [str(row) for row in range(rows)]


def _floats(file: Path, array: NDArray[Any]) -> Array:
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise StatisticError(f"{file} holds no rows of numbers", got=f"dtype {array.dtype}, shape {array.shape}", wanted="numbers, one row an item")
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _check_ids(file: Path, ids: Sequence[str], rows: int) -> None:
    if len(ids) != rows or not rows:
        raise StatisticError(f"{file} needs one id per row", got=f"{len(ids)} ids for {rows} rows", wanted="at least one row, and as many ids")
    seen: set[str] = set()
    for row, item in enumerate(ids):
        if item in seen or not item:
            raise StatisticError(f"{file}, row {row} has an id that {'came before' if item else 'is empty'}", got=repr(item), wanted="one row an item")
        seen.add(item)


def _check_finite(file: Path, name: str, ids: Sequence[str], array: Array) -> None:
    bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if len(bad):
        row = int(bad[0])
        more = f" and {len(bad) - 1} more rows" if len(bad) > 1 else ""
        raise StatisticError(f"{file}, row {row} (item {ids[row]!r}){more}: {name} has NaN, infinite or missing values", wanted="finite numbers in every row")


def _check_probs(file: Path, ids: Sequence[str], array: Array, classes: int) -> None:
    if array.ndim not in (2, 3) or (classes and array.shape[-1] != classes):
        raise StatisticError(f"{file}: probs have the wrong shape", got=array.shape, wanted=f"(n, {classes or 'c'}) or (n, k, {classes or 'c'})")
    flat = array.reshape(len(array), -1, array.shape[-1])
    bad = np.flatnonzero(((flat < 0).any(axis=2) | (np.abs(flat.sum(axis=2) - 1) > _SUM)).any(axis=1))
    if len(bad):
        row = int(bad[0])
        hint = "Logits are no probabilities: apply a softmax." if (flat[row] < 0).any() else None
        raise StatisticError(f"{file}, row {row} (item {ids[row]!r}): these are no probabilities", got=flat[row, 0], wanted="≥ 0 with sum 1", hint=hint)
