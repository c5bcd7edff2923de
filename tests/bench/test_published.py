"""What is published in docs/results keeps the rules of a snapshot and of a bench."""

from pathlib import Path

import pytest

from querist.bench import snapshot
from querist.bench.across import Bench
from querist.bench.bench_page import markdown
from querist.bench.rules import check

RESULTS = Path(__file__).parents[2] / "docs" / "results"
SNAPSHOTS = sorted(file.parent for file in RESULTS.rglob("snapshot.json*"))
BENCHES = sorted(file.parent for file in RESULTS.rglob("bench.json") if not (file.parent / "claim.json").exists())  # claims have pages of their own


def test_there_are_some():
    assert SNAPSHOTS and BENCHES


@pytest.mark.parametrize("folder", SNAPSHOTS, ids=lambda folder: str(folder.relative_to(RESULTS)))
def test_a_published_snapshot_keeps_its_rules(folder):
    assert check(snapshot.read(folder)) == []
    assert all(file.stat().st_size <= snapshot.LIMIT for file in folder.glob("snapshot.json*"))


@pytest.mark.parametrize("folder", BENCHES, ids=lambda folder: str(folder.relative_to(RESULTS)))
def test_a_published_page_says_what_its_record_says(folder):
    assert (folder / "index.md").read_text(encoding="utf-8").startswith(markdown(Bench.open(folder)))
