"""The one slow verb: read the recorded input, let the runtime train, score and select, publish in one piece."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from querist.core.clock import Clock
from querist.core.contracts import LabelSpace, Report, Runtime
from querist.core.errors import BusyError, UsageError
from querist.core.order import canonical
from querist.core.records import Round, RoundJob, RoundResult, Selection
from querist.core.spec import canonical_json
from querist.project import snapshot
from querist.project.rights import right
from querist.project.telling import consensus
from querist.store.artifacts import Artifacts
from querist.store.rounds import Outcome, RoundInput
from querist.store.verbs import Store
from querist.tasks import label_space

Outside = Mapping[str, tuple[Sequence[str], Any]]


@dataclass(frozen=True)
class Updater:
    """What an update works with."""

    store: Store
    artifacts: Artifacts
    spec: Mapping[str, Any]
    clock: Clock

    def update(self, runtime: Runtime, report: Report, outside: Outside | None) -> Round:
        """Make and publish the next round; see `Project.update`."""
        with right(self.store, "update", self.clock) as held:
            given = self.store.begin_round(self.clock(), int(self.spec["batch"]))
            folder = self.artifacts.workdir(given.round, fresh=not given.resumed)
            try:
                job = self.job(given, folder, outside)
                result = _checked(job, runtime.train_score_select(job, report))
                outcome = self._outcome(given, job, result, folder)
            except Exception:  # a failed attempt must not bind the next one to its input; a crash (no exception) does, and is resumed
                self.store.withdraw_round(given.round)
                raise
            if not self.store.publish(given.round, outcome, held, self.clock()):
                raise BusyError("another process took over this update", got="a lost right", hint="Its result will be published; nothing is lost.")
        shutil.rmtree(self.artifacts.round_folder(given.round - 2), ignore_errors=True)  # kept by content hash; only the last serves as `previous`
        return Round(given.round, outcome.labels_used, len(outcome.ranking), outcome.of, outcome.metrics, outcome.seconds, outcome.note)

    def replay(self, runtime: Runtime, n: int, report: Report) -> RoundResult:
        """Make a published round again from its recorded input, publishing nothing."""
        given = self.store.round_input(n)
        if given is None or n < 1:
            raise UsageError("there is no such round to replay", got=n, wanted="a round from 1 on")
        with tempfile.TemporaryDirectory(prefix="querist-replay-") as folder:
            return runtime.train_score_select(self.job(given, Path(folder), None), report)

    def job(self, given: RoundInput, folder: Path, outside: Outside | None) -> RoundJob:
        """The job of a round, from its recorded input alone."""
        space = self._space(given.schema_version)
        targets, _ = consensus(self.store.votes(given.annotation_max), space.decode)
        if not targets:
            raise UsageError("there is nothing to train on", got="no labels", wanted="at least one label", hint="Ask for items and tell their labels first.")
        pending = set(given.pending)
        test = {item: space.decode(value, version) for item, value, version in self.store.held_out()}
        return RoundJob(
            round=given.round,
            seed=int(self.spec["seed"]),
            labelled=targets,
            test={item: test[item] for item in canonical(test) if test[item] is not None},
            candidates=canonical(item for item in self.store.candidates(given) if item not in pending),
            pending=canonical(pending),
            batch=int(self.spec["batch"]),
            reserve=int(self.spec["reserve"]),
            schema=space.schema(),
            previous=self._previous(given.round - 1),
            workdir=str(folder),
            outside=outside or {},
        )

    def _space(self, version: int) -> LabelSpace:
        return label_space(self.store.label_spaces()[version])

    def _previous(self, n: int) -> str | None:
        files = self.store.round_files(n)
        if not files:
            return None
        folder = self.artifacts.round_folder(n)
        self.artifacts.restore(files, folder)
        return str(folder)

    def _outcome(self, given: RoundInput, job: RoundJob, result: RoundResult, folder: Path) -> Outcome:
        data = {"fingerprint": self.store.meta("data"), "items": given.item_max}
        text = canonical_json(snapshot.take(self.spec, data, given, job, result))
        chain = self.store.snapshots()
        before = chain[-1][2] if chain else snapshot.ROOT
        return Outcome(
            ranking=result.ranking,
            labels_used=len(job.labelled),
            of=result.scored,
            batch=min(job.batch, len(result.ranking)),
            metrics=snapshot.finite(result.metrics),
            seconds=snapshot.finite(result.seconds),
            quarantined=result.quarantined,
            files=self.artifacts.keep(folder),
            snapshot=text,
            hash=snapshot.link(before, text),
            note=str(result.info.get("note", "")),
        )


def _checked(job: RoundJob, result: RoundResult) -> RoundResult:
    """Refuse a ranking that is not what was asked for; give plain floats otherwise."""
    ids = result.ranking.ids
    strangers = set(ids) - set(job.candidates)
    if strangers or len(set(ids)) != len(ids):
        got = sorted(strangers)[:3] or "an item twice"
        raise UsageError("the runtime ranked what it may not", got=got, wanted="distinct candidates")
    scores = tuple(float(score) for score in result.ranking.scores)
    ranking = Selection(ids, scores, result.ranking.note).head(job.batch + job.reserve)
    return RoundResult(ranking, result.metrics, result.seconds, result.scored, result.quarantined, result.info)
