"""Small real parts for the learner's tests: three clouds of points, and jobs over them. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from querist.core.records import RoundJob
from querist.core.rng import stream
from querist.tasks import new_space

CLASSES = ("a", "b", "c")


def clouds(n: int = 60, d: int = 4, seed: int = 0) -> np.ndarray:
    """Points (n, d); item i belongs to cloud i mod 3."""
    rng = stream(seed, 0, "oracle")
    return (3 * rng.normal(size=(3, d))[np.arange(n) % 3] + rng.normal(size=(n, d))).astype(np.float32)


def label(item: str) -> str:
    return CLASSES[int(item) % 3]


def ids(start: int, stop: int) -> list[str]:
    return [str(item) for item in range(start, stop)]


def job(workdir: Path | str, **changes: Any) -> RoundJob:
    """Twelve labels, thirty candidates, two pending items, sixteen test items."""
    chosen: dict[str, Any] = {
        "round": 1, "seed": 0, "labelled": {item: label(item) for item in ids(0, 12)}, "test": {item: label(item) for item in ids(44, 60)},
        "candidates": ids(12, 42), "pending": ids(42, 44), "batch": 5, "reserve": 0, "schema": new_space("classification", CLASSES).schema(),
        "previous": None, "workdir": str(workdir),
    }  # fmt: skip
    Path(workdir).mkdir(parents=True, exist_ok=True)
    return RoundJob(**{**chosen, **changes})


class Progress:
    """A report that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, Mapping[str, Any]]] = []

    def __call__(self, phase: str, fraction: float, extra: Mapping[str, Any]) -> None:
        self.seen.append((phase, fraction, extra))

    def phases(self) -> Sequence[str]:
        return list(dict.fromkeys(phase for phase, _, _ in self.seen))
