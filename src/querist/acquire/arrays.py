"""`querist.select`: a batch from plain arrays, without a project, a pool or a model. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core import catalogue
from querist.core.errors import CapabilityError, StatisticError, UnknownItemError, UsageError
from querist.core.order import canonical
from querist.core.records import Selection
from querist.core.rng import stream
from querist.core.statistic import rows_of


class ArrayView:
    """A PoolView over arrays with one row per id.

    Args:
        ids: Id of each row.
        groups: `candidates`, `labelled`, `pending` → rows, in canonical id order.
        stats: Statistic → array or pair.
        labels: Class position of each labelled row, empty if unknown.
    """

    def __init__(self, ids: Sequence[str], groups: Mapping[str, NDArray[np.int64]], stats: Mapping[str, Any], labels: Sequence[int]) -> None:
        self._groups, self._stats = groups, stats
        self.candidates, self.labelled, self.pending = ([ids[row] for row in groups[name]] for name in ("candidates", "labelled", "pending"))
        self.labels = labels
        self.classes = int(stats["probs"].shape[2]) if "probs" in stats else len(set(labels))

    round = 1

    def stat(self, name: str, of: str = "candidates") -> Any:
        """See `PoolView.stat`."""
        if name not in self._stats:
            raise CapabilityError(f"no {name!r} was given", got=", ".join(self._stats) or "nothing", wanted=name, hint=f"Pass {name}=….")
        return rows_of(self._stats[name], self._groups[of])


def select(
    method: str | Mapping[str, Any] | Any,
    k: int,
    *,
    probs: Any = None,
    features: Any = None,
    gradients: Any = None,
    labelled: Any = None,
    pending: Any = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    **params: Any,
) -> Selection:
    """Choose k rows worth labelling.

    Args:
        method: Catalogue name, import path `module:Class`, or an acquisition.
        k: How many; with fewer candidates, all.
        probs: (n, c) or (n, k, c) class probabilities.
        features: (n, d).
        gradients: Pair (residual (n, c), feature (n, d)); made from `probs` and `features` if both are given.
        labelled: Rows that have labels: a boolean mask (n,), or ids.
        pending: Rows that are being labelled: the same.
        ids: One text per row; positions by default.
        seed: Root of the random streams.
        params: Parameters of the method, by name.

    Returns:
        ids, scores and reasons, most wanted first.

    Raises:
        UsageError: for k < 0, an unknown method or parameter.
        CapabilityError: if the method needs an array that was not given.
        StatisticError: for arrays of unequal length, NaN, or numbers that are no probabilities.
        UnknownItemError: for a labelled or pending id that is not there.

    Example:
        >>> import numpy as np
        >>> probs = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]])
        >>> select("margin", 1, probs=probs).ids
        ('1',)
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 0:
        raise UsageError("select takes the number of picks", got=repr(k), wanted="a whole number ≥ 0")
    acquisition = _with(catalogue.acquisition(method), params)
    stats = _statistics(probs, features, gradients)
    missing = sorted(acquisition.needs - set(stats))
    if missing:
        given, wanted = ", ".join(stats) or "no arrays", ", ".join(sorted(acquisition.needs))
        raise CapabilityError(f"{method} needs {missing[0]}", got=given, wanted=wanted, hint=f"Pass {missing[0]}=….")
    names = _names(ids, stats)
    row_of = {item: row for row, item in enumerate(names)}
    view = ArrayView(names, _groups(names, row_of, labelled, pending), stats, [])
    chosen: Selection = acquisition.select(view, min(int(k), len(view.candidates)), stream(seed, 0, "select"))
    return chosen


def _groups(names: Sequence[str], row_of: Mapping[str, int], labelled: Any, pending: Any) -> dict[str, NDArray[np.int64]]:
    """Rows of candidates, labelled and pending items, each in canonical id order; a pending row with a label is labelled."""
    state = np.zeros(len(names), dtype=np.int8)
    state[list(_members(pending, row_of, len(names), "pending"))] = 2
    state[list(_members(labelled, row_of, len(names), "labelled"))] = 1
    rows = np.fromiter((row_of[item] for item in canonical(names)), dtype=np.int64, count=len(names))
    return {name: rows[state[rows] == code] for code, name in enumerate(("candidates", "labelled", "pending"))}


def _with(acquisition: Any, params: Mapping[str, Any]) -> Any:
    if not params:
        return acquisition
    try:
        return replace(acquisition, **params)
    except TypeError as error:
        raise UsageError(f"bad parameter for {type(acquisition).__name__}: {error}") from error


def _statistics(probs: Any, features: Any, gradients: Any) -> dict[str, Any]:
    from querist.kernels.gradients import residual

    stats: dict[str, Any] = {}
    if probs is not None:
        stats["probs"] = _probabilities(np.asanyarray(probs))
    if features is not None:
        stats["features"] = np.asanyarray(features)
    if gradients is not None:
        stats["gradients"] = tuple(np.asanyarray(part) for part in gradients)
    elif "probs" in stats and "features" in stats:
        stats["gradients"] = (residual(stats["probs"].mean(axis=1)), stats["features"])
    return stats


def _probabilities(probs: NDArray[Any]) -> NDArray[Any]:
    wide = probs[:, None] if probs.ndim == 2 else probs
    if wide.ndim != 3:
        raise StatisticError("probs has the wrong shape", got=probs.shape, wanted="(n, c) or (n, k, c)")
    sums = wide.sum(axis=2, dtype=np.float64)
    bad = np.flatnonzero(~((np.abs(sums - 1) < 1e-3).all(axis=1) & (wide >= 0).all(axis=(1, 2))))
    if len(bad):
        raise StatisticError(f"row {bad[0]} of probs is no distribution", got=f"sum {sums[bad[0]].max():.4g}", wanted="numbers ≥ 0 that sum to 1")
    return wide


def _names(ids: Sequence[str] | None, stats: Mapping[str, Any]) -> list[str]:
    lengths = {name: len(value[0]) if isinstance(value, tuple) else len(value) for name, value in stats.items()}
    if len(set(lengths.values())) > 1:
        raise StatisticError("the arrays have different numbers of rows", got=lengths, wanted="one row per item in each")
    if ids is None and not lengths:
        raise UsageError("select needs arrays or ids", hint="Pass probs=…, features=… or ids=….")
    n = next(iter(lengths.values()), len(ids or ()))
    names = [str(row) for row in range(n)] if ids is None else [str(item) for item in ids]
    if len(names) != n or len(set(names)) != n:
        raise StatisticError("ids must be distinct, one per row", got=f"{len(names)} ids, {len(set(names))} distinct", wanted=f"{n}")
    return names


def _members(given: Any, row_of: Mapping[str, int], n: int, name: str) -> set[int]:
    if given is None:
        return set()
    mask = np.asarray(given)
    if mask.dtype == bool:
        if mask.shape != (n,):
            raise StatisticError(f"the mask {name} has the wrong shape", got=mask.shape, wanted=(n,))
        return set(np.flatnonzero(mask).tolist())
    try:
        return {row_of[str(item)] for item in given}
    except KeyError as error:
        raise UnknownItemError(f"{name} names an item without a row", got=error.args[0], wanted="ids of the arrays") from None
