"""Every strategy that says it serves pairs or links chooses for them, from files to a ranking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from miniatures import febrl, graph_files, triples

from querist.acquire.served import methods
from querist.assemble.simulate import simulation

ROWS = [(kind, str(row["name"])) for kind in ("link", "pair") for row in methods("strategy") if kind in row["kinds"]]
WORDS = {"egl_word"}
"""What needs a network with a table of words, which neither kind has."""


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("sets")
    return {"link": ("nations", graph_files(folder / "graph", triples())), "pair": ("febrl1-pairs", febrl(folder / "records", 80))}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "method"), ROWS)
def test_it_chooses(roots: dict[str, Any], kind: str, method: str) -> None:
    if method in WORDS:
        pytest.skip("needs a table of words")
    name, root = roots[kind]
    project, oracle = simulation(
        dataset=name, method=method, seed=0, path=":memory:", root=str(root), learner={"steps": 3}, initial=8, batch=4, budget=12
    )  # fmt: skip
    rounds = project.run(oracle)
    assert [done.labels_used for done in rounds] == [0, 8, 12] and len(project.ranking()) > 0


def test_most_strategies_serve_them() -> None:
    assert sum(kind == "link" for kind, _ in ROWS) >= 35 and sum(kind == "pair" for kind, _ in ROWS) >= 50
