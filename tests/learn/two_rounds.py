"""Two rounds of a simulated digits project in a fresh process; prints what must be the same everywhere.

Arguments: variants, any of `plain`, `mixed` (the pool's rows come in another order), `people` (other tellers, in another order).
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from querist.core.rng import stream
from querist.data.arrays import ArrayPool
from querist.project.project import Project

N, TEST = 260, 60
CLASSES = [str(digit) for digit in range(10)]
LEARNER = {"recipe": "digits-cnn", "steps": 25}


def digits() -> tuple[np.ndarray, list[str], dict[str, str]]:
    """Images, ids and labels."""
    data = load_digits()
    ids = [f"scan-{row}" for row in range(N)]
    return data.images[:N].astype(np.float32), ids, {item: str(digit) for item, digit in zip(ids, data.target[:N], strict=True)}


def project(x: np.ndarray, ids: list[str], test: dict[str, str], method: str = "badge") -> Project:
    return Project.create(
        ":memory:", pool=ArrayPool(x, ids), task="classification", classes=CLASSES, method=method, learner=LEARNER, seed=3, initial=20, batch=10, test=test,
    )  # fmt: skip


def rounds(made: Project, answers: dict[str, str], variant: str = "plain", n: int = 2) -> list[dict[str, Any]]:
    """Ask, tell, update; what came out of it."""
    seen = []
    for number in range(n):
        asked = made.ask(20 if not number else 10, by="ann").ids
        order = stream(9, number, "oracle").permutation(len(asked)) if variant == "people" else range(len(asked))
        for place, row in enumerate(order):
            made.tell(asked[row], answers[asked[row]], by=f"person {place % 3}" if variant == "people" else "ann")
        done = made.update()
        took = made.snapshot(done.n)
        ranking = made.ranking()
        seen.append(
            {
                "asked": asked,
                "ranking": ranking.ids,
                "scores": ranking.scores,
                "metrics": dict(done.metrics),
                "labels": done.labels_used,
                "model": took["info"]["model"],
            }
        )
    return seen


def main() -> None:
    torch.set_num_threads(1)
    x, ids, answers = digits()
    test = {item: answers[item] for item in ids[-TEST:]}
    results = {}
    for variant in sys.argv[1:]:
        order = stream(8, 0, "oracle").permutation(N) if variant == "mixed" else np.arange(N)
        with project(x[order], [ids[row] for row in order], test) as made:
            results[variant] = rounds(made, answers, variant)
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
