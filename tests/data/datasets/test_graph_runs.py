"""Pairs and links from the files of a package to a ranking: simulated projects on miniatures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from miniatures import febrl, graph_files, triples

from querist.assemble.parts import learner
from querist.assemble.simulate import simulation
from querist.core import catalogue
from querist.core.errors import CapabilityError
from querist.core.spec import spec
from querist.data.datasets import named
from querist.data.datasets.febrl_pairs import ends

QUICK = {"steps": 8}


def run(dataset: str, root: Path, method: str, **learner: Any) -> dict[str, float]:
    project, oracle = simulation(
        dataset=dataset, method=method, seed=0, path=":memory:", root=str(root), learner={**QUICK, **learner}, initial=6, batch=4, budget=14
    )
    rounds = project.run(oracle)
    assert [done.labels_used for done in rounds] == [0, 6, 10, 14]
    return dict(rounds[-1].metrics)


@pytest.mark.parametrize(("method", "recipe"), [("random", "distmult"), ("activelink", "distmult"), ("bald", "conve"), ("coreset", "distmult")])
def test_links_run_from_files_to_a_ranking(tmp_path: Path, method: str, recipe: str) -> None:
    graph_files(tmp_path, triples())
    found = run("nations", tmp_path, method, recipe=recipe, refit="warm")
    assert found.keys() == {"mrr", "hits@1", "hits@3", "hits@10", "mean_rank"} and 0 < found["mrr"] <= 1


@pytest.mark.parametrize("method", ["random", "entity_resolution", "badge"])
def test_pairs_run_from_files_to_a_ranking(tmp_path: Path, method: str) -> None:
    found = run("febrl1-pairs", febrl(tmp_path, 80), method)
    assert {"f1", "precision", "recall", "accuracy"} <= found.keys()


def test_what_a_link_cannot_give_is_refused(tmp_path: Path) -> None:
    graph_files(tmp_path, triples())
    for method in ("badge", "batchbald"):
        project, oracle = simulation(
            dataset="nations", method=method, seed=0, path=":memory:", root=str(tmp_path), learner=QUICK, initial=4, batch=4, budget=4
        )  # fmt: skip
        with pytest.raises(CapabilityError, match="does not provide"):
            project.run(oracle)


def test_the_development_split_of_a_graph_is_its_own(tmp_path: Path) -> None:
    graph_files(tmp_path, triples())
    data = named("umls", str(tmp_path))
    assert len(data.dev) == 16 and data.kind == "link" and not set(data.dev) & set(data.candidates)
    assert data.space.validate("q", data.targets[data.candidates[0]]) is not None
    assert data.final is not None and set(data.final().targets) == {f"test-{row:05d}" for row in range(16)}


def test_ends_name_the_records_of_every_pair(tmp_path: Path) -> None:
    data = named("febrl1-pairs", str(febrl(tmp_path, 80)))
    found = ends("febrl1-pairs", str(tmp_path))
    assert found.keys() == data.targets.keys()
    assert all((left.split("-")[1] == right.split("-")[1]) == data.targets[item] for item, (left, right) in found.items())


@pytest.mark.parametrize("name", ["siamese", "distmult", "conve"])
def test_recipes_are_their_rows(name: str) -> None:
    assert spec(learner({"recipe": name}, "random").network)["use"].endswith(catalogue.row(name, "recipe")["learner"]["network"]["use"].rpartition(":")[2])
