"""L0: retrain a study from its index sets. No strategy is run: every run buys the items that the snapshot lists, in its order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from querist.bench import snapshot
from querist.bench.analysis import metric_of
from querist.bench.repeating import Outcome, Wanted, at_once, judged, metric_in
from querist.bench.runs import RunRecord, factory
from querist.bench.spec import StudySpec
from querist.bench.working import Emit
from querist.core.contracts import Oracle, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection

TOLERANCE: Final = 0.02
KEY: Final = "replay"
"""Key of the learner options that says what is replayed; `simulation` takes it out again."""

_INPUT: Final = ("encoder", "weights", "side")


@dataclass(frozen=True)
class Recorded:
    """Chooses what was chosen: an acquisition that knows the items of every round by heart.

    Attributes:
        rounds: Item ids, one tuple per round; the last round's choice was never labelled and is no part of it.
    """

    rounds: tuple[tuple[str, ...], ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """The recorded items of this round, and behind them whatever comes first to make k.

        Raises:
            UsageError: if one of them cannot be bought.
        """
        due = self.rounds[view.round] if view.round < len(self.rounds) else ()
        open_ = dict.fromkeys(view.candidates)
        missing = next((item for item in due if item not in open_), None)
        if missing is not None:
            raise UsageError(f"round {view.round + 1} of the record bought an item that is not to be had", got=missing, wanted="a candidate of that round")
        for item in due:
            del open_[item]
        ids = (*due, *open_)[:k]
        return Selection(ids, (0.0,) * len(ids))


def simulation(*, method: str, seed: int, learner: Mapping[str, Any], **settings: Any) -> tuple[Any, Oracle]:
    """The run factory of a replay: that of the study, with the recorded items in the place of the strategy and the recorded learner."""
    options = dict(learner)
    source = options.pop(KEY)
    rounds, parts = _recorded(source["snapshot"])[method, seed]
    acquisition = {"use": f"{Recorded.__module__}:{Recorded.__qualname__}", "rounds": rounds}
    make: Any = factory(source["factory"])
    made: tuple[Any, Oracle] = make(method=acquisition, seed=seed, learner=_learner(options, parts), **settings)
    return made


def replay(
    plain: Mapping[str, Any], *, workers: int = 1, tolerance: float = TOLERANCE, methods: Iterable[str] = (), seeds: Iterable[int] = (),
    root: str | None = None, emit: Emit = lambda event: None,
) -> Outcome:  # fmt: skip
    """Train every round again on the recorded items and compare what the study measured.

    Args:
        plain: A snapshot as `snapshot.read` gives it, its rules kept.
        workers: Processes.
        tolerance: How far the values of its metric may lie apart.
        methods: Only these; all by default.
        seeds: Only these; all by default.
        root: Folder with the data set's files, if it is another one here.
        emit: Takes the events of the runs.

    Raises:
        UsageError: if there is no such run in the snapshot.
    """
    wanted = Wanted.of(plain, methods, seeds)
    with tempfile.TemporaryDirectory(prefix="querist-replay-") as folder:
        file = Path(folder) / snapshot.FILE
        file.write_text(snapshot.text(plain), encoding="utf-8")
        settings = dict(plain["spec"])
        marked = {**settings["learner"], KEY: {"snapshot": str(file), "factory": settings["factory"]}}
        spec = StudySpec.of({**settings, "factory": f"{__name__}:simulation", "learner": marked, "workers": workers, "root": root or settings.get("root")})
        made = at_once(spec, wanted.runs, Path(folder), emit)

    metric = metric_in(plain)

    def compared(row: Mapping[str, Any], record: RunRecord, place: int) -> tuple[str, Any, Any] | None:
        here = record.rounds[place]
        for what, given in (("ids", list(here.ids)), ("labels_sha256", here.labels_sha256), ("steps", list(here.steps))):
            if row[what] != given:
                return what, row[what], given
        was, now = metric_of(row["metrics"], metric), metric_of(here.metrics, metric)
        return (metric, was, now) if abs(was - now) > tolerance else None

    return judged(plain, wanted, made, "L0", compared, tolerance=tolerance)


@lru_cache(maxsize=2)
def _recorded(path: str) -> Mapping[tuple[str, int], tuple[tuple[tuple[str, ...], ...], Mapping[str, Any]]]:
    plain = snapshot.read(Path(path))
    return {(run["method"], run["seed"]): (tuple(tuple(row["ids"]) for row in run["rounds"]), plain["parts"].get(run["parts"], {})) for run in plain["runs"]}


def _learner(options: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """The learner as it was resolved, so that neither a strategy's row nor a recipe of today has a say; how items become tensors is as asked."""
    resolved = parts.get("learner")
    if not resolved:
        return dict(options)
    asked = {**parts.get("options", {}), **options}
    return {**{key: asked[key] for key in _INPUT if asked.get(key) is not None}, **resolved}
