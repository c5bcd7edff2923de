"""`Project`: one durable thing with the verbs ask, tell and update. Every client (loop, page, command line, other tools) uses these and nothing else."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from querist.core.binding import lazy_runtime
from querist.core.clock import Clock, system_clock
from querist.core.contracts import Advancing, LabelSpace, Oracle, Pool, Report, Runtime, RuntimeFactory, no_report
from querist.core.errors import PoolError, QueristError, UsageError
from querist.core.records import Annotation, Query, Round, RoundResult, Selection
from querist.core.rng import stream
from querist.core.spec import build, canonical_json
from querist.project import creating, exporting, loop, snapshot, stopping, telling
from querist.project.classes import Classes
from querist.project.telling import ANONYMOUS, Review, Row, ToldMany
from querist.project.updating import Outside, Updater
from querist.store.artifacts import Artifacts
from querist.store.engine import place
from querist.store.leasing import Wish
from querist.store.verbs import Progress, Store
from querist.tasks import new_space

TTL: Final = 3600.0
"""Seconds that a lease lasts unless the project or the caller says otherwise."""


class Project:
    """A pool, its labels and its rounds. Made by `create` or `open`; close it, or use it as a context manager.

    Safe to share between threads, and as many processes may open the same file; open it again after a fork.
    """

    def __init__(self, store: Store, artifacts: Artifacts, *, runtime: RuntimeFactory, clock: Clock, pool: Pool | None) -> None:
        self.store: Final = store
        self.artifacts: Final = artifacts
        self.classes: Final = Classes(store)
        self.clock: Final = clock
        self._factory = runtime
        self._pool = pool
        self._runtime: Runtime | None = None
        self._mark: str | None = None
        self._gone: Callable[[], object] | None = None

    @classmethod
    def create(
        cls, path: str | Path, *, pool: Pool, task: LabelSpace | str = "classification", classes: Sequence[str] | None = None, method: Any = "auto",
        learner: Mapping[str, Any] | None = None, seed: int = 0, batch: int | None = None, initial: int | None = None, reserve: int | None = None,
        budget: str | int | None = None, target: float | None = None, rounds: int | None = None, on_empty: str = "random", ttl: float = TTL,
        score_pool: int | None = 10_000, test: Mapping[str, Any] | None = None, test_pool: Pool | None = None,
        annotations: Mapping[str, Any] | Iterable[Any] | None = None, quarantined: Mapping[str, str] | None = None,
        runtime: RuntimeFactory = lazy_runtime, clock: Clock = system_clock,
    ) -> Project:  # fmt: skip
        """Make a project and publish round 0, a random order, so that `ask` works at once.

        Args:
            path: A path ending in `.querist`, `":memory:"`, or a `postgresql://` URL.
            pool: The items.
            task: A label space, or a task kind together with `classes`.
            classes: Names of the classes.
            method: Name in the catalogue, `"module:Class"`, or an acquisition.
            learner: What to train, as the catalogue's recipes say it.
            seed: Root of all random streams.
            batch: Labels between two updates, 20 by default.
            initial: Labels before the first one, a batch by default.
            reserve: Items ranked behind the batch, ten batches by default.
            budget: `500` labels or `40h` of active annotation; no limit by default.
            target: Accuracy on the test items at which to stop.
            rounds: Rounds after which to stop.
            on_empty: What `ask` does when a ranking is used up: `random` items, or `wait` for the next round.
            ttl: Seconds that a lease lasts.
            score_pool: How many candidates a round scores at most; None for all.
            test: Held-out item → value; never asked, evaluated after each update.
            test_pool: The pool that holds the test items, when `pool` does not.
            annotations: Labels that exist already: id → value, or rows as `tell_many` takes them.
            quarantined: Pool item → reason why it must not be asked.
            runtime: Binds the learner; called on the first `update`.
            clock: The time.

        Raises:
            UsageError: for parameters that cannot be right.
            PoolError: for an empty pool, or ids that come twice.
            LabelError: for a value that the task refuses, or a label for a test item.
            StoreError: if there is a project already, or the place cannot be written.
        """
        place(path)
        options = {
            "method": method, "learner": learner, "seed": seed, "batch": batch, "initial": initial, "reserve": reserve, "budget": budget, "target": target,
            "rounds": rounds, "on_empty": on_empty, "ttl": ttl, "score_pool": score_pool,
        }  # fmt: skip
        space = _space(task, classes)
        start = creating.beginning(space, pool, test_pool=test_pool, test=test, annotations=annotations, quarantined=quarantined, options=options, now=clock())
        return cls._over(Store.create(path, start.fill), runtime, clock, pool)

    @classmethod
    def open(cls, path: str | Path, *, pool: Pool | None = None, runtime: RuntimeFactory = lazy_runtime, clock: Clock = system_clock) -> Project:
        """Open an existing project. Neither the pool nor the learner is touched before an `update`.

        Args:
            path: Where it is.
            pool: The items, if they live in memory; checked against the project.
            runtime: Binds the learner.
            clock: The time.

        Raises:
            StoreError: if it is missing, no project, or written by a newer Querist.
            PoolError: if the pool is another one.
        """
        store = Store.open(path)
        if pool is not None and pool.fingerprint() != store.meta("data"):
            store.close()
            raise PoolError("this is not the pool that the project was made with", got=f"{len(pool)} items", wanted="the same items", hint="Add with extend.")
        return cls._over(store, runtime, clock, pool)

    @classmethod
    def _over(cls, store: Store, runtime: RuntimeFactory, clock: Clock, pool: Pool | None) -> Project:
        where = store.place
        if where.memory:
            folder = tempfile.mkdtemp(prefix="querist-")
            made = cls(store, Artifacts(Path(folder), durable=False), runtime=runtime, clock=clock, pool=pool)
            made._gone = weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
            return made
        root = Path(f"{where.file}.d") if where.file is not None else Path(f"{where.shown.rsplit('/', 1)[-1].partition('?')[0]}.querist.d")
        return cls(store, Artifacts(root), runtime=runtime, clock=clock, pool=pool)

    def close(self) -> None:
        """Close the store. A project in memory is gone with it."""
        self.store.close()
        if self._gone is not None:
            self._gone()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def spec(self) -> Mapping[str, Any]:
        """The project's spec, a plain mapping."""
        plain: Mapping[str, Any] = json.loads(self.store.meta("spec") or "{}")
        return plain

    @property
    def pool(self) -> Pool:
        """The items, opened on first use.

        Raises:
            UsageError: if they live in memory and were not given to `open`.
        """
        if self._pool is None:
            plain = self.spec["pool"]
            if plain is None:
                raise UsageError("this project's items live in memory", wanted="the pool", hint="Open it with Project.open(path, pool=…).")
            self._pool = build(plain)
        return self._pool

    @cached_property
    def _plan(self) -> Mapping[str, Any]:
        return self.spec  # read once: only where the pool lies ever changes, and the quick verbs never look there

    def _bound(self) -> Runtime:
        """The runtime over the pool as it is now: another process may have added items since."""
        mark = self.store.meta("data")
        if self._runtime is None or mark != self._mark:
            if self.spec["pool"] is not None:
                self._pool = None
            self._runtime, self._mark = self._factory({**self.spec, "folder": str(self.artifacts.root)}, self.pool), mark
        return self._runtime

    # The quick verbs.

    def ask(self, k: int, by: str | None = None, ttl: float | None = None) -> Query:
        """Lease up to k items: first what this annotator holds already, then the ranking, its reserve, then random items.

        Args:
            k: How many; with fewer left, what there is.
            by: The annotator.
            ttl: Seconds that the lease lasts.

        Raises:
            UsageError: unless k is a whole number ≥ 1 and ttl > 0.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise UsageError("ask takes the number of items", got=repr(k), wanted="a whole number ≥ 1")
        plan = self._plan
        lasts = float(plan["ttl"]) if ttl is None else ttl
        if not lasts > 0:
            raise UsageError("a lease lasts some time", got=ttl, wanted="seconds > 0")
        now = self.clock()
        seed = int(plan["seed"])
        wish = Wish(int(k), by or ANONYMOUS, now, now + lasts, plan["on_empty"] == "random")
        return self.store.ask(wish, lambda n, number: stream(seed, n, "init_set", number))

    def tell(
        self, item: str, value: Any, by: str | None = None, *, seconds: float | None = None, cost: float | None = None, key: str | None = None,
        query: Query | str | None = None, provenance: str = "human",
    ) -> Annotation:  # fmt: skip
        """Append an annotation. In any order, for items never asked too; again by the same annotator is a revision, by another a second opinion.

        Args:
            item: Its id.
            value: What is said.
            by: Who says it.
            seconds: Active seconds it took; measured from the query by default.
            cost: Money it cost.
            key: The caller's own key: telling again under the same key changes nothing and returns the first annotation.
            query: The query it answers; found by itself by default.
            provenance: See `Annotation`.

        Raises:
            LabelError: if the task refuses the value, or the item is a test item.
            UnknownItemError: if there is no such item.
        """
        row = Row(item, value, by or ANONYMOUS, seconds, cost, None, key, query.id if isinstance(query, Query) else query)
        (outcome,) = telling.record(self.store, self.classes, [row], provenance, self.clock, lambda: self.pool)
        if isinstance(outcome, QueristError):
            raise outcome
        return self.classes.annotation(outcome)

    def tell_many(self, rows: Mapping[str, Any] | Iterable[Any], by: str | None = None, *, provenance: str = "human") -> ToldMany:
        """Append many annotations in one transaction; the good rows are stored, the others reported.

        Args:
            rows: A mapping id → value; or mappings with `item`, `value` and if you like `by`, `seconds`, `cost`, `key`, `query`; or tuples.
            by: Annotator of the rows that name none.
            provenance: See `Annotation`.
        """
        given = telling.rows(rows, by)
        outcomes = telling.record(self.store, self.classes, given, provenance, self.clock, lambda: self.pool)
        stored = [outcome for outcome in outcomes if not isinstance(outcome, QueristError)]
        errors = tuple(
            {"item": row.item, "got": outcome.got, "wanted": outcome.wanted, "message": str(outcome)}
            for row, outcome in zip(given, outcomes, strict=True)
            if isinstance(outcome, QueristError)
        )
        return ToldMany(len(stored), sum(row["supersedes"] is not None for row in stored), errors)

    def skip(self, item: str, reason: str | None = None, again: bool = True, by: str | None = None) -> None:
        """Pass an item over: unclear now (`again`, others may get it at once, this annotator later), or unfit for ever.

        Raises:
            UnknownItemError: if there is no such item.
            LabelError: if it is a test item.
        """
        refused = self.store.skip(item, by or ANONYMOUS, self.clock(), reason=reason, again=again)
        if refused is not None:
            raise telling.refusal(refused)

    def release(self, query: Query | str) -> int:
        """Give the leases of a query back; returns how many there still were."""
        number = telling.query_number(query.id if isinstance(query, Query) else query)
        return 0 if number is None else self.store.release(number)

    # The slow verb, and when.

    def update(self, report: Report = no_report, outside: Outside | None = None, note: str = "") -> Round:
        """Train on all labels, evaluate, select the next batch, publish. Exclusive; a crash leaves the round before in force and is resumed.

        Args:
            report: Told about progress.
            outside: Statistics of a model trained elsewhere: name → (ids, array).
            note: What to remember about this round, for example which model that was.

        Raises:
            BusyError: if another update is running; the message says whose.
            UsageError: if there is no label yet.
        """
        return self._updater().update(self._bound(), report, outside, note)

    def advance(self, seconds: float) -> bool:
        """Use idle time: compute what later rounds will need (features), for about this long. True while there is more to do."""
        if self._pool is None and self.spec["pool"] is None:
            return False  # the items live in another process's memory
        runtime = self._bound()
        return isinstance(runtime, Advancing) and runtime.advance(seconds)

    def replay(self, n: int, report: Report = no_report) -> RoundResult:
        """Make round n again from its recorded input, publishing nothing; its selection must be the published one."""
        return self._updater().replay(self._bound(), n, report)

    def _updater(self) -> Updater:
        return Updater(self.store, self.artifacts, self.spec, self.clock)

    def progress(self) -> Progress:
        """Where the project stands, as the policies see it."""
        return self.store.progress(self.clock())

    def should_update(self) -> bool:
        """Is an update due: a batch of new labels, or a ranking that is used up?"""
        return stopping.due(self.progress(), self._plan)

    def done(self) -> tuple[str, ...]:
        """Why the project is done (budget, target, rounds, pool); empty, and so false, while it is not."""
        paid = stopping.spent(self.store, stopping.budget(self._plan["budget"]), self.classes)
        return stopping.reasons(self.progress(), self._plan, self.rounds()[-1].metrics, paid)

    def run(self, oracle: Oracle, report: Report = no_report, by: str = "oracle", after: Callable[[Project], Any] | None = None) -> list[Round]:
        """Let an oracle answer until the project is done; returns all rounds. `after` is called when a batch is told; see `project.propagating`."""
        loop.run(self, oracle, report, by, after)
        return self.rounds()

    # What changes the frame.

    def extend(self, items: Any = None, *, provenance: str = "extended") -> list[str]:
        """Add items: whatever the pool's own `extend` takes (for folders and tables nothing: they are read again). Returns the new ids."""
        pool = self.pool
        pool.extend(items)
        known = {*self.store.ids("pool"), *self.store.ids("test")}
        fresh = [item for item in pool.ids() if item not in known]
        plan = {**self.spec, "pool": creating.plain_pool(pool)}
        self.store.add_items(fresh, self.clock(), {"spec": canonical_json(plan), "data": pool.fingerprint()}, provenance=provenance)
        return fresh

    def add_classes(self, names: Sequence[str]) -> LabelSpace:
        """Add classes behind the present ones."""
        return self.classes.change({"add": list(names)}, lambda space: space.add(names), self.clock())

    def rename_class(self, old: str, new: str) -> LabelSpace:
        """Rename a class; its annotations follow."""
        return self.classes.change({"rename": [old, new]}, lambda space: space.rename(old, new), self.clock())

    def retire_class(self, name: str) -> LabelSpace:
        """Give a class no more; its annotations go to review."""
        return self.classes.change({"retire": name}, lambda space: space.retire(name), self.clock())

    # What there is to see.

    def status(self) -> dict[str, Any]:
        """Counts and facts, ready for JSON; see `stopping.status`."""
        return stopping.status(self.store, self._plan, self.classes, self.clock())

    @property
    def space(self) -> LabelSpace:
        """The present label space."""
        return self.classes.space

    def rounds(self) -> list[Round]:
        """All published rounds, round 0 (no model, random order) first."""
        return self.store.rounds()

    def ranking(self, n: int | None = None) -> Selection:
        """The ranking of round n, by default of the one in force."""
        return self.store.ranking(self.rounds()[-1].n if n is None else n)

    def history(self, item: str | None = None) -> Iterator[Annotation]:
        """Every annotation ever, in order of acknowledgement, or those of one item."""
        return (self.classes.annotation(row) for row in self.store.annotations(item))

    def labels(self) -> dict[str, Any]:
        """The training view: item → present value, the majority of the annotators' latest words, in canonical order."""
        return telling.consensus(self.store.votes(), self.classes.decode)[0]

    def review(self) -> list[Review]:
        """Labelled items without a target: annotators tie, or the class is retired."""
        return telling.consensus(self.store.votes(), self.classes.decode)[1]

    def test(self) -> dict[str, Any]:
        """Held-out items with their present values."""
        return {item: self.classes.decode(value, version) for item, value, version in self.store.held_out()}

    def quarantined(self) -> dict[str, str]:
        """Unreadable or excluded items with the reason."""
        return self.store.quarantined()

    def export(self, out: str | Path, *, view: str = "training", format: str | None = None) -> Path:
        """Write the labels to a file.

        Args:
            out: The file.
            view: `training` (one row per item with a target) or `raw` (every annotation, values as named at the time).
            format: `csv`, `jsonl` or `parquet`; by default from the file's suffix.

        Raises:
            UsageError: for an unknown view or format.
            StoreError: if the file cannot be written.
        """
        if view == "training":
            return exporting.write(exporting.training_rows(self.store.votes(), self.classes.decode), exporting.TRAINING, Path(out), format)
        if view == "raw":
            rows = ({**row, "value": self.classes.at_the_time(row)} for row in self.store.annotations())
            return exporting.write(rows, exporting.RAW, Path(out), format)
        raise UsageError("unknown view", got=view, wanted=", ".join(exporting.VIEWS))

    def snapshot(self, n: int) -> Mapping[str, Any]:
        """The snapshot of round n: spec, environment, data, input, ranking with scores, metrics, and its link of the hash chain.

        Raises:
            UsageError: if there is no such round.
        """
        for number, text, digest in self.store.snapshots():
            if number == n:
                return {**json.loads(text), "hash": digest}
        raise UsageError("there is no such round", got=n, wanted=f"0 to {self.rounds()[-1].n}")

    def snapshots(self) -> Iterator[Mapping[str, Any]]:
        """The snapshots of all rounds in order, as `snapshot` gives them."""
        return ({**json.loads(text), "hash": digest} for _, text, digest in self.store.snapshots())

    def verify_chain(self) -> int | None:
        """The first round whose snapshot was altered, or None if the hash chain holds."""
        return snapshot.first_break(self.store.snapshots())


def _space(task: LabelSpace | str, classes: Sequence[str] | None) -> LabelSpace:
    if not isinstance(task, str):
        if classes is not None:
            raise UsageError("the label space has its classes already", got=", ".join(classes), wanted="classes only with the name of a task kind")
        return task
    if classes is None:
        raise UsageError(f"a {task} needs its classes", wanted="classes=[…], the names of the labels")
    return new_space(task, classes)
