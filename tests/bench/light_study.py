"""A real project with a light learner (nearest class mean on three clouds of points), named by import path in the study tests."""

import hashlib
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.records import RoundResult, Selection
from querist.core.rng import stream
from querist.data.arrays import ArrayPool
from querist.project.oracles import Simulated
from querist.project.project import Project

CLASSES = ("a", "b", "c")
POOL, TEST = 120, 60


def clouds():
    rng = np.random.default_rng(0)
    y = np.arange(POOL + TEST) % 3
    x = np.array([[0.0, 0.0], [1.6, 0.0], [0.8, 1.4]])[y] + rng.normal(0, 0.7, (POOL + TEST, 2))
    ids = [str(row) for row in range(POOL + TEST)]
    return ArrayPool(x, ids), {item: CLASSES[label] for item, label in zip(ids, y, strict=True)}


class NearestMean:
    """Trains, scores and selects in a few lines; `method` says how."""

    def __init__(self, pool, method, learner):
        self.pool, self.method, self.learner = pool, method, learner

    def train_score_select(self, job, report):
        if self.method == "breaks" and job.round == 2 and job.seed == 1:
            raise RuntimeError("the loss is not finite")
        if self.method == "dies" and job.round == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.learner.get("nap", 0.0))
        values = np.array(list(job.labelled.values()))
        x = self.pool.take(list(job.labelled))
        means = np.array([x[values == name].mean(axis=0) if (values == name).any() else [9.0, 9.0] for name in CLASSES]) + self.learner.get("shift", 0.0)

        def distances(ids):
            return np.linalg.norm(self.pool.take(list(ids))[:, None] - means, axis=-1)

        guessed = np.array(CLASSES)[distances(job.test).argmin(axis=1)]
        accuracy = float(np.mean(guessed == np.array(list(job.test.values()))))
        info = {"model": hashlib.sha256(means.tobytes()).hexdigest(), "steps": [1], "learner": {"shift": self.learner.get("shift", 0.0)}}
        if not isinstance(self.method, str):  # a replay
            chosen = catalogue.acquisition(self.method).select(SimpleNamespace(candidates=job.candidates, round=job.round), job.batch, None)
            return RoundResult(chosen, {"accuracy": accuracy}, {"train": 0.01}, len(job.candidates), info=info)
        ordered = np.sort(distances(job.candidates), axis=1)
        rng = stream(job.seed, job.round, "select")
        scores = rng.random(len(job.candidates)) if self.method == "random" else ordered[:, 0] - ordered[:, 1]
        best = np.argsort(-scores, kind="stable")[: job.batch + job.reserve]
        ranking = Selection(tuple(job.candidates[i] for i in best), tuple(float(scores[i]) for i in best))
        return RoundResult(ranking, {"accuracy": accuracy}, {"train": 0.01, "score": 0.0, "select": 0.0}, len(job.candidates), info=info)


def simulation(*, dataset, root, final, method, learner, seed, path: Path, initial, batch, budget, score_pool):
    if method == "no-such-method":
        raise UsageError("unknown method", got=method)
    pool, targets = clouds()

    def runtime(spec, given):
        return NearestMean(given, spec["method"], spec["learner"])

    if path.exists():
        project = Project.open(path, pool=pool, runtime=runtime)
    else:
        held_out = {item: targets[item] for item in list(targets)[POOL:]}
        sizes = {"initial": initial, "batch": batch, "budget": budget, "score_pool": score_pool}
        project = Project.create(path, pool=pool, classes=CLASSES, method=method, learner=learner, seed=seed, test=held_out, runtime=runtime, **sizes)
    return project, Simulated(targets)
