"""The worker: trains whenever an update is due, until the project is done or it is told to stop."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from querist.core.contracts import Report, no_report
from querist.core.errors import QueristError
from querist.project.rights import right

if TYPE_CHECKING:
    from querist.project.project import Project

_log = logging.getLogger(__name__)


def work(project: Project, stop: threading.Event | None = None, *, report: Report = no_report, poll: float = 1.0) -> tuple[str, ...]:
    """Update when due. One worker a project.

    Args:
        project: The project.
        stop: Set it to end the work after the update in hand.
        report: Told about the progress of each update.
        poll: Seconds between two looks.

    Returns:
        Why the project is done; empty when stopped before.

    Raises:
        BusyError: if there is a living worker already.
    """
    stop = stop or threading.Event()
    failed_at = -1  # a failure is not tried again until somebody said something new
    with right(project.store, "work", project.clock):
        while not stop.is_set():
            progress = project.progress()
            labels = sum(count for count, _ in progress.people.values())
            finished = project.done()
            if labels != failed_at and (project.should_update() or (finished and progress.fresh)):
                try:
                    project.update(report)
                except QueristError as error:
                    failed_at = labels
                    _log.warning("the update failed and is tried again after the next label: %s", error)
            elif finished:
                return finished
            elif not project.advance(poll):  # features of items to come, a second at a time, so that labels are noticed
                stop.wait(poll)
    return ()
