"""What every store must do, whatever it is written on. Subclass, supply the fixture `path`, and run with pytest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from querist.core.clock import ManualClock
from querist.core.errors import LabelError, StoreError, UnknownItemError, UsageError
from querist.project.project import Project
from querist.testing.projects import ListPool, OrderRuntime


class StoreContract:
    """Leases, annotations and rounds on one kind of store, seen through the verbs of a project."""

    @pytest.fixture
    def path(self) -> str | Path:
        """Where a fresh project can be made. Override this one."""
        raise pytest.UsageError("give the contract a `path` fixture")

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The project's time."""
        return ManualClock()

    @pytest.fixture
    def project(self, path: str | Path, clock: ManualClock) -> Iterator[Project]:
        """A project of 40 items, 5 of them test items, batches of 3."""
        with Project.create(
            path, pool=ListPool(40), classes=["cat", "dog"], runtime=OrderRuntime.factory, batch=3, clock=clock, ttl=100.0,
            test={f"item-{number}": "cat" for number in range(5)},
        ) as made:  # fmt: skip
            yield made

    def test_nobody_is_asked_what_another_holds(self, project: Project) -> None:
        """Leases of two annotators are disjoint, and cover the pool without the test items."""
        first, second = project.ask(20, by="ann"), project.ask(20, by="bob")
        assert not set(first.ids) & set(second.ids)
        assert len(first) == 20 and len(second) == 15, "more than is left gives what there is"
        assert not {*first.ids, *second.ids} & {f"item-{number}" for number in range(5)}

    def test_a_reload_loses_nothing(self, project: Project) -> None:
        """The same annotator gets first what they hold, in the same order, with the lease renewed."""
        first = project.ask(4, by="ann")
        again = project.ask(6, by="ann")
        assert again.ids[:4] == first.ids
        assert [asked.source for asked in again.items[:4]] == ["held"] * 4
        assert [asked.score for asked in again.items[:4]] == [asked.score for asked in first.items]

    def test_an_expired_lease_is_ignored(self, project: Project, clock: ManualClock) -> None:
        """After its time an item goes to whoever asks next."""
        first = project.ask(3, by="ann")
        clock.advance(99.0)
        assert not set(project.ask(3, by="bob").ids) & set(first.ids)
        clock.advance(2.0)
        assert set(first.ids) <= set(project.ask(20, by="carl").ids)

    def test_release_gives_back_at_once(self, project: Project) -> None:
        """What was released is asked again; releasing twice does nothing."""
        query = project.ask(3, by="ann")
        assert project.release(query) == 3 and project.release(query.id) == 0
        assert project.ask(3, by="bob").ids == query.ids

    def test_telling_ends_the_lease_and_keeps_where_it_came_from(self, project: Project, clock: ManualClock) -> None:
        """Round, query, score and active seconds are recorded with the answer."""
        query = project.ask(2, by="ann")
        clock.advance(7.0)
        first = project.tell(query.ids[0], "cat", by="ann")
        clock.advance(5.0)
        second = project.tell(query.ids[1], "dog", by="ann")
        assert (first.round, first.query, first.score_at_query, first.seconds) == (0, query.id, 0.0, 7.0)
        assert second.seconds == 5.0, "since the last answer, not since the question"
        assert project.status()["leased"] == 0 and project.status()["hours"] == pytest.approx(12 / 3600)

    def test_a_break_is_not_work(self, project: Project, clock: ManualClock) -> None:
        """Active seconds are capped."""
        query = project.ask(1, by="ann", ttl=1e6)
        clock.advance(50_000.0)
        assert project.tell(query.ids[0], "cat", by="ann").seconds == 300.0

    def test_revisions_and_second_opinions_are_kept(self, project: Project) -> None:
        """The same annotator again supersedes; another does not."""
        first = project.tell("item-7", "cat", by="ann")
        opinion = project.tell("item-7", "dog", by="bob")
        revision = project.tell("item-7", "dog", by="ann")
        assert (first.supersedes, opinion.supersedes, revision.supersedes) == (None, None, first.number)
        assert [note.value for note in project.history("item-7")] == ["cat", "dog", "dog"]
        assert project.labels() == {"item-7": "dog"}

    def test_a_key_makes_repeating_harmless(self, project: Project) -> None:
        """The same key returns the first annotation; for another item it is refused."""
        first = project.tell("item-7", "cat", by="ann", key="k1")
        assert project.tell("item-7", "dog", by="ann", key="k1") == first
        with pytest.raises(UsageError, match="key"):
            project.tell("item-8", "dog", by="ann", key="k1")
        assert len(list(project.history())) == 1

    def test_refusals_name_what_is_wrong_and_store_nothing(self, project: Project) -> None:
        """Unknown ids, test items and bad values."""
        with pytest.raises(UnknownItemError, match="nowhere"):
            project.tell("nowhere", "cat")
        with pytest.raises(LabelError, match="item-0"):
            project.tell("item-0", "cat")
        with pytest.raises(LabelError, match="cat, dog"):
            project.tell("item-7", "cow")
        with pytest.raises(UnknownItemError):
            project.skip("nowhere")
        assert list(project.history()) == []

    def test_good_rows_of_a_batch_are_stored(self, project: Project) -> None:
        """Bad rows are reported by item, with what came and what was wanted."""
        bob = {"item": "item-9", "value": "dog", "by": "bob"}
        told = project.tell_many([{"item": "item-7", "value": "cat"}, ("item-8", "cow"), ("nowhere", "cat"), ("item-7", "dog"), bob], by="ann")
        assert (told.told, told.revisions) == (3, 1)
        assert [error["item"] for error in told.errors] == ["item-8", "nowhere"]
        assert project.labels() == {"item-7": "dog", "item-9": "dog"}

    def test_skipped_comes_later_to_the_same_and_at_once_to_others(self, project: Project) -> None:
        """A rejected item comes to nobody."""
        first, second = project.ask(2, by="ann").ids
        project.skip(first, reason="blurred", by="ann")
        project.skip(second, again=False, by="ann")
        rest = project.ask(40, by="ann").ids
        assert rest[-1] == first and len(rest) == 34, "put behind everything else"
        assert second not in rest
        project.release(project.ask(40, by="ann"))
        assert project.ask(1, by="bob").ids == (first,)
        counts = project.status()
        assert (counts["skipped"], counts["rejected"]) == (1, 1)

    def test_threads_share_one_store(self, project: Project) -> None:
        """Four threads ask and tell at once: nothing twice, nothing lost."""
        asked: list[str] = []

        def work(name: str) -> None:
            for _ in range(4):
                query = project.ask(2, by=name)
                asked.extend(query.ids)
                project.tell_many([(item, "cat") for item in query.ids], by=name)

        threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(asked) == len(set(asked)) == 32
        assert set(project.labels()) == set(asked)

    def test_the_same_place_holds_one_project(self, project: Project, path: str | Path) -> None:
        """Making another one there is refused (memory is always another place)."""
        if project.store.place.memory:
            pytest.skip("memory is a new place every time")
        with pytest.raises(StoreError, match="already"):
            Project.create(path, pool=ListPool(3), classes=["cat", "dog"])
        assert project.status()["items"] == 35
