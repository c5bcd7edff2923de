"""Tagging from beginning to end: records of a miniature, simulated rounds with the recipes, strategies that score tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from querist.assemble.simulate import simulation
from querist.core.rng import stream

HEADER = "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id"
WORDS = {
    "given_name": ["ann", "mary", "joshua", "blake"], "surname": ["green", "white", "clarke", "nguyen"], "address_1": ["king street", "elm place", "oak drive"],
    "address_2": ["rosewood", "brentwood vlge"], "suburb": ["st james", "cleveland", "bondi"], "state": ["wa", "nsw", "qld", "vic"],
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of 150 persons in FEBRL's format."""
    rng = stream(0, 0, "oracle")
    lines = [HEADER]
    for person in range(150):
        pick = {column: words[int(rng.integers(len(words)))] for column, words in WORDS.items()}
        number, code, day, insurance = (int(rng.integers(low, high)) for low, high in ((1, 300), (1000, 9999), (19100101, 19991231), (10**6, 10**7)))
        lines.append(
            f"rec-{person}-dup-0, {pick['given_name']}, {pick['surname']}, {number}, {pick['address_1']}, {pick['address_2']}, {pick['suburb']}, {code}, "
            f"{pick['state']}, {day}, {insurance}"
        )
    folder = tmp_path_factory.mktemp("febrl")
    (folder / "dataset4b.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("method", "recipe"),
    [
        ("mnlp", "tagger-chain"), ("bald_sequence", "tagger"), *(pytest.param(method, "tagger", marks=SLOW) for method in ("bald", "badge", "coreset")),
    ],
)  # fmt: skip
def test_a_study_of_tagged_strings(root: Path, tmp_path: Path, method: str, recipe: str) -> None:
    sizes = {"initial": 20, "batch": 10, "budget": 30}
    options = {"recipe": recipe, "steps": 25}
    project, oracle = simulation(dataset="febrl-strings", method=method, seed=0, path=tmp_path / "p.querist", root=str(root), learner=options, **sizes)
    with project:
        measured = [found.metrics for found in project.run(oracle) if found.metrics]
    assert len(measured) >= 1 and all(found["span_f1"] > 0.5 for found in measured), "four words a field are soon known"
    assert all(np.isfinite(list(found.values())).all() for found in measured)
