"""A hypothesis state machine over one project: any interleaving of the verbs, crashes and other processes' class changes.

It keeps its own naive books beside the store (who holds what until when, who said what last) and compares. Plug another runtime in by
subclassing with another `factory`; keep it deterministic.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import insert

from querist.core.clock import ManualClock
from querist.core.contracts import Report, Runtime, RuntimeFactory
from querist.core.records import Query, RoundJob, RoundResult
from querist.project.project import Project
from querist.store.tables import lock
from querist.testing.projects import ListPool, OrderRuntime

POOL, TEST, TTL = 14, 2, 50.0
PEOPLE = st.sampled_from(["ann", "bob"])
NOBODY = 2**22 + 1
"""A process number that no process has."""


class Crash(BaseException):
    """The end of a process, as far as the project can tell."""


class _Observed:
    def __init__(self, inner: Runtime) -> None:
        self.inner = inner
        self.job: RoundJob | None = None
        self.error: BaseException | None = None

    def train_score_select(self, job: RoundJob, report: Report) -> RoundResult:
        self.job = job
        result = self.inner.train_score_select(job, report)
        if self.error is not None:
            raise self.error
        return result


class ProjectMachine(RuleBasedStateMachine):
    """See the module."""

    factory: RuntimeFactory = staticmethod(OrderRuntime.factory)
    _template: Path | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="querist-machine-"))
        self.clock = ManualClock()
        self.leases: dict[str, tuple[str, str, float]] = {}  # item → annotator, query, until
        self.said: dict[tuple[str, str], str] = {}  # item, annotator → class id
        self.acknowledged = 0
        self.rejected: set[str] = set()
        self.names = {"c0": "cat", "c1": "dog", "c2": "eel"}
        self.queries: list[Query] = []
        self.crashed: dict[str, Any] | None = None

    @initialize()
    def create(self) -> None:
        """A fresh copy of one small project: making a file each time would be most of the work."""
        kind = type(self)
        if kind._template is None:
            kind._template = Path(tempfile.mkdtemp(prefix="querist-machine-")) / "template.querist"
            test = {f"item-{number}": "cat" for number in range(TEST)}
            names = list(self.names.values())
            Project.create(
                kind._template, pool=ListPool(POOL), classes=names, runtime=kind.factory, batch=2, initial=2, ttl=TTL, test=test, clock=self.clock
            ).close()
        shutil.copy(kind._template, self.folder / "a.querist")
        self.pool = ListPool(POOL)
        self.items = [f"item-{number}" for number in range(TEST, POOL)]
        self._open()
        for item, class_id in zip(self.items, ("c0", "c1"), strict=False):  # else half of all runs never train
            self._tell(item, "ann", class_id)

    def _open(self) -> None:
        self.project = Project.open(self.folder / "a.querist", pool=self.pool, runtime=self._observed, clock=self.clock)

    def _observed(self, spec: Any, pool: Any) -> Runtime:
        self.runtime = _Observed(type(self).factory(spec, pool))
        return self.runtime

    def teardown(self) -> None:
        """Close, and clean up."""
        if hasattr(self, "project"):
            try:
                self._books_agree()
            finally:
                self.project.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _held(self) -> dict[str, tuple[str, str, float]]:
        return {item: held for item, held in self.leases.items() if held[2] > self.clock()}

    @rule(by=PEOPLE, k=st.integers(1, 6))
    def ask(self, by: str, k: int) -> None:
        """Nothing that another holds, that is labelled or rejected; first what they hold."""
        held = self._held()
        mine = [item for item, (who, _, _) in held.items() if who == by]
        free = [item for item in self.items if item not in held and item not in self.rejected and item not in {item for item, _ in self.said}]
        query = self.project.ask(k, by=by)
        assert len(set(query.ids)) == len(query.ids) == min(k, len(mine) + len(free))
        assert set(query.ids[: len(mine)]) <= set(mine) and set(query.ids[len(mine) :]) <= set(free)
        self.leases.update((item, (by, query.id, query.expires)) for item in query.ids)
        self.queries.append(query)

    @rule(by=PEOPLE, data=st.data())
    def tell(self, by: str, data: st.DataObject) -> None:
        """Anything by anybody, asked or not."""
        item = data.draw(st.sampled_from(self.items))
        class_id = data.draw(st.sampled_from(sorted(self.names)))
        self._tell(item, by, class_id)

    def _tell(self, item: str, by: str, class_id: str) -> None:
        told = self.project.tell(item, self.names[class_id], by=by)
        self.acknowledged += 1
        assert told.number == self.acknowledged
        assert (told.supersedes is None) == ((item, by) not in self.said)
        self.said[item, by] = class_id
        self.leases.pop(item, None)

    @rule(by=PEOPLE, data=st.data(), again=st.booleans())
    def skip(self, by: str, data: st.DataObject, again: bool) -> None:
        """Gives the item back; rejects it for good unless `again`."""
        item = data.draw(st.sampled_from(self.items))
        self.project.skip(item, again=again, by=by)
        if not again:
            self.rejected.add(item)
        if not again or self.leases.get(item, ("",))[0] == by:
            self.leases.pop(item, None)

    @precondition(lambda self: self.queries)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """Only what the query still holds."""
        query = data.draw(st.sampled_from(self.queries))
        self.project.release(query)
        self.leases = {item: held for item, held in self.leases.items() if held[1] != query.id}

    @rule(seconds=st.sampled_from([1.0, TTL / 2, TTL + 1]))
    def wait(self, seconds: float) -> None:
        """Leases expire."""
        self.clock.advance(seconds)

    @precondition(lambda self: len(self.items) < 24)
    @rule(n=st.integers(1, 2))
    def extend(self, n: int) -> None:
        """Items are added."""
        fresh = [f"item-{len(self.items) + TEST + offset}" for offset in range(n)]
        assert self.project.extend(fresh) == fresh
        self.items += fresh

    @rule(data=st.data(), elsewhere=st.booleans())
    def change_classes(self, data: st.DataObject, elsewhere: bool) -> None:
        """Add, rename or retire, here or in another process."""
        made = self.project
        if elsewhere:
            made = Project.open(self.folder / "a.querist", clock=self.clock)
        new = f"class-{len(self.project.store.label_spaces())}"
        what = data.draw(st.sampled_from(["add", "rename"] + ["retire"] * (len(self.names) > 2)))
        class_id = data.draw(st.sampled_from(sorted(self.names)))
        if what == "add":
            made.add_classes([new])
            schema = made.space.schema()["classes"]
            self.names[schema[-1]["id"]] = new
        elif what == "rename":
            made.rename_class(self.names[class_id], new)
            self.names[class_id] = new
        else:
            made.retire_class(self.names.pop(class_id))
        if elsewhere:
            made.close()
            self.project.classes.forget()  # a reader of views sees the change at its next look; a tell finds out by itself

    def _consensus(self) -> dict[str, str]:
        targets = {}
        for item in {item for item, _ in self.said}:
            votes = Counter(class_id for (told, _), class_id in self.said.items() if told == item and class_id in self.names).most_common()
            if votes and (len(votes) == 1 or votes[0][1] > votes[1][1]):
                targets[item] = self.names[votes[0][0]]
        return targets

    @precondition(lambda self: self.crashed or self._consensus())
    @rule()
    def update(self) -> None:
        """Sees the labels of its start, ranks only what it may, and can be replayed."""
        expected = self.crashed or self._input()
        round_ = self.project.update()
        self._check_job(expected)
        assert round_.labels_used == len(expected["labels"])
        assert self.project.replay(round_.n).ranking.ids == self.project.ranking().ids
        assert self.project.verify_chain() is None
        self.crashed = None

    @precondition(lambda self: self._consensus() and not self.crashed)
    @rule()
    def fail_in_update(self) -> None:
        """An error leaves the round before in force, and binds nobody."""
        before = self.project.ranking()
        self.project._bound()
        self.runtime.error = RuntimeError("on purpose")
        try:
            self.project.update()
        except RuntimeError:
            pass
        else:
            raise AssertionError("the failure was swallowed")
        self.runtime.error = None
        assert self.project.ranking() == before

    @precondition(lambda self: self._consensus())
    @rule(late=st.integers(0, 2))
    def crash_in_update(self, late: int) -> None:
        """The process dies in the middle: its lock stays, its input stays, another process goes on and is told more before it updates."""
        self.crashed = self.crashed or self._input()
        self.project._bound()
        self.runtime.error = Crash()
        try:
            self.project.update()
        except Crash:
            pass
        with self.project.store._write() as connection:
            row = {"name": "update", "token": "gone", "pid": NOBODY, "host": socket.gethostname(), "since": self.clock(), "beat": self.clock()}
            connection.execute(insert(lock), row)
        self.project.close()
        self._open()
        for item in self.items[:late]:
            self._tell(item, "bob", min(self.names))

    @rule()
    def reopen(self) -> None:
        """Nothing lives in the process."""
        self._books_agree()
        self.project.close()
        self._open()

    def _input(self) -> dict[str, Any]:
        held = set(self._held())
        labelled = {item for item, _ in self.said}
        out = held | labelled | self.rejected
        return {"labels": self._consensus(), "pending": held, "candidates": {item for item in self.items if item not in out}, "names": dict(self.names)}

    def _check_job(self, expected: dict[str, Any]) -> None:
        job = self.runtime.job
        assert job is not None
        assert dict(job.labelled) == expected["labels"]
        assert set(job.pending) == expected["pending"]
        assert set(job.candidates) == expected["candidates"]
        assert [row["name"] for row in job.schema["classes"] if not row["retired"]] == list(expected["names"].values())
        assert set(self.project.ranking().ids) <= expected["candidates"]

    def _books_agree(self) -> None:
        """Nothing acknowledged is lost, nothing is leased twice, every count fits."""
        assert self.project.labels() == self._consensus()
        counts = self.project.store.counts(self.clock())
        assert counts["annotations"] == self.acknowledged
        assert counts["leased"] == len(self._held())
        assert counts["labelled"] == len({item for item, _ in self.said})
        assert counts["items"] == len(self.items)
