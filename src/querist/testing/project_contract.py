"""What a project must keep with any runtime. Subclass, supply the fixture `project`, and run with pytest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from querist.core.contracts import Report, Runtime
from querist.core.errors import BusyError
from querist.core.records import RoundJob, RoundResult
from querist.project.project import Project


class Boom(RuntimeError):
    """A learner's failure, on purpose."""


class Failing:
    """Wraps a runtime: sees each job, and fails when told to."""

    def __init__(self, inner: Runtime) -> None:
        self.inner = inner
        self.error: BaseException | None = None
        self.jobs: list[RoundJob] = []

    def train_score_select(self, job: RoundJob, report: Report) -> RoundResult:
        """Fail, or do what the inner one does."""
        self.jobs.append(job)
        result = self.inner.train_score_select(job, report)
        if self.error is not None:
            raise self.error
        return result


class ProjectContract:
    """Updates: what they see, what they publish, and what is left when they fail."""

    @pytest.fixture
    def project(self) -> Iterator[Project]:
        """A project with at least 30 pool items, two classes and batches of at most 5; nothing told yet. Override this one."""
        raise pytest.UsageError("give the contract a `project` fixture")

    @pytest.fixture
    def runtime(self, project: Project) -> Failing:
        """The project's runtime, under observation."""
        made = Failing(project._bound())
        project._runtime = made
        return made

    def test_candidates_exclude_what_they_must(self, project: Project, runtime: Failing) -> None:
        """Labelled, leased and rejected items are no candidates; test items never are."""
        told = _tell(project, 6)
        held = project.ask(2, by="bob").ids
        bad = project.ask(1, by="carl").ids[0]
        project.skip(bad, again=False, by="carl")
        project.update()
        (job,) = runtime.jobs
        assert not set(job.candidates) & {*told, *held, bad, *project.test()}
        assert list(job.labelled) == list(project.labels())
        assert set(job.pending) == set(held)
        assert set(project.ranking().ids) <= set(job.candidates)

    def test_replay_gives_the_same_selection(self, project: Project, runtime: Failing) -> None:
        """From the recorded input, also after more was told."""
        _tell(project, 6)
        project.update()
        _tell(project, 4)
        project.update()
        _tell(project, 3)
        for n in (1, 2):
            assert project.replay(n).ranking.ids == project.ranking(n).ids
        assert project.verify_chain() is None

    def test_a_failure_leaves_the_round_before_in_force(self, project: Project, runtime: Failing) -> None:
        """And the next attempt takes the labels that there are then."""
        _tell(project, 5)
        before = project.ranking()
        runtime.error = Boom("no")
        with pytest.raises(Boom):
            project.update()
        assert project.ranking() == before and project.rounds()[-1].n == 0
        assert project.status()["updating"] is None
        told = _tell(project, 2)
        runtime.error = None
        assert project.update().labels_used == 7
        assert set(told) <= set(runtime.jobs[-1].labelled)

    def test_an_interrupted_update_is_resumed_with_its_own_input(self, project: Project, runtime: Failing) -> None:
        """Labels that came after its start wait for the next round; the work folder is kept."""
        first = _tell(project, 5)
        runtime.error = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            project.update()
        runtime.error = None
        second = _tell(project, 4)
        assert project.update().labels_used == 5
        assert set(runtime.jobs[-1].labelled) == set(first)
        assert runtime.jobs[-1].candidates == runtime.jobs[-2].candidates
        assert not set(project.ask(100, by="dora").ids) & set(second), "what was labelled meanwhile is not asked"

    def test_two_updates_at_once_are_refused(self, project: Project, runtime: Failing) -> None:
        """The second is told whose the first is."""
        _tell(project, 5)
        seen: list[BaseException] = []

        def during(phase: str, fraction: float, extra: object) -> None:
            if not seen:
                with pytest.raises(BusyError, match="process") as caught:
                    project.update()
                seen.append(caught.value)

        project.update(during)
        assert seen and project.rounds()[-1].n == 1


def _tell(project: Project, k: int) -> Sequence[str]:
    query = project.ask(k, by="ann")
    values = getattr(project.space, "names")  # noqa: B009
    told = project.tell_many([(item, values[place % len(values)]) for place, item in enumerate(query.ids)], by="ann")
    assert told.told == k
    return query.ids
