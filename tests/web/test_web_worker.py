"""The training process: never a storm of restarts, never an orphan, and it says why it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from querist.project.project import Project
from querist.web.worker import Worker

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="the worker starts only where torch is installed")


def until(true: Callable[[], object], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@needs_torch
def test_a_worker_that_dies_at_once_is_not_started_in_a_storm() -> None:
    worker = Worker("nothing.querist", command=(sys.executable, "-c", "raise SystemExit(1)"), pauses=(0.05, 60.0))
    worker.start()
    assert until(lambda: worker.state()["starts"] == 2 and worker.state()["state"] == "failed")
    time.sleep(0.5)
    assert worker.state()["starts"] == 2
    assert worker.state()["why"] == "the worker ended with status 1"
    worker.stop()


@needs_torch
def test_the_worker_says_why_it_cannot(tmp_path: Path) -> None:
    worker = Worker(str(tmp_path / "nothing.querist"))
    worker.start()
    assert until(lambda: worker.state()["state"] == "failed")
    assert "no such project" in worker.state()["why"]
    worker.stop()


@needs_torch
def test_what_the_process_says_becomes_the_state() -> None:
    code = 'import sys, time; print(\'noise\'); print(\'{"phase": "train", "fraction": 0.5}\', flush=True); time.sleep(60)'
    worker = Worker("some.querist", command=(sys.executable, "-c", code))
    worker.start()
    assert until(lambda: worker.state()["state"] == "training")
    assert (worker.state()["phase"], worker.state()["fraction"]) == ("train", 0.5)
    began = time.monotonic()
    worker.stop()
    assert time.monotonic() - began < 5


@needs_torch
def test_a_second_worker_is_told_about_the_first(project: Project) -> None:
    path = str(project.store.place.file)
    one, two = Worker(path), Worker(path)
    one.start()
    assert until(lambda: one.state()["state"] == "waiting" and project.store.holder("work", time.time()))
    two.start()
    assert until(lambda: two.state()["state"] == "failed")
    assert "another process" in two.state()["why"]
    two.stop()
    one.stop()
    assert until(lambda: project.store.holder("work", time.time()) is None)


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="reads /proc")
def test_the_process_ends_when_the_server_is_killed(project: Project) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'querist.web.training', sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(project.store.place.file)], stdout=subprocess.PIPE, text=True)
    with server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        assert alive(pid)
        os.kill(server.pid, signal.SIGKILL)
    assert until(lambda: not alive(pid))
