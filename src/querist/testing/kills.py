"""The kill test: children forked from a warm parent ask, tell and update until SIGKILL; nothing acknowledged may be lost.

Afterwards an unkilled twin is told the same and must select the same. Linux and macOS only (`os.fork`).
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from querist.core.contracts import Pool, RuntimeFactory
from querist.project.project import Project

BY = "ann"


@dataclass
class Kills:
    """What happened.

    Attributes:
        total: Kills.
        in_update: Kills between the start and the end of an update.
        acknowledged: Annotation number → (item, value), as the children reported after `tell` returned.
        rounds: Published rounds compared with the twin.
    """

    total: int = 0
    in_update: int = 0
    acknowledged: dict[int, tuple[str, str]] = field(default_factory=dict)
    rounds: int = 0


@dataclass(frozen=True)
class KillTest:
    """One run of the kill test.

    Attributes:
        folder: Where the project and its twin go.
        pool: Makes the pool; called in each process.
        runtime: Makes the runtime.
        create: Further arguments of `Project.create`: classes, batch, learner, test, ….
        tells: Labels told before each update.
        seconds: An update takes about this long; kills are spread over it.
        updates: A kill falls at the latest into this update of a child.
    """

    folder: Path
    pool: Callable[[], Pool]
    runtime: RuntimeFactory
    create: Mapping[str, Any]
    tells: int = 4
    seconds: float = 0.05
    updates: int = 3

    def run(self, kills: int, seed: int = 0) -> Kills:
        """Kill that many children, check after each, compare with the twin at the end.

        Raises:
            AssertionError: if anything acknowledged is lost, the hash chain is broken, or the twin selects otherwise.
        """
        done = Kills()
        rng = np.random.default_rng(seed)
        Project.create(self._path("killed"), pool=self.pool(), runtime=self.runtime, **self.create).close()
        while done.total < kills:
            self._one(done, rng)
        self._compare(done)
        return done

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.querist"

    def _one(self, done: Kills, rng: np.random.Generator) -> None:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reading)
                self._live(writing, int(rng.integers(1 << 30)))
            finally:
                os._exit(1)  # never back into the parent's stack
        os.close(writing)
        aim = int(rng.integers(1, self.updates + 1)) if done.total % 3 else 0
        heard = self._listen(reading, child, aim=aim, wait=float(rng.uniform(0, 1)))
        os.close(reading)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the child failed before it was killed"
        done.total += 1
        done.in_update += heard.count("U") > heard.count("u")
        done.acknowledged.update((int(line[0]), (line[1], line[2])) for line in (text.split(" ") for text in heard) if len(line) == 3)
        self._check(done)

    def _listen(self, reading: int, child: int, *, aim: int, wait: float) -> list[str]:
        """Read the child's reports; kill it in the middle of its update number `aim`, or for 0 a random while after its first sign."""
        text = b""
        while text.count(b"\nU\n") < aim or not text:
            text += _read(reading, 30.0)
        pause = wait * self.seconds
        while select.select([reading], [], [], pause)[0] and not aim:
            text += _read(reading, 30.0)
            pause = wait * self.seconds / 20
        os.kill(child, signal.SIGKILL)
        while more := os.read(reading, 1 << 16):
            text += more
        return text.decode().rpartition("\n")[0].split("\n")  # a last line without its end was never acknowledged

    def _live(self, out: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        project = Project.open(self._path("killed"), pool=self.pool(), runtime=self.runtime)
        names = list(self.create["classes"])
        known = list(project.labels())
        _write(out, "hello")
        while True:
            query = project.ask(self.tells, by=BY)
            revised = [known[place] for place in rng.integers(0, len(known), 1)] if known else []
            for item in [*query.ids, *revised]:
                told = project.tell(item, names[int(rng.integers(len(names)))], by=BY)
                _write(out, f"{told.number} {told.item} {told.value}")
            project.release(query)
            _write(out, "U")
            project.update()
            _write(out, "u")

    def _check(self, done: Kills) -> None:
        with Project.open(self._path("killed")) as project:
            history = {note.number: (note.item, note.value) for note in project.history()}
            lost = {number: said for number, said in done.acknowledged.items() if history.get(number) != said}
            assert not lost, f"acknowledged and lost: {lost}"
            latest = dict(history[number] for number in sorted(history))
            assert project.labels() == latest, "the training view is not the latest word"
            assert project.verify_chain() is None
            for query in {query for (query,) in _open_queries(project)}:
                project.store.release(query)  # so that what is pending does not depend on when the kill fell

    def _compare(self, done: Kills) -> None:
        """Tell a twin the same, round by round, and let it select."""
        with (
            Project.open(self._path("killed"), pool=self.pool(), runtime=self.runtime) as killed,
            Project.create(self._path("twin"), pool=self.pool(), runtime=self.runtime, **self.create) as twin,
        ):
            if killed.labels():
                killed.update()  # finishes what the last kill interrupted
            told = 0
            notes = list(killed.history())
            for round_ in killed.rounds()[1:]:
                given = killed.store.round_input(round_.n)
                assert given is not None and not given.pending
                twin.tell_many([(note.item, note.value) for note in notes[told : given.annotation_max]], by=BY)
                told = given.annotation_max
                twin.update()
                assert twin.ranking(round_.n) == killed.ranking(round_.n), f"round {round_.n} selects otherwise than the twin"
                done.rounds += 1


def _open_queries(project: Project) -> list[tuple[int]]:
    from sqlalchemy import select as choose

    from querist.store.tables import lease

    with project.store._read() as connection:
        return [(row.query,) for row in connection.execute(choose(lease.c.query))]


def _write(out: int, line: str) -> None:
    os.write(out, f"{line}\n".encode())


def _read(reading: int, patience: float) -> bytes:
    ready, _, _ = select.select([reading], [], [], patience)
    assert ready, "the child says nothing"
    text = os.read(reading, 1 << 16)
    assert text, "the child ended by itself"
    return text
