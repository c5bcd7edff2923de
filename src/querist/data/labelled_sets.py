"""A labelled data set from what a user typed: a named one, a folder of class folders, a table with labels, or any pool beside a file of labels."""

from __future__ import annotations

from pathlib import Path

from querist.core.errors import UsageError
from querist.data.datasets.named import named
from querist.data.labels import TestSet, read_labels, read_test
from querist.data.opening import open_pool
from querist.tasks.values import told


def read_set(at: str, labels: str | None = None, root: str | None = None, task: str = "classification") -> TestSet:
    """Its items and their values.

    Args:
        at: A named data set, of which the development split stays out; or a path: a folder of pictures in one subfolder per class, a table with a
            label column, or with `labels` whatever `open_pool` opens.
        labels: A file with the columns `id` and `label`, as `querist export` writes it.
        root: Folder of a table's picture paths, or of a named set's files.
        task: Kind of the values, which a table holds as texts.

    Raises:
        PoolError: if there is nothing of that name, or it cannot be read.
        UsageError: for labels of other items.
    """
    if labels is not None:
        pool = open_pool(at, root=root)
        there = set(pool.ids())
        values = {row.id: told(task, row.value) for row in read_labels(labels) if row.id in there}
        if not values:
            raise UsageError(f"{labels} has no label of an item of {at}", wanted="a column `id` with ids of that pool")
        return TestSet(pool, values)
    if Path(at).exists():
        found = read_test(at, root=root)
        return TestSet(found.pool, {item: told(task, value) for item, value in found.targets.items()})
    pool = open_pool(at, root=root)
    data = named(at, root)
    return TestSet(pool, {item: data.targets[item] for item in data.candidates})
