"""Keeps a training process running beside the server, without ever starting one after the other in a storm."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final

from querist.web.training import BUSY

PAUSES: Final = (2.0, 10.0, 60.0, 300.0)
"""Seconds before a worker that died is started again, the first time, the second time, …; then the last for ever."""

CALM_SECONDS: Final = 600.0
"""A worker that lived this long has earned a quick start again."""

DONE_SECONDS: Final = 30.0
"""Between two looks whether a finished project goes on after all (more items, a larger budget)."""


class Worker:
    """A training process and who watches it.

    Args:
        path: The project.
        command: What to run, the path appended.
        pauses: See `PAUSES`.
    """

    def __init__(self, path: str, *, command: Sequence[str] = (sys.executable, "-m", "querist.web.training"), pauses: Sequence[float] = PAUSES) -> None:
        self._command = (*command, path)
        self._pauses = tuple(pauses)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {"state": "starting", "phase": None, "fraction": 0.0, "why": None, "starts": 0}
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._watch, name="querist-worker", daemon=True)

    def start(self) -> None:
        """Start it, if what trains is installed."""
        if find_spec("torch") is None:
            self._note(state="off", why="torch is not installed, so no model is trained here: pip install 'querist[deep]'")
            return
        self._thread.start()

    def state(self) -> Mapping[str, Any]:
        """`state` (`off`, `starting`, `waiting`, `training`, `failed`, `done`), `phase`, `fraction`, `why`, `starts`."""
        with self._lock:
            return dict(self._state)

    def stop(self) -> None:
        """End it and wait; an update in hand is resumed by the next worker."""
        with self._lock:
            self._stop.set()
            process = self._process
        if process is not None:
            _end(process)
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _watch(self) -> None:
        failures = 0
        while not self._stop.is_set():
            born = time.monotonic()
            status = self._live()
            if self._stop.is_set():
                break
            if status == 0:
                failures = 0
                self._note(state="done")
                self._stop.wait(DONE_SECONDS)
                continue
            failures = 1 if time.monotonic() - born > CALM_SECONDS else failures + 1
            why = self.state()["why"] or f"the worker ended with status {status}"
            self._note(state="failed", why=why)
            self._stop.wait(self._pauses[-1] if status == BUSY else self._pauses[min(failures, len(self._pauses)) - 1])

    def _live(self) -> int:
        """One life of the process; its exit status."""
        with self._lock:
            if self._stop.is_set():
                return 0
            # Its input is a pipe that ends with this process, however this process ends.
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self._state = {**self._state, "starts": self._state["starts"] + 1, "why": None}
            process = self._process
        try:
            for line in process.stdout or ():
                self._hear(line)
            return process.wait()
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _hear(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return
        if "phase" in said:
            waiting = said["phase"] == "wait" or (said["phase"] == "select" and said["fraction"] >= 1)
            self._note(state="waiting" if waiting else "training", phase=None if waiting else said["phase"], fraction=said["fraction"], why=None)
        elif "warning" in said or "error" in said:
            self._note(state="failed", phase=None, why=said.get("warning") or said["error"])

    def _note(self, **facts: Any) -> None:
        with self._lock:
            self._state = {**self._state, **facts}


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
