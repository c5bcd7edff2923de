"""Encoded items for simulated runs: computed once for all runs of a study, in full before the first of them trains.

A project of people ranks what is ready and computes the rest beside the work. A comparison may not: which candidates have
features, and which test items, would depend on the machine and on the order of the runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from querist.core.binding import lazy_runtime
from querist.core.contracts import Pool, Runtime, RuntimeFactory, no_report
from querist.core.errors import BusyError, PoolError
from querist.core.spec import Spec

if TYPE_CHECKING:
    from querist.learn.inputs import Inputs

SHARED: Final = "features"
"""Key of a spec on its way to the learner, never stored: the folder whose features several projects share."""

PATIENCE: Final = 6 * 3600.0
"""Seconds to wait for another process that is encoding the same items."""


def sharing(folder: Path | None) -> RuntimeFactory:
    """Binds projects to learners whose features lie in one folder.

    Args:
        folder: That of a study; None for the project's own.
    """

    def bind(spec: Spec, pool: Pool | None) -> Runtime:
        return lazy_runtime({**spec, SHARED: str(folder or Path(spec["folder"]) / "features")}, pool)

    return bind


def fill(inputs: Inputs, pool: Pool) -> None:
    """Make all items of a pool ready. `inputs` must be free to take as long as it needs.

    Raises:
        PoolError: for an item that cannot be read.
    """
    broken = inputs.prepare(pool.ids(), no_report)
    if broken:
        item, reason = next(iter(broken.items()))
        raise PoolError(f"item {item!r} cannot be read: {reason}", hint="A comparison needs every item of its data set.")


@contextmanager
def alone(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """One process at a time: the others would only compute the same. A process that is killed gives its turn back.

    Raises:
        BusyError: if another process has been at it for longer than `patience` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "turn", timeout=patience, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise BusyError(f"cannot encode items into {folder}: {error}", wanted="no other process that has been encoding there for hours") from error
        yield
