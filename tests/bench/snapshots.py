"""Small studies for the snapshot tests, and a forger who knows the code: he changes what he likes and computes every digest anew."""

import copy
import json
from pathlib import Path

from querist.bench import snapshot
from querist.bench.chain import links
from querist.bench.rules import check
from querist.bench.spec import StudySpec
from querist.bench.study import conclude, run_study
from querist.core.spec import digest

LIGHT = {
    "dataset": "clouds", "methods": ["margin"], "seeds": 2, "baseline_factor": 1, "initial": 6, "batch": 6, "budget": 15, "workers": 1,
    "learner": {"nap": 0.01}, "factory": "light_study:simulation",
}  # fmt: skip
DIGITS = {
    "dataset": "digits", "methods": ["bald"], "seeds": 2, "baseline_factor": 1, "initial": 20, "batch": 10, "budget": 30, "workers": 1, "steps": 4,
    "score_pool": 100, "learner": {"recipe": "mlp"},
}  # fmt: skip


def made(folder, settings=LIGHT, **changes):
    """A study and its snapshot."""
    study = run_study(StudySpec.of({**settings, **changes}), Path(folder), command="querist run it")
    return study, snapshot.read(Path(study.snapshot))


def forged(plain, change):
    """The snapshot after a change, with settings digests, table keys, chains, results and both digests computed anew."""
    plain = copy.deepcopy(plain)
    change(plain)
    spec = StudySpec.of(plain["spec"])
    plain["spec_sha256"], plain["run_sha256"], plain["budgets"] = spec.sha256, spec.run_sha256, list(spec.budgets)
    plain["split"], plain["dataset"] = "final" if spec.final else "development", spec.dataset
    for table, column in (("parts", "parts"), ("environments", "environment")):
        keys = {key: digest(entry)[:12] for key, entry in plain[table].items()}
        plain[table] = {keys[key]: entry for key, entry in plain[table].items()}
        for run in plain["runs"]:
            run[column] = keys[run[column]]
    for run in plain["runs"]:
        for row, link in zip(run["rounds"], links(run["method"], run["seed"], plain["run_sha256"], run["rounds"]), strict=True):
            row["hash"] = link
    plain["results"] = json.loads(json.dumps(snapshot.results(conclude(spec, snapshot.records(plain), (), out=Path()))))
    plain = snapshot.sealed(plain)
    assert check(plain) == [], "a good forgery keeps all rules"
    return plain


def run_of(plain, method, seed):
    return next(run for run in plain["runs"] if (run["method"], run["seed"]) == (method, seed))


def swap_seeds(plain):
    """Seed 0 passes for seed 1 and the other way round, everywhere."""
    for run in plain["runs"]:
        run["seed"] = 1 - run["seed"]
    plain["runs"].sort(key=lambda run: (run["method"] != "random", run["seed"]))
    initial = plain["data"]["initial"]
    initial["0"], initial["1"] = initial["1"], initial["0"]
