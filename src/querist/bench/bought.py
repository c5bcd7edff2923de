"""What the methods of a study bought: how soon every class was seen, the rare ones, near-duplicates; and what training on it takes.

Read from the items that runs recorded and from the data set; a study without either says nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.bench.curves import training_at
from querist.bench.labelling import Labelling, labelling
from querist.bench.redundancy import NEAR, typical_distance
from querist.bench.results import Bought, MethodResult, Saturation, Trained
from querist.bench.runs import RunRecord
from querist.bench.spec import StudySpec
from querist.core.errors import QueristError
from querist.core.rng import stream
from querist.data.datasets import NamedPool, NamedSet, named

WORK: Final = 2e10
"""Products that looking for near-duplicates may take: of very large studies it is looked for in the first seeds only."""


def bought(spec: StudySpec, runs: Sequence[RunRecord]) -> list[Bought]:
    """What every method bought over its runs, in the order of the study.

    Args:
        spec: The study.
        runs: Its finished runs.

    Returns:
        One row a method; none for runs that recorded no items, and where the data set is not to be had here.
    """
    runs = [run for run in runs if run.rounds and all(row.ids for row in run.rounds)]
    if not runs or spec.factory != StudySpec.model_fields["factory"].default:
        return []
    try:
        data = named(spec.dataset, spec.root)
    except QueristError:
        return []
    if data.kind != "classification":
        return []
    place = {name: at for at, name in enumerate(data.classes)}
    classes = {item: place[data.targets[item]] for item in data.candidates}
    if any(item not in classes for run in runs for row in run.rounds for item in row.ids):  # made on other data of the name
        return []
    near = _Near(spec, runs)
    rows = []
    for method in spec.methods:
        found = [_one(run, classes, near) for run in runs if run.method == method]
        if found:
            rows.append(_mean(method, found, data))
    return rows


def trained(spec: StudySpec, methods: Mapping[str, MethodResult], saturation: Saturation | None) -> list[Trained]:
    """Seconds of one training on what a method chose against one on the whole pool, at the first budget at which the two are equivalent.

    Args:
        spec: The study; within its `margin` accuracies count as equal.
        methods: Its results.
        saturation: What the whole pool gives.

    Returns:
        One row a method; without labels where it does not get there within the budget. None where the whole pool was not trained on.
    """
    if saturation is None or not saturation.training or not min(saturation.training) > 0:
        return []
    full, seconds = fmean(saturation.values), fmean(saturation.training)
    rows = []
    for name, result in methods.items():
        if result.curve:
            found = training_at(spec.budgets, result.curve, [part.train for part in result.rounds], full, seconds, shortfall=spec.margin)
            labels, own = (None, None) if found is None else (found.labels, found.seconds)
            rows.append(Trained(method=name, labels=labels, seconds=own, full_labels=saturation.labels, full_seconds=seconds))
    return rows


class _Near:
    """Near-duplicates among the items of a run, as far as items are numbers and looking for them is no study of its own."""

    def __init__(self, spec: StudySpec, runs: Sequence[RunRecord]) -> None:
        self.pool = NamedPool(spec.dataset, spec.root, "pool")
        self.distance: float | None = None
        self.seeds: frozenset[int] = frozenset()
        ids = list(self.pool.ids())
        rows = _flat(self.pool, [ids[row] for row in np.sort(stream(0, 0, "subpool").permutation(len(ids))[:2000])])
        if rows is None:
            return
        self.distance = NEAR * typical_distance(rows, stream(0, 0, "subpool"))
        each = len(spec.methods) * spec.budget**2 / 2 * rows.shape[1]
        self.seeds = frozenset(sorted({run.seed for run in runs})[: int(WORK // each)])

    def features(self, run: RunRecord, ids: Sequence[str]) -> dict[str, NDArray[np.float64]] | None:
        """Item → numbers, None where there are none or they are not looked at."""
        if run.seed not in self.seeds:
            return None
        rows = _flat(self.pool, ids)
        return None if rows is None else dict(zip(ids, rows, strict=True))


def _flat(pool: NamedPool, ids: Sequence[str]) -> NDArray[np.float64] | None:
    taken = np.asarray(pool.take(ids))
    return taken.reshape(len(taken), -1).astype(np.float64) if np.issubdtype(taken.dtype, np.number) else None


def _one(run: RunRecord, classes: Mapping[str, int], near: _Near) -> Labelling:
    ids = [item for row in run.rounds for item in row.ids]
    features = near.features(run, ids)
    return labelling(ids, classes, features=features, distance=None if features is None else near.distance)


def _mean(method: str, found: Sequence[Labelling], data: NamedSet) -> Bought:
    once, ten = ([row for row in rows if row is not None] for rows in zip(*((one.until_every_class, one.until_ten_each) for one in found), strict=True))
    near = [one.near_duplicates for one in found if one.near_duplicates is not None]
    return Bought(
        method=method,
        runs=len(found),
        every_class=fmean(once) if once else None,
        every_class_missed=len(found) - len(once),
        ten_each=fmean(ten) if ten else None,
        ten_each_missed=len(found) - len(ten),
        rarest=data.classes[found[0].rarest],
        rarest_recall=fmean(one.rarest_recall for one in found),
        balance=fmean(one.balance for one in found),
        near_duplicates=fmean(near) if near else None,
    )
