"""What the claims share: what runs bought, and networks trained again for a measurement, asked by any inference."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from claims_b import Unpaired, told

from querist.assemble.parts import learner
from querist.bench.ground import Ground
from querist.bench.results import Study
from querist.bench.runs import read_record, run_name
from querist.bench.spec import StudySpec
from querist.core.rng import Streams, stream
from querist.data.datasets import NamedSet, named
from querist.project.project import Project

SLOW = 20
"""Runs that are read from their project files, which takes a while."""


@dataclass(frozen=True)
class Bed:
    """A data set under learner options.

    Attributes:
        data: The set.
        ground: What trains on it.
        tests: Inputs of the development split.
    """

    data: NamedSet
    ground: Ground
    tests: Any

    @classmethod
    def of(cls, dataset: str, options: Mapping[str, Any], features: Path | None = None) -> Bed:
        """Open it.

        Args:
            dataset: Its name.
            options: The learner's.
            features: Where a study keeps what an encoder made of the items.
        """
        ground = Ground.open(named(dataset), options, features or Path(tempfile.mkdtemp(prefix="querist-claims-")))
        return cls(ground.data, ground, ground.development())

    def inputs(self, ids: Sequence[str]) -> np.ndarray:
        """What the network reads of items (m, d), standardised."""
        return np.asarray(self.ground.inputs.batch(ids).flatten(1).numpy())

    def fit(self, ids: Iterable[str], seed: int, round_: int = 1, inference: Any = None, **changes: Any) -> Any:
        """Train as a round of a run does.

        Args:
            ids: Labelled items.
            seed: Seed of the run.
            round_: Its round.
            inference: Says how many networks are trained, and how they are asked; one network and one pass by default.
            changes: Options over those of the bed.
        """
        made = learner({**self.ground.options, "inference": "deterministic", **changes}, "random")
        return self.ground.fit(made if inference is None else replace(made, inference=inference), ids, Streams(seed, round_))

    def development(self, fitted: Any) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (n, k, c) and class positions (n,) of the development split."""
        probs = fitted.score(list(self.data.test), inputs=self.tests).probs
        return probs, self.classes(self.data.test)

    def classes(self, items: Iterable[str]) -> np.ndarray:
        """Class positions of items."""
        place = {name: number for number, name in enumerate(self.data.classes)}
        return np.array([place[str(self.data.targets[item])] for item in items], dtype=np.int64)

    def sets(self, seed: int, labels: int, others: int) -> tuple[list[str], list[str]]:
        """A random labelled set and as many other candidates as asked for."""
        order = stream(seed, 0, "init_set").permutation(len(self.data.candidates))
        return [self.data.candidates[row] for row in order[:labels]], [self.data.candidates[row] for row in order[labels : labels + others]]


def bought(folder: Path, method: str) -> dict[int, list[list[str]]]:
    """Seed → the items of every round of a method's runs, the start first.

    Args:
        folder: Of a study, with `study.json` and `runs`.
        method: One of its methods.
    """
    spec = StudySpec.of(Study.open(folder).spec)
    records = {seed: read_record(folder / "runs", method, seed, spec.run_sha256) for seed in spec.seeds_of(method)}
    found = {seed: [list(row.ids) for row in record.rounds] for seed, record in records.items() if record is not None}
    if any(rounds[0] for rounds in found.values()):
        return found
    # Records from before there were snapshots do not name the items; the project files do.
    return {seed: _from_project(folder / "runs" / f"{run_name(method, seed)}.querist") for seed in list(found)[:SLOW]}


def _from_project(file: Path) -> list[list[str]]:
    with Project.open(file) as project:
        items = list({event.item: None for event in project.history()})
        starts = [0, *(made.labels_used for made in project.rounds() if made.n > 0)]
    return [items[first:last] for first, last in pairwise(starts)]


def areas(cell: Mapping[str, Any], method: str) -> dict[int, float]:
    """Seed → area under the budget curve, of a method in a study or a cell of a bench."""
    found = cell["methods"][method]
    return dict(zip(found["seeds"], found["aubc"], strict=True))


def last(cell: Mapping[str, Any], method: str) -> dict[int, float]:
    """Seed → what is measured at the last budget, of a method in a study or a cell of a bench."""
    found = cell["methods"][method]
    return {int(str(seed)): curve[-1] for seed, curve in zip(found["seeds"], found["curve"], strict=True)}


def cells(source: Path) -> dict[str, Any]:
    """The cells of a finished bench."""
    found: dict[str, Any] = json.loads((source / "bench.json").read_text(encoding="utf-8"))["cells"]
    return found


def against_everything(name: str, part: Mapping[str, Any], whole: Mapping[int, float], methods: Sequence[str]) -> list[list[str]]:
    """Rows of a table: a part of the pool, bought at random or by a method, beside training on the whole of it.

    Args:
        name: Of the set.
        part: The cell of a bench whose last budget is the part.
        whole: Seed → accuracy with everything.
        methods: Those beside random.
    """
    rows = []
    for method in ("random", *methods):
        ours = last(part, method)
        gap = told(Unpaired(0, "", ours, whole, "more").pair)
        rows.append([name, method, f"{100 * fmean(ours.values()):.1f} %", f"{100 * fmean(whole.values()):.1f} %", gap])
    return rows
