"""The company path: labels that exist, two people who disagree, and a model that Querist never sees.

A company reads handwritten digits. It has 2,000 labels from the years before the digits 8 and 9 mattered, a test file, and
an own model (`outside_model` below) that reads a training export and writes Parquet: no part of it knows Querist.
The pictures are scikit-learn's 1,797 digits, each moved by a pixel in several directions; those of the test file are moved
copies of other originals than those of the pool. Every step is a command that could be typed as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression

CLASSES = [str(digit) for digit in range(10)]
BATCH = 60
MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))


def company_data(folder: Path) -> dict[str, str]:
    """Write pool.parquet, more.parquet, labels.csv and test.parquet; returns the truth, which only the annotators below look at."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images)).tolist()
    truth: dict[str, str] = {}

    def table(name: str, rows: Iterable[int], moves: Sequence[tuple[int, int]], **more: Any) -> pa.Table:
        ids, pixels = [], []
        for row in rows:
            for number, move in enumerate(moves):
                ids.append(f"{name}-{row:04d}-{number}")
                pixels.append(np.roll(digits.images[row], move, axis=(0, 1)).ravel())
                truth[ids[-1]] = str(digits.target[row])
        return pa.table({"id": ids, "pixels": list(np.asarray(pixels, dtype=np.float32))} | {key: [value(item) for item in ids] for key, value in more.items()})

    pool, later = table("scan", order[:1200], MOVES), table("new", order[1200:1300], MOVES)
    pq.write_table(pool, folder / "pool.parquet")
    pq.write_table(pa.concat_tables([pool, later]), folder / "more.parquet")
    pq.write_table(table("test", order[1300:], MOVES[:2], label=truth.__getitem__), folder / "test.parquet")
    old = [item for item in truth if item.startswith("scan-") and truth[item] not in "89"][:1960]
    few = [item for item in truth if item.startswith("scan-") and truth[item] in "89"][:40]
    lines = [f"{item},{truth[item]},archive" for item in (*old, *few)]
    (folder / "labels.csv").write_text("\n".join(["id,label,annotator", *lines]) + "\n", encoding="utf-8")
    return truth


def outside_model(folder: Path) -> float:
    """Somebody else's training: reads training.parquet and the pictures, writes probs.parquet and features.parquet. Knows no Querist."""
    training = pq.read_table(folder / "training.parquet").to_pydict()
    tables = [pq.read_table(folder / name, columns=["id", "pixels"]) for name in ("pool.parquet", "test.parquet")]
    ids = [item for one in tables for item in one["id"].to_pylist()]
    pixels = np.concatenate([np.stack(one["pixels"].to_numpy()) for one in tables]) / 16.0
    row_of = {item: row for row, item in enumerate(ids)}
    rows = [row_of[item] for item in training["id"]]
    features = Nystroem(gamma=0.1, n_components=300, random_state=0).fit_transform(pixels)
    model = LogisticRegression(C=10.0, max_iter=200).fit(features[rows], training["value"])
    probs = model.predict_proba(features)
    pq.write_table(pa.table({"id": ids, **{str(name): probs[:, place] for place, name in enumerate(model.classes_)}}), folder / "probs.parquet")
    pq.write_table(pa.table({"id": ids, "features": list(features.astype(np.float32))}), folder / "features.parquet")
    return float(model.score(features[rows], training["value"]))


def querist(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run one command in the folder and return what `--json` prints."""
    print("  $ querist", *arguments)
    command = [sys.executable, "-m", "querist.cli.main", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"querist {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def answers(folder: Path, name: str, said: dict[str, str]) -> str:
    """A file of answers, as a labelling tool would write it."""
    (folder / name).write_text("\n".join(["id,label", *(f"{item},{value}" for item, value in said.items())]) + "\n", encoding="utf-8")
    return name


def mistaken(value: str) -> str:
    """What Bea reads where Ann is right: she takes a 9 for a 4 and an 8 for a 3."""
    return {"9": "4", "8": "3"}.get(value, value)


def disputes(folder: Path) -> list[str]:
    """Items that have no target because people disagree."""
    from querist import Project

    with Project.open(folder / "company.querist") as project:
        review = project.review()
    for one in review[:3]:
        print(f"    {one.item}: {one.reason}, " + ", ".join(f"{who} says {value}" for who, value in sorted(one.votes.items())))
    return [one.item for one in review]


def label(folder: Path, truth: dict[str, str], round_: int) -> None:
    """Ann labels what is asked; Bea gives a second opinion on a third of it; what they dispute, Ann and a third person settle."""
    asked = [one["id"] for one in querist(folder, "ask", "company.querist", "-k", str(BATCH), "--by", "ann")["items"]]
    querist(folder, "tell", "company.querist", "-i", answers(folder, "ann.csv", {item: truth[item] for item in asked}), "--by", "ann")
    second = {item: mistaken(truth[item]) for item in asked[::3]}
    querist(folder, "tell", "company.querist", "-i", answers(folder, "bea.csv", second), "--by", "bea")
    disputed = disputes(folder)
    assert set(disputed) == {item for item, value in second.items() if value != truth[item]}, "exactly what they disagree about is up for review"
    print(f"  round {round_}: {len(asked)} items labelled, {len(second)} of them twice, {len(disputed)} up for review")
    if disputed:
        querist(folder, "tell", "company.querist", "-i", answers(folder, "cem.csv", {item: truth[item] for item in disputed}), "--by", "cem")
        assert not disputes(folder), "a third voice gives a majority"


def update(folder: Path, note: str) -> dict[str, Any]:
    """Export, let the outside model train and write its Parquet, rank the pool by it."""
    querist(folder, "export", "company.querist", "-o", "training.parquet")
    fitted = outside_model(folder)
    made = querist(folder, "update", "company.querist", "--probs", "probs.parquet", "--features", "features.parquet", "--model-note", note)
    print(f"  {note}: {made['labels_used']} labels, {fitted:.3f} correct on them, {made['metrics']['accuracy']:.3f} on the test file")
    return made


def main(folder: Path) -> None:
    truth = company_data(folder)
    print("1. The project: a pool, labels that exist, a test file. `auto` chooses.")
    init = ["init", "company.querist", "--data", "pool.parquet", "--annotations", "labels.csv", "--test", "test.parquet", "--batch", str(BATCH)]
    made = querist(folder, *init)
    assert (made["items"], made["imported"], made["test"]) == (6000, 2000, 994)
    before = update(folder, "the model of today")

    print("2. Three rounds: people label what the outside model would learn most from, then it trains again.")
    rounds = []
    for number in (1, 2, 3):
        label(folder, truth, number)
        if number == 2:
            print("  500 new pictures have come in")
            (folder / "more.parquet").replace(folder / "pool.parquet")
            assert querist(folder, "extend", "company.querist")["added"] == 500
        rounds.append(update(folder, f"after round {number}"))

    print("3. What there is to show for it.")
    status = querist(folder, "status", "company.querist")
    report = folder / querist(folder, "report", "company.querist", "-o", "company.html")["report"]
    assert status["items"] == 6500 and status["labelled"] == 2000 + 3 * BATCH and status["rounds"] == 4
    assert report.stat().st_size > 10_000 and rounds[-1]["of"] > before["of"] - 3 * BATCH, "the new pictures are ranked too"
    training = pq.read_table(folder / "training.parquet").to_pydict()
    assert len(training["id"]) == 2000 + 3 * BATCH and all(truth[item] == value for item, value in zip(training["id"], training["value"], strict=True))
    gain = rounds[-1]["metrics"]["accuracy"] - before["metrics"]["accuracy"]
    assert gain > 0.05, f"180 well-chosen labels beside 2,000 old ones are worth more than five points, got {gain:+.3f}"
    rare = sum(value in "89" for value in training["value"]) - 40
    print(f"{3 * BATCH} labels beside the old 2,000, {rare} of them of the neglected digits 8 and 9: accuracy {gain:+.3f} on the test file")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="company-") as place:
        main(Path(place))
