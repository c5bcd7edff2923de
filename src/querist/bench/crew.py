"""The workers of a study: a queue of runs, one process a worker, events back in the order they happen."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from querist.bench.spec import StudySpec
from querist.bench.working import THREADS, Emit, Event, work

Run = tuple[str, int]


def work_through(spec: StudySpec, runs: Sequence[Run], folder: Path, emit: Emit) -> None:
    """Make all runs; an error of one is an event. Returns when all are done; on Ctrl-C the workers are stopped first.

    Args:
        spec: The study; `workers` says how many processes, 1 runs here.
        runs: What to do, in this order.
        folder: Where runs lie.
        emit: Takes the events, in this thread.
    """
    count = min(spec.workers, len(runs), os.cpu_count() or 1)
    # A class of a script or notebook exists in this process only.
    here = count <= 1 or any("__main__:" in str(spec.strategy(method)) for method in spec.methods)
    if here:
        for method, seed in runs:
            work(spec, method, seed, folder, emit)
    else:
        _Crew(spec, runs, folder, count).run(emit)


class _Crew:
    """Threads that each keep one worker process busy."""

    def __init__(self, spec: StudySpec, runs: Sequence[Run], folder: Path, count: int) -> None:
        self.spec, self.folder, self.left = spec, folder, len(runs)
        self.jobs: queue.SimpleQueue[Run] = queue.SimpleQueue()
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.stopped = threading.Event()
        self.processes: dict[int, subprocess.Popen[str]] = {}
        for run in runs:
            self.jobs.put(run)
        self.threads = [threading.Thread(target=self._keep_busy, args=(place,), daemon=True) for place in range(count)]

    def run(self, emit: Emit) -> None:
        try:
            for thread in self.threads:
                thread.start()
            while self.left:
                event = self.events.get()
                self.left -= event["event"] in ("done", "failed")
                emit(event)
        finally:
            self.stopped.set()
            for process in list(self.processes.values()):
                process.kill()
            for thread in self.threads:
                thread.join()

    def _keep_busy(self, place: int) -> None:
        process: subprocess.Popen[str] | None = None
        log = self.folder.parent / "logs" / f"worker-{place}.log"
        while not self.stopped.is_set():
            try:
                method, seed = self.jobs.get_nowait()
            except queue.Empty:
                break
            try:
                process = process or self._start(place, log)
                died = None if self._one(process, method, seed) else f"the worker process ended with code {process.wait()} (killed, or out of memory?)"
            except OSError as error:
                died = f"the worker process could not be reached: {error}"
            if died:
                if process is not None:
                    _close(process)
                process = None
                self.events.put({"event": "failed", "method": method, "seed": seed, "error": f"{died}; see logs/{log.name}", "trace": ""})
        if process is not None:
            _close(process)

    def _start(self, place: int, log: Path) -> subprocess.Popen[str]:
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "querist.bench.worker"]
        environment = {**os.environ, **THREADS, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        with log.open("a", encoding="utf-8") as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8", env=environment)
        self.processes[place] = process
        if self.stopped.is_set():  # stopped between the last look and now: whoever comes second sees the other
            process.kill()
        return process

    def _one(self, process: subprocess.Popen[str], method: str, seed: int) -> bool:
        """One run in a worker; False if the worker died of it."""
        job = {"spec": self.spec.model_dump(mode="json"), "method": method, "seed": seed, "folder": str(self.folder)}
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            event = json.loads(line)
            self.events.put(event)
            if event["event"] in ("done", "failed"):
                return True
        return False


def _close(process: subprocess.Popen[str]) -> None:
    """End a worker by ending its input, and its pipes with it; one that is dead already only leaves the pipes."""
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with suppress(BrokenPipeError):
            pipe.close()
    process.wait()
