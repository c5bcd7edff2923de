"""The worker, and the exclusive rights that keep it alone."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from sqlalchemy import insert

from querist.core.clock import ManualClock
from querist.core.errors import BusyError, TrainingError
from querist.project.project import Project
from querist.project.rights import right
from querist.project.worker import work
from querist.store.locks import STALE_SECONDS
from querist.store.tables import lock
from querist.testing.projects import ListPool, OrderRuntime


def _project(**more):
    return Project.create(":memory:", pool=ListPool(40), **{"classes": ["cat", "dog"], "runtime": OrderRuntime.factory, "batch": 3, **more})


def _leave(project, *, pid, host=None):
    with project.store._write() as connection:
        now = project.clock()
        connection.execute(insert(lock), {"name": "update", "token": "other", "pid": pid, "host": host or socket.gethostname(), "since": now, "beat": now})


def test_it_trains_when_due_and_ends_when_done():
    with _project(budget=6) as project:
        thread = threading.Thread(target=work, args=(project,), kwargs={"poll": 0.01})
        thread.start()
        for _ in range(2):
            project.tell_many([(item, "cat") for item in project.ask(3).ids])
        thread.join(20)
        assert not thread.is_alive() and project.rounds()[-1].labels_used == 6


def test_it_stops_when_told():
    stop = threading.Event()
    stop.set()
    with _project() as project:
        assert work(project, stop) == ()


def test_a_failure_waits_for_the_next_label(caplog):
    stop = threading.Event()
    tries = []

    class Diverging(OrderRuntime):
        def train_score_select(self, job, report):
            tries.append(len(job.labelled))
            if len(job.labelled) > 3:
                stop.set()
            raise TrainingError("it diverged")

    with _project(runtime=lambda spec, pool: Diverging()) as project:
        project.tell_many([(item, "cat") for item in project.ask(3).ids])
        thread = threading.Thread(target=work, args=(project, stop), kwargs={"poll": 0.01})
        thread.start()
        while not tries:
            stop.wait(0.01)
        stop.wait(0.1)
        project.tell(project.ask(1).ids[0], "cat")
        thread.join(20)
    assert tries == [3, 4] and "diverged" in caplog.text


def test_a_second_worker_is_refused_and_told_whose_the_first_is():
    with _project() as project, right(project.store, "work", project.clock), pytest.raises(BusyError, match=f"process {os.getpid()} on"):
        work(project)


@pytest.mark.parametrize("host", [None, "elsewhere"])
def test_a_living_owner_is_respected_until_its_heart_stops(host):
    clock = ManualClock()
    with _project(clock=clock) as project:
        project.tell("item-1", "cat")
        _leave(project, pid=os.getppid(), host=host)
        with pytest.raises(BusyError):
            project.update()
        clock.advance(STALE_SECONDS + 1)
        assert project.update().n == 1


@pytest.mark.parametrize("pid", [2**22 + 1, os.getpid()], ids=["gone", "reused"])
def test_a_dead_owner_is_taken_over_at_once(pid):
    with _project() as project:
        project.tell("item-1", "cat")
        _leave(project, pid=pid)  # our own number: a process of before, as containers reuse them
        assert project.update().n == 1


def test_who_lost_the_right_publishes_nothing():
    with _project() as project:
        project.tell("item-1", "cat")

        def steal(phase, fraction, extra):
            with project.store._write() as connection:
                connection.execute(lock.update().values(token="thief"))

        with pytest.raises(BusyError, match="took over"):
            project.update(steal)
        assert project.rounds()[-1].n == 0
