"""How a project trains, said at its beginning: a scheme, a refit, a labelled set to learn first."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from querist.core.rng import stream

WORDS = {"good": "superb lovely great warm clever moving".split(), "bad": "awful dull flat boring clumsy cold".split()}
OTHERS = "film plot actor scene music the of and with story".split()


def write(path: Path, count: int, seed: int, labelled: bool) -> dict[str, str]:
    """A table of texts of nine words, three in ten of which tell the class; what is true of each id."""
    rng = stream(seed, 0, "oracle")
    truth = {f"{path.stem}{row}": ("good", "bad")[int(rng.integers(2))] for row in range(count)}
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text", *(["label"] if labelled else [])])
        for item, said in truth.items():
            text = " ".join(str(rng.choice(WORDS[said] if rng.random() < 0.3 else OTHERS)) for _ in range(9))
            rows.writerow([item, text, *([said] if labelled else [])])
    return truth


def test_a_source_answers_for_most_of_the_labels(querist: Any, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    truth = write(tmp_path / "pool.csv", 200, 0, labelled=False)
    write(tmp_path / "old.csv", 200, 1, labelled=True)
    write(tmp_path / "test.csv", 100, 2, labelled=True)
    (tmp_path / "four.csv").write_text("id,label\n" + "".join(f"{item},{truth[item]}\n" for item in list(truth)[:4]), encoding="utf-8")
    start = ("--data", "pool.csv", "--labels", "good,bad", "--annotations", "four.csv", "--test", "test.csv", "--encoder", "tfidf", "--method", "margin")
    accuracy = {}
    for name, extra in {"plain": ("--refit", "scratch"), "transfer": ("--source", "old.csv")}.items():
        assert querist("init", f"{name}.querist", *start, *extra).code == 0
        accuracy[name] = querist("update", f"{name}.querist", "--json").json["metrics"]["accuracy"]
    assert accuracy["transfer"] > 0.7 > accuracy["plain"] + 0.05


@pytest.mark.torchless
def test_what_cannot_be_learnt_from_is_said_in_a_line(querist: Any, tmp_path: Path) -> None:
    write(tmp_path / "pool.csv", 20, 0, labelled=False)
    write(tmp_path / "old.csv", 20, 1, labelled=True)
    start = ("init", "p.querist", "--data", "pool.csv", "--labels", "yes,no", "--encoder", "tfidf", "--source")
    querist(*start, "old.csv").fails(2, "old.csv", "labels of another kind")
    querist(*start, "gone.csv").fails(1, "gone.csv")
    assert not (tmp_path / "p.querist").exists()
