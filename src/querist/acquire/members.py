"""Which rows of plain arrays are labelled, pending and free, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.acquire.array_view import ArrayView, Positions, Rows
from querist.acquire.inputs import array
from querist.core.errors import StatisticError, UnknownItemError, UsageError
from querist.core.order import canonical

GROUPS = ("candidates", "labelled", "pending")


class Members:
    """Names of the rows, and the rows of a name.

    Args:
        n: Number of rows.
        ids: One id per row, or None for row numbers.

    Raises:
        StatisticError: for an id that comes twice.
    """

    def __init__(self, n: int, ids: Sequence[Any] | None) -> None:
        self.n = n
        self._ids = None if ids is None else [str(item) for item in ids]
        self._row_of = {} if self._ids is None else {item: row for row, item in enumerate(self._ids)}
        if self._ids is not None and len(self._row_of) != n:
            raise StatisticError("ids must be distinct, one per row", got=f"{n} ids, {len(self._row_of)} distinct", wanted=f"{n}")

    def named(self, rows: range | NDArray[np.int64]) -> Sequence[str]:
        """Ids of these rows."""
        return Positions(rows) if self._ids is None else [self._ids[row] for row in rows]

    def rows_of(self, given: Any, name: str) -> NDArray[np.int64]:
        """Rows of a mask (in their order) or of ids (in the order given).

        Raises:
            StatisticError: for a mask of another length.
            UnknownItemError: for an id without a row.
        """
        plain = given.detach().cpu().numpy() if hasattr(given, "detach") else given
        listed = np.asarray(plain) if hasattr(plain, "dtype") else np.asarray(list(plain), dtype=None if _flags(plain) else object)
        if listed.dtype == bool:
            if listed.shape != (self.n,):
                raise StatisticError(f"the mask {name} has the wrong shape", got=listed.shape, wanted=(self.n,))
            return np.flatnonzero(listed)
        if listed.ndim != 1:
            raise StatisticError(f"{name} has the wrong shape", got=listed.shape, wanted="a mask (n,), ids, or for labelled items features (m, d)")
        return np.fromiter((self._row(item, name) for item in listed.tolist()), dtype=np.int64, count=len(listed))

    def groups(self, labelled: NDArray[np.int64], pending: NDArray[np.int64]) -> dict[str, range | NDArray[np.int64]]:
        """Rows of every group in canonical order of their ids; a pending row that has its label is labelled."""
        if self._ids is None and not len(labelled) and not len(pending):
            return {"candidates": range(self.n), "labelled": range(0), "pending": range(0)}
        state = np.zeros(self.n, dtype=np.int8)
        state[pending] = 2
        state[labelled] = 1
        return {name: self._in_order(np.flatnonzero(state == code)) for code, name in enumerate(GROUPS)}

    def _in_order(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._ids is None:
            return rows
        return np.fromiter((self._row_of[item] for item in canonical(self._ids[row] for row in rows)), dtype=np.int64, count=len(rows))

    def _row(self, item: Any, name: str) -> int:
        text = str(item)
        if self._ids is not None and text in self._row_of:
            return self._row_of[text]
        if self._ids is None and text.isascii() and text.isdigit() and text == str(int(text)) and int(text) < self.n:
            return int(text)
        raise UnknownItemError(f"{name} names an item without a row", got=text, wanted="ids of the arrays")


def view_of(members: Members, stats: Mapping[str, Any], labelled: Any, pending: Any, labels: Any, number: int, limit: int | None) -> ArrayView:
    """The view of some arrays.

    Args:
        members: Names of the rows.
        stats: Statistic → array or pair.
        labelled: A mask (n,), ids, or features (m, d) of items that are no rows.
        pending: A mask or ids.
        labels: Class position of each labelled item, in their order (with a mask also one per row), or None.
        number: Round.
        limit: See `ArrayView`.

    Raises:
        StatisticError: for a wrong shape or class.
        UnknownItemError: for an id without a row.
    """
    covered = _outside(labelled, stats)
    rows = np.empty(0, dtype=np.int64) if labelled is None or covered is not None else members.rows_of(labelled, "labelled")
    waiting = np.empty(0, dtype=np.int64) if pending is None else members.rows_of(pending, "pending")
    order = members.groups(rows, waiting)
    ids = {name: members.named(order[name]) for name in GROUPS}
    if covered is not None:
        ids["labelled"] = Positions(range(len(covered)), "labelled-")
    classes = stats["probs"].shape[2] if "probs" in stats else None
    known = _labels(labels, rows, np.asarray(order["labelled"]), members.n, len(covered) if covered is not None else None, classes)
    return ArrayView(ids, {name: _slice(order[name]) for name in GROUPS}, stats, covered, known, number, limit)


def _outside(labelled: Any, stats: Mapping[str, Any]) -> NDArray[Any] | None:
    """Labelled items as features (m, d), None if they are rows."""
    if getattr(labelled, "ndim", 1) != 2:
        return None
    points = array(labelled, "features")
    if "features" not in stats:
        raise UsageError("features of labelled items need features of the candidates", got=f"labelled {points.shape}", hint="Pass features=….")
    if points.shape[1] != stats["features"].shape[1]:
        raise StatisticError("labelled items have other features", got=points.shape, wanted=f"(m, {stats['features'].shape[1]})")
    return points


def _labels(labels: Any, rows: NDArray[np.int64], order: NDArray[np.int64], n: int, outside: int | None, classes: int | None) -> list[int]:
    if labels is None:
        return []
    given = array(labels, "labels")
    wanted = len(rows) if outside is None else outside
    if given.ndim != 1 or given.dtype.kind not in "iu" or len(given) not in (wanted, *([n] if outside is None else [])):
        raise StatisticError("labels has the wrong shape", got=f"dtype {given.dtype}, shape {given.shape}", wanted=f"({wanted},) class positions")
    if outside is None:
        whole = np.full(n, -1, dtype=np.int64)
        whole[rows] = given[rows] if len(given) == n and len(rows) != n else given
        given = whole[order]
    if len(given) and (given.min() < 0 or (classes is not None and given.max() >= classes)):
        raise StatisticError("a label is no class position", got=int(given.min() if given.min() < 0 else given.max()), wanted=f"0 … {(classes or 1) - 1}")
    return [int(value) for value in given]


def _slice(rows: range | NDArray[np.int64]) -> Rows:
    """Rows that are a run, as a slice: then arrays are used where they lie."""
    first, last = (int(rows[0]), int(rows[-1])) if len(rows) else (0, -1)
    run = last - first + 1 == len(rows) and (isinstance(rows, range) or bool((np.diff(rows) == 1).all()))
    return slice(first, last + 1) if run else np.asarray(rows)


def _flags(listed: Any) -> bool:
    return all(isinstance(item, bool | np.bool_) for item in listed) and len(listed) > 0
