"""Rows that survive a kill, and the file of other measurements that is refused."""

import json

import pytest

from querist.bench.ledger import Ledger
from querist.core.errors import UsageError


def test_whole_rows_are_kept_and_a_cut_one_is_not(tmp_path):
    file = tmp_path / "rows.jsonl"
    first = Ledger(file, {"labels": (5, 10), "seed": 0})
    first.add("a", {"score": 0.1})
    first.add("b", {"score": 0.25})
    whole = file.read_text(encoding="utf-8")
    for end in {*range(0, len(whole), 9), whole.rindex("\n"), len(whole) - 2}:
        file.write_text(whole[:end], encoding="utf-8")
        again = Ledger(file, {"labels": (5, 10), "seed": 0})
        assert again.before == len(again.rows) == max(0, whole[: end + 1].count("\n") - 1)
        again.add("c", {"score": 1 / 3})
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert [line["key"] for line in lines[1:]] == [*"ab"[: again.before], "c"] and lines[-1]["score"] == 1 / 3


def test_other_settings_are_named(tmp_path):
    file = tmp_path / "rows.jsonl"
    Ledger(file, {"labels": (5, 10), "seed": 0}).add("a", {})
    with pytest.raises(UsageError, match=r"other settings; got seed\. Choose"):
        Ledger(file, {"labels": (5, 10), "seed": 1})
    assert "a" in Ledger(file, {"labels": [5, 10], "seed": 0})


def test_without_a_file_rows_live_here():
    rows = Ledger(None, {})
    rows.add("a", {"score": 1})
    assert rows["a"]["score"] == 1 and "b" not in rows
