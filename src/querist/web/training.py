"""The worker's own process: trains while people label, says on its output what it does, and ends with whoever started it."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final, TextIO

from querist.core.errors import BusyError, QueristError
from querist.core.threads import limit_threads
from querist.project.project import Project
from querist.project.worker import work

BUSY: Final = 3
"""Exit status when there is another worker."""

REFUSED: Final = 4
"""Exit status when the project cannot be worked on as it is."""

GRACE_SECONDS: Final = 2.0


class Lines:
    """Says things as lines of JSON."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def say(self, **facts: Any) -> None:
        """One line; nobody listening any more is no error."""
        with self._lock:
            try:
                self._stream.write(json.dumps(facts) + "\n")
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                return

    def report(self, phase: str, fraction: float, extra: Mapping[str, Any]) -> None:
        """Progress of an update, as `core.contracts.Report`."""
        self.say(phase=phase, fraction=round(float(fraction), 3))


class Warnings(logging.Handler):
    """Passes on what the worker warns about: an update that failed."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        self._lines.say(warning=record.getMessage())


def main() -> int:
    """Work on the project named by the first argument until it is done or the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    if hasattr(os, "nice"):
        os.nice(10)  # people at the page come first
    limit_threads()
    lines, stop = Lines(sys.stdout), threading.Event()
    sys.stdout = sys.stderr  # whatever else is said must not get between the lines
    logging.getLogger("querist").addHandler(Warnings(lines))
    threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    try:
        with Project.open(sys.argv[1]) as project:
            lines.say(phase="wait", fraction=0.0)
            work(project, stop, report=lines.report)
    except BusyError as error:
        lines.say(error=str(error))
        return BUSY
    except QueristError as error:
        lines.say(error=str(error))
        return REFUSED
    return 0


def _end_with_parent(stop: threading.Event) -> None:
    """Our input ends when the server does, however it does; an update in hand is resumed by the next worker."""
    while os.read(0, 1024):
        pass
    stop.set()
    threading.Event().wait(GRACE_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
