"""Writes src/querist/acquire/evidence.json, what proves each row of the catalogue, and verdicts.json, what the recorded studies of claims found.

A row's property is shown by a test of its own and by the tests of the shared kernels that it runs through: `kernels` names those, found by
following the imports of the row's parts, so that a flipped sign anywhere under a row fails a test that the row names.

`python docs/gen/evidence.py [NAME…]` runs the smoke recipe (CPU seconds) of the rows named and of those that have none yet, reads the
recorded studies in docs/results/, and looks for every test it names. `--again` runs every smoke recipe; `--check` compares
everything but the seconds; a test runs it.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import runpy
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from survey import verdicts

from querist.core import catalogue

ROOT = Path(__file__).parents[2]
SHARED = runpy.run_path(str(ROOT / "tests" / "house" / "mutation_rules.py"))["SHARED"]
TARGET = ROOT / "src" / "querist" / "acquire" / "evidence.json"
VERDICTS = TARGET.with_name("verdicts.json")
CONTRACTS = {
    "strategy": "tests/contracts/test_acquisitions.py::TestCatalogue",
    "wrapper": "tests/contracts/test_acquisitions.py::TestCatalogue",
    "scheme": "tests/contracts/test_schemes.py::TestSchemes",
    "inference": "tests/contracts/test_inferences.py::TestInferences",
    "recipe": "tests/contracts/test_recipes.py::test_recipe_trains_a_few_steps",
    "refit": "tests/contracts/test_recipes.py::test_refits_of_the_catalogue_are_those_of_the_learner",
    "kind": "tests/contracts/test_heads_of_kinds.py::TestKinds",
}
SMOKE = {"initial": 20, "batch": 20, "budget": 60}
BRIEF = {**SMOKE, "budget": 40}  # a round of the larger CNN is seconds
SETS = {
    "multi_output": "digit-strings", "regression": "diabetes", "tagging": "febrl-strings", "dense": "scenes-masks", "detection": "scenes",
    "instance": "scenes-instances", "pair": "febrl1-pairs", "link": "nations", "sequence": "digit-lines",
}  # fmt: skip
"""A named set of every kind but classification."""
WITH_SOURCE = ("domain_adversarial",)
"""Schemes that learn from another labelled set first."""
STEPS = 20
"""Optimiser steps of a smoke run on these: what it shows is that all parts fit."""


def evidence(row: Mapping[str, Any], seconds: float | None) -> dict[str, Any]:
    """What there is for one row; None where there is nothing."""
    contract = CONTRACTS.get(str(row["type"]))
    return {
        "property": row["property"] if exists(row.get("property")) else None,
        "kernels": answering(row),
        "contract": contract if exists(contract) else None,
        "smoke_seconds": seconds,
        "fair_run": fair_run(str(row["name"])),
    }


def answering(row: Mapping[str, Any]) -> list[str]:
    """The tests that answer for the shared kernels under a row, as tests/house/mutation_rules.py names them."""
    if "acquisition" not in row:
        return []
    open_modules, seen = _modules(catalogue.acquisition(row["acquisition"])), set[str]()
    while open_modules:
        module = open_modules.pop()
        seen.add(module)
        open_modules |= {found for found in _imported(module) if found.startswith("querist.kernels.")} - seen
    files = [f"{module.rpartition('.')[2]}.py" for module in seen if module.startswith("querist.kernels.")]
    return sorted({test for file in files for test in SHARED.get(file, ())})


def _modules(part: Any) -> set[str]:
    """The modules of the package in which an acquisition and its parts are written."""
    if isinstance(part, Mapping):
        return set[str]().union(*map(_modules, part.values()))
    if isinstance(part, tuple | list):
        return set[str]().union(*map(_modules, part))
    if not dataclasses.is_dataclass(part) or isinstance(part, type):
        return set()
    inner = (_modules(getattr(part, field.name)) for field in dataclasses.fields(part))
    return {kind.__module__ for kind in type(part).__mro__ if kind.__module__.startswith("querist.")}.union(*inner)


@cache
def _imported(module: str) -> frozenset[str]:
    """What a module imports, wherever in it, as full names."""
    file = ROOT.joinpath("src", *module.split(".")).with_suffix(".py")
    if not file.is_file():  # the name of something in a module
        return frozenset()
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return frozenset(found)


def exists(test: str | None) -> bool:
    """Is there such a test: the file, and in it the function or class."""
    if test is None:
        return False
    file, _, name = test.partition("::")
    path = ROOT / file
    return path.is_file() and (
        not name or re.search(rf"^\s*(def|class) {re.escape(name.split('::')[-1])}\b", path.read_text(encoding="utf-8"), re.M) is not None
    )


def fair_run(name: str) -> dict[str, Any] | None:
    """The comparison with random in the recorded study with most seeds."""
    found: dict[str, Any] | None = None
    for file in sorted((ROOT / "docs" / "results").glob("**/study.json")):
        study = json.loads(file.read_text(encoding="utf-8"))
        for row in study["comparisons"]:
            if row["method"] == name and row["baseline"] == "random" and row["measure"] == "aubc" and (found is None or row["n"] > found["seeds"]):
                found = {
                    "snapshot": str(file.relative_to(ROOT)), "dataset": study["dataset"], "seeds": row["n"],
                    "delta_aubc": row["difference"], "low": row["low"], "high": row["high"], "verdict": row["verdict"],
                }  # fmt: skip
    return found


def smoke(row: Mapping[str, Any]) -> float:
    """CPU seconds of two or three rounds with this strategy, inference, recipe or refit, or of a selection by a wrapper."""
    from querist.assemble import simulation

    name, kind = str(row["name"]), str(row["type"])
    if kind == "wrapper":
        return selecting(name)
    if name in WITH_SOURCE:
        return sited(row, "febrl2-pairs", {"scheme": {"use": name, "by": {"source": {"at": "febrl1-pairs"}, "steps": 100}}})
    served = [of for of in row.get("kinds", ["classification"]) if of in SETS]
    if served and "classification" not in row.get("kinds", ["classification"]):
        return sited(row, SETS[served[0]])
    method = name if kind == "strategy" else "margin"
    learner = {**({kind: name} if kind in ("inference", "refit", "recipe", "scheme") else {}), **({"recipe": row["recipe"]} if "recipe" in row else {})}
    if name == "fine-tune":
        learner |= {"network": "timm:test_resnet", "side": 32}  # timm's smallest, its weights drawn at random
    dataset = "wine" if name in ("mlp", "features-head") else "fashion-mnist" if name in ("fashion-cnn", "small-cnn") else "digits"
    started = time.process_time()
    project, oracle = simulation(dataset=dataset, method=method, seed=0, path=":memory:", learner=learner, **(BRIEF if dataset == "fashion-mnist" else SMOKE))
    project.run(oracle)
    project.close()
    return round(time.process_time() - started, 2)


def sited(row: Mapping[str, Any], dataset: str, wishes: Mapping[str, Any] | None = None) -> float:
    """CPU seconds of two rounds of few steps on a set whose items have sites, or that has a learner of its own."""
    from querist.assemble import simulation
    from querist.data.datasets.registry import entries

    name, kind = str(row["name"]), str(row["type"])
    own = (of.name for of in entries().values() if kind == "recipe" and of.learner.get("recipe") == name and of.name != "brown")  # brown is no package
    dataset = next(own, dataset)
    learner = {**({kind: name} if kind in ("recipe", "scheme") else {}), **({"recipe": row["recipe"]} if "recipe" in row else {}), "steps": STEPS}
    learner |= wishes or {}
    # Twenty samples of every pixel of 300 test images are ten seconds: one round, which trains, measures, scores and chooses, must do.
    sizes = {**BRIEF, "budget": BRIEF["initial"]} if "dense" in row.get("kinds", ()) and kind == "strategy" else BRIEF
    started = time.process_time()
    project, oracle = simulation(
        dataset=dataset, method=name if kind == "strategy" else "random", seed=0, path=":memory:", learner=learner, score_pool=60, **sizes
    )
    project.run(oracle)
    project.close()
    return round(time.process_time() - started, 2)


def selecting(wrapper: str) -> float:
    """CPU seconds of one selection of 100 among 10,000 drawn rows, for what a learner cannot feed alone (costs)."""
    from querist.core.rng import stream
    from querist.testing import FakeView

    view = FakeView.random(n=10_000, labelled=100)
    started = time.process_time()
    catalogue.acquisition(wrapper).select(view, 100, stream(0, 1, "select"))
    return max(round(time.process_time() - started, 2), 0.01)


def main() -> int:
    """Write the file, or compare with it."""
    rows = catalogue.rows()
    kept = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.is_file() else {}
    seconds = {name: row.get("smoke_seconds") for name, row in kept.items()}
    if "--check" in sys.argv:
        stale = [str(row["name"]) for row in rows if kept.get(row["name"]) != evidence(row, seconds.get(str(row["name"])))]
        said = json.loads(VERDICTS.read_text(encoding="utf-8")) if VERDICTS.is_file() else {}
        stale += [] if said == verdicts() else ["the claims"]
        if stale or set(kept) != {row["name"] for row in rows}:
            sys.stderr.write(f"evidence.json is stale for: {', '.join(stale) or 'rows that are gone'}. Run: python docs/gen/evidence.py\n")
            return 1
        return 0
    import torch

    torch.set_num_threads(1)
    again = set(sys.argv[1:])
    try:
        for row in rows:
            if "--again" in again or row["name"] in again or seconds.get(str(row["name"])) is None:
                seconds[str(row["name"])] = smoke(row)
    finally:  # what was measured before a row failed is kept
        made = {str(row["name"]): evidence(row, seconds.get(str(row["name"]))) for row in rows}
        TARGET.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        VERDICTS.write_text(json.dumps(verdicts(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
