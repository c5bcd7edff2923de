"""One round of a project on the learner's side: train, evaluate once, score the sub-pool, select.

The platform's rules live here and are no extension points: eval mode and unaugmented inputs while scoring, test items
evaluated once on the checkpoint already chosen, the same sub-pool for every method, pool targets unreachable.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from querist.core.contracts import Acquisition, Report
from querist.core.order import canonical
from querist.core.records import RoundJob, RoundResult
from querist.core.rng import Streams
from querist.core.sites import one_each
from querist.core.spec import canonical_json, digest, spec
from querist.kernels.folding import Aggregator
from querist.learn.guesses import Speaks, leave_guesses, leave_spoken
from querist.learn.inputs import Inputs
from querist.learn.learner import Fitted, Learns
from querist.learn.memory import recall, retain
from querist.learn.schemes.base import Fit
from querist.learn.selecting import choose
from querist.learn.sited_view import SitedView
from querist.learn.statistics.question import Question
from querist.learn.statistics.registry import LAZY, compute
from querist.learn.statistics.sited import Said
from querist.learn.task import TaskHead
from querist.learn.view import FittedView
from querist.learn.watched import Reads
from querist.tasks import heads

MARK = "trained.json"


@dataclass(frozen=True)
class LearnerRuntime:
    """Serves `core.contracts.Runtime` with a learner and an acquisition that were checked to fit each other.

    Attributes:
        inputs: Tensors of the pool's items.
        test_inputs: Tensors of the test items: the same object when they lie in the pool too.
        learner: Trains and scores.
        acquisition: Chooses.
        score_pool: Candidates scored per round, drawn at random; 0 scores all.
    """

    inputs: Inputs
    test_inputs: Inputs
    learner: Learns
    acquisition: Acquisition
    score_pool: int = 10_000

    def train_score_select(self, job: RoundJob, report: Report) -> RoundResult:
        """See `Runtime`."""
        task = heads.head(job.schema)
        kind = heads.kind(str(job.schema["kind"]))
        streams = Streams(job.seed, job.round)
        begun = time.perf_counter()
        readable, unreadable = self.inputs.readable(list(job.labelled))
        pending, lost = self.inputs.readable(job.pending)
        found = self.inputs.prepare(job.candidates, report)
        self.test_inputs.prepare(list(job.test), report)
        labelled = {item: job.labelled[item] for item in readable}
        reads = Reads(frozenset(job.test))
        watched = replace(self, inputs=reads.of(self.inputs), test_inputs=reads.of(self.test_inputs))
        started = time.perf_counter()
        fitted = watched._fitted(job, task, labelled, streams, report)
        trained, peeked = time.perf_counter(), reads.most
        tested, _ = self.test_inputs.readable(self.test_inputs.ready(list(job.test)))
        metrics = watched._evaluate(fitted, task, kind, {item: job.test[item] for item in tested}, report)
        ready = self.inputs.ready(job.candidates)
        pool, broken = self.inputs.readable(subpool(ready, self.score_pool, streams, [*job.labelled, *job.pending]))
        view = self._view(fitted, task, kind, (pool, readable, pending), labelled, job.round, report)
        for name in sorted((self.acquisition.needs & view.provides) - LAZY - heads.STREAMED):
            view.stat(name)
        scored = time.perf_counter()
        report("select", 0.0, {})
        view.memory = recall(job, self.acquisition)
        ranking = choose(self.acquisition, view, job)
        retain(job, self.acquisition, ranking.memory)
        if job.reserve and "classes" in job.schema and kind.whole:  # a project of people, who may like a suggestion; a simulated one is spared the pass
            leave_guesses(view, ranking, job)
        elif job.reserve and isinstance(task, Speaks):
            leave_spoken(view, ranking, job, task, kind.sites)
        report("select", 1.0, {})
        ended = time.perf_counter()
        partly = "" if len(ready) == len(job.candidates) else f"{len(ready)} of {len(job.candidates)} items have features so far; "
        partly += "" if len(tested) == len(job.test) else f"evaluated on {len(tested)} of {len(job.test)} test items; "
        return RoundResult(
            ranking=ranking,
            metrics=metrics,
            seconds={"features": started - begun, "train": trained - started, "score": scored - trained, "select": ended - scored},
            scored=len(pool),
            quarantined={**unreadable, **found, **broken, **lost},
            info={
                "learner": spec(self.learner), "acquisition": spec(self.acquisition), "model": fitted.hash(), "note": partly.rstrip("; "),
                "steps": [fit.steps for fit in fitted.fits], "labels": len(labelled), "score_pool": self.score_pool, "ready": len(ready), "tested": len(tested),
                "test_reads": [peeked, reads.most - peeked], **_told(fitted.fits),
            },
        )  # fmt: skip

    def advance(self, seconds: float) -> bool:
        """Compute what later rounds will need, for about this long; True while there is more to do."""
        return self.inputs.advance(seconds)

    def _fitted(self, job: RoundJob, task: TaskHead, labelled: Mapping[str, Any], streams: Streams, report: Report) -> Fitted:
        """Train, or take up what an interrupted update of the same round and the same labels had already trained."""
        folder = Path(job.workdir)
        mark = folder / MARK
        same = digest({"learner": spec(self.learner), "labelled": dict(labelled), "round": job.round, "seed": job.seed, "schema": dict(job.schema)})
        told = _marked(mark, same)
        if told is not None:
            restored = self.learner.restore(self.inputs, task, folder, streams)
            if restored is not None and len(restored.fits) == len(told):
                return replace(restored, fits=tuple(replace(fit, **facts) for fit, facts in zip(restored.fits, told, strict=True)), labelled=tuple(labelled))
        unlabelled = canonical([*job.candidates, *job.pending])
        fitted = self.learner.fit(self.inputs, task, labelled, streams, job.previous, report, unlabelled, folder)
        fitted.save(folder)
        told = [{"steps": fit.steps, "unlabelled": fit.unlabelled, "phases": dict(fit.phases), "notes": dict(fit.notes)} for fit in fitted.fits]
        mark.write_text(canonical_json({"trained": same, "fits": told}), encoding="utf-8")
        return fitted

    def _view(
        self, fitted: Fitted, task: TaskHead, kind: heads.Kind, ids: tuple[Sequence[str], Sequence[str], Sequence[str]],
        labelled: Mapping[str, Any], number: int, report: Report,
    ) -> FittedView | SitedView:  # fmt: skip
        provides = kind.provided(self.learner.provides)

        def on_demand(name: str, of: Question) -> Any:
            return compute(name, fitted, of, _fraction(report, len(of.ids)))

        if kind.whole:
            return FittedView(
                *ids,
                task.targets(labelled).tolist(),
                task.outputs,
                lambda asked: fitted.score(asked, _fraction(report, len(asked))),
                provides,
                number,
                on_demand,
            )

        def read(asked: Sequence[str]) -> Iterator[Said]:
            with fitted.reading(task) as reading:
                yield from reading(asked, _fraction(report, len(asked)))

        return SitedView(*ids, read, provides, Aggregator(kind.aggregator), number, on_demand, classes=task.outputs)

    def _evaluate(self, fitted: Fitted, task: TaskHead, kind: heads.Kind, test: Mapping[str, Any], report: Report) -> dict[str, float]:
        if not test:
            return {}
        ids = list(test)
        report("evaluate", 0.0, {"items": len(ids)})
        targets = task.targets({item: test[item] for item in ids})
        if kind.whole:
            return task.metrics([one_each(fitted.score(ids, inputs=self.test_inputs).probs)], targets)
        with fitted.reading(task, self.test_inputs) as reading:
            return task.metrics((said.sites for said in reading(ids, _fraction(report, len(ids)))), targets)


def _marked(mark: Path, same: str) -> list[dict[str, Any]] | None:
    """The facts of the fits of an update that was cut off after its training; None if it did not get that far, or trained something else."""
    try:
        plain = json.loads(mark.read_text(encoding="utf-8"))
        return list(plain["fits"]) if plain["trained"] == same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _told(fits: Sequence[Fit]) -> dict[str, Any]:
    """What a scheme did beside plain steps, where it did."""
    found: dict[str, list[Any]] = {
        "phases": [dict(fit.phases) for fit in fits],
        "unlabelled": [fit.unlabelled for fit in fits],
        "notes": [dict(fit.notes) for fit in fits],
    }
    return {name: values for name, values in found.items() if any(values)}


def subpool(candidates: Sequence[str], size: int, streams: Streams, others: Iterable[str] = ()) -> list[str]:
    """The candidates to score this round, in canonical order.

    Every item of the pool has its place in one random order of the round, whatever a method has labelled so far; the first
    `size` candidates in it are scored. So the methods of a seed score the same items as long as these are open, and next in
    line are the same too.

    Args:
        candidates: Ids in canonical order.
        size: How many to score; 0 for all.
        streams: The streams of the round.
        others: The pool's other items: labelled and leased ones.
    """
    if not size or len(candidates) <= size:
        return list(candidates)
    pool = canonical([*candidates, *others])
    open_ = set(candidates)
    order = streams("subpool").permutation(len(pool))
    chosen = islice((place for place in order if pool[place] in open_), size)
    return [pool[place] for place in sorted(chosen)]


def _fraction(report: Report, total: int) -> Callable[[int], None]:
    return lambda done: report("score", done / max(total, 1), {"items": done, "of": total})
