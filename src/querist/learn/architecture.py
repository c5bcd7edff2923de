"""Which network a round trains: that of its factory, or one that a search over labelled items finds near the one of the round before.

A factory that can grow has `candidates(current)`, `start`, `searches` and `share` (`nets.residual.Growing`). The search sees labelled items
alone, a part of them held back; what it found is in the round's folder, so that a killed round does not search again.

Reference:
    Geifman & El-Yaniv 2019 (Active-iNAS), arXiv 1811.07579.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.core.spec import build, canonical_json, digest, spec
from querist.learn.checkpoint import Checkpoint
from querist.learn.device import scoring
from querist.learn.layout import layout
from querist.learn.schemes.base import Scheme, TrainingSet
from querist.learn.stage_run import hold_back
from querist.learn.task import TaskHead
from querist.nets.base import Network, NetworkFactory

ARCHITECTURE = "architecture.json"
APART = 10**12
"""Added to a member's number: candidates draw from streams of their own."""

ROWS = 256
Make = Callable[[NetworkFactory, Streams], Network]


@dataclass(frozen=True)
class Found:
    """A factory that makes networks of one shape, and what finding it took.

    Attributes:
        factory: Of the round's networks.
        notes: For the snapshot; empty where nothing was searched.
    """

    factory: NetworkFactory
    notes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Search:
    """What a search trains its candidates with.

    Attributes:
        make: A fresh network of a factory.
        scheme: Trains candidates, as it will train the winner.
        task: Says what is right.
        data: All labelled items.
        streams: Of the round.
        report: Progress.
        folder: Where it keeps what it found; None keeps nothing.
        key: What it searches for; what was kept under another key is not taken up.
    """

    make: Make
    scheme: Scheme
    task: TaskHead
    data: TrainingSet
    streams: Streams
    report: Report
    folder: Path | None
    key: str

    def run(self, factory: Any, previous: Path | None) -> Found:
        """The factory of this round.

        Args:
            factory: The learner's; one without candidates is taken as it is.
            previous: Folder of the round before.
        """
        if not hasattr(factory, "candidates"):
            return Found(factory)
        current = kept(previous) or factory.start
        train, held = hold_back(len(self.data.y), factory.share, self.streams)
        steps = 0.0
        for _ in range(factory.searches if len(held) and len(train) else 0):
            best, done = self._best(factory.candidates(current), train, held)
            steps += done
            if best == current:
                break
            current = best
        if self.folder is not None:
            self._write({"found": spec(current), "key": self.key, "scores": self._scores()})
        return Found(current, {"search_steps": steps, **{name: float(value) for name, value in dataclasses.asdict(current).items() if isinstance(value, int)}})

    def _best(self, candidates: tuple[NetworkFactory, ...], train: Any, held: Any) -> tuple[NetworkFactory, float]:
        """The candidate that is most often right on what is held back; of equal ones that with the least loss, then the first."""
        scores = []
        for candidate in candidates:
            scored = self._scores().get(digest(candidate))
            if scored is None:
                scored = self._score(candidate, train, held)
                if self.folder is not None:
                    self._write({"found": None, "key": self.key, "scores": {**self._scores(), digest(candidate): scored}})
            scores.append(scored)
        best = max(range(len(candidates)), key=lambda number: (scores[number][0], -scores[number][1], -number))
        return candidates[best], sum(scored[2] for scored in scores)

    def _score(self, candidate: NetworkFactory, train: Any, held: Any) -> list[float]:
        """Share that is right, mean loss, optimiser steps."""
        own = self.streams.of(self.streams.member + APART)
        network = self.make(candidate, own)
        rows, x, y = torch.from_numpy(train), self.data.x, torch.from_numpy(self.data.y)
        name = digest(candidate)[:16]
        progress = None if self.folder is None else Checkpoint(self.folder / f"search-{name}.safetensors", f"{self.key}-{name}")
        ids = tuple(self.data.ids[row] for row in train) if self.data.ids else ()
        data = TrainingSet(x[rows], self.data.y[train], ids, self.data.pool, None, progress, beside=self.data.beside)
        fit = self.scheme.fit(network, self.task, data, own, self.report)
        places = torch.from_numpy(held)
        with scoring(network):
            output = torch.cat([network(layout(part)) for part in torch.split(x[places], ROWS)])
            answer, _ = self.task.pseudo(output)
            loss = float(self.task.loss(output, y[places]).mean())
        return [float((answer == y[places]).float().mean()), loss, float(fit.steps)]

    def _scores(self) -> dict[str, list[float]]:
        plain = _read(self.folder)
        return dict(plain["scores"]) if plain.get("key") == self.key else {}

    def _write(self, plain: dict[str, Any]) -> None:
        assert self.folder is not None
        part = self.folder / "architecture.part"
        part.write_text(canonical_json(plain), encoding="utf-8")
        part.replace(self.folder / ARCHITECTURE)


def kept(folder: Path | None) -> Any:
    """The architecture that a round's folder tells of, or None."""
    found = _read(folder).get("found")
    return None if found is None else build(found)


def _read(folder: Path | None) -> dict[str, Any]:
    try:
        return {} if folder is None else dict(json.loads((folder / ARCHITECTURE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
