"""A round whose model was trained elsewhere: statistics came by id, Querist ranks, evaluates and keeps the record. Free of torch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.contracts import Acquisition, adapted
from querist.core.errors import CapabilityError, StatisticError
from querist.core.records import RoundJob, RoundResult
from querist.core.spec import spec
from querist.core.statistic import at_hand, rows_of
from querist.kernels.gradients import residual
from querist.learn.selecting import choose
from querist.tasks.classification.measures import Classes

Table = tuple[Mapping[str, int], Any]


class OutsideView:
    """A PoolView over rows that another model wrote.

    Args:
        tables: Statistic → (row of each id, array or pair).
        groups: `candidates`, `labelled`, `pending` → ids in canonical order; labelled and pending keep those that have rows.
        labels: Class position of each labelled item.
        classes: Number of classes.
        number: Number of the round.
    """

    def __init__(self, tables: Mapping[str, Table], groups: Mapping[str, Sequence[str]], labels: Sequence[int], classes: int, number: int = 1) -> None:
        self._tables, self._groups = tables, groups
        self.candidates, self.labelled, self.pending = groups["candidates"], groups["labelled"], groups["pending"]
        self.labels, self.classes, self.round = labels, classes, number

    def stat(self, name: str, of: str = "candidates") -> Any:
        """See `PoolView.stat`."""
        if name not in self._tables:
            raise CapabilityError(f"the outside model gave no {name!r}", got=", ".join(self._tables), wanted=name, hint=f"Give update --{name} FILE too.")
        return take(self._tables[name], self._groups[of])


def outside_round(job: RoundJob, acquisition: Acquisition) -> RoundResult:
    """Rank by an outside model's statistics.

    Args:
        job: With `outside` not empty.
        acquisition: Chooses. If it needs gradients and none were given, they are made of `probs` and `features`.

    Raises:
        CapabilityError: if the acquisition needs a statistic that was not given.
        StatisticError: if no candidate has all rows, or probabilities are for another number of classes.
    """
    started = time.perf_counter()
    task = Classes.of(job.schema)
    acquisition = adapted(acquisition, at_hand(job.outside))
    tables = _tables(job, len(task.names), acquisition.needs)
    missing = sorted(acquisition.needs - set(tables))
    if missing:
        raise CapabilityError(
            f"the method needs {missing[0]!r}", got=", ".join(tables), wanted=", ".join(sorted(acquisition.needs)), hint=f"Give update --{missing[0]} FILE too."
        )

    def known(ids: Sequence[str]) -> list[str]:
        return [item for item in ids if all(item in rows for rows, _ in tables.values())]

    candidates, labelled, pending = known(job.candidates), known(list(job.labelled)), known(job.pending)
    if not candidates and job.candidates:
        raise StatisticError("no item that may be asked has a row in every file", got=f"{len(job.candidates)} candidates", wanted="rows by item id")
    labels = task.targets({item: job.labelled[item] for item in labelled}).tolist()
    view = OutsideView(tables, {"candidates": candidates, "labelled": labelled, "pending": pending}, labels, len(task.names), job.round)
    ranking = choose(acquisition, view, job)
    tested = known(list(job.test)) if "probs" in tables else []
    metrics = {} if not tested else task.metrics(take(tables["probs"], tested).mean(axis=1), task.targets({item: job.test[item] for item in tested}))
    return RoundResult(
        ranking=ranking,
        metrics=metrics,
        seconds={"train": 0.0, "score": 0.0, "select": time.perf_counter() - started},
        scored=len(candidates),
        info={"learner": "outside", "acquisition": spec(acquisition), "statistics": sorted(job.outside), "tested": len(tested), "labels": len(job.labelled)},
    )


def _tables(job: RoundJob, classes: int, needs: frozenset[str]) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for name, (ids, array) in job.outside.items():
        tables[name] = ({item: row for row, item in enumerate(ids)}, _shaped(name, array, classes))
    if "gradients" in needs - set(tables) and {"probs", "features"} <= set(tables):
        tables["gradients"] = _gradients(tables["probs"], tables["features"])
    return tables


def _gradients(probs: Table, features: Table) -> Table:
    """The factorised gradients of a linear last layer, for the items that have both of its sides."""
    ids = [item for item in probs[0] if item in features[0]]
    mean = take(probs, ids).mean(axis=1, dtype=np.float64).astype(np.float32)
    return {item: row for row, item in enumerate(ids)}, (residual(mean), take(features, ids))


def take(table: Table, ids: Sequence[str]) -> Any:
    """The rows of ids of an array or of both arrays of a pair."""
    rows, value = table
    places = np.fromiter((rows[item] for item in ids), dtype=np.int64, count=len(ids))
    return rows_of(value, places)


def _shaped(name: str, array: Any, classes: int) -> Any:
    if name != "probs":
        return tuple(np.asarray(part) for part in array) if isinstance(array, tuple | list) else np.asarray(array)
    probs: NDArray[Any] = np.asarray(array)
    probs = probs[:, None] if probs.ndim == 2 else probs
    if probs.ndim != 3 or probs.shape[2] != classes:
        raise StatisticError("probabilities do not fit the classes", got=f"shape {probs.shape}", wanted=f"(n, {classes}) or (n, k, {classes})")
    return probs
