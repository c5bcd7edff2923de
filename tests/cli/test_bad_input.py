"""Bad input: one to three lines that name the bad value, the exit code, no traceback, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from querist.core.clock import system_clock
from querist.project.project import Project
from querist.project.rights import right

pytestmark = pytest.mark.torchless

NOBODY = 65534


@pytest.fixture
def told(querist, project):
    """A project with one label that must survive everything."""
    assert querist("tell", project, "t1", "good", "--by", "ann").code == 0
    yield project
    with Project.open(project) as again:
        assert again.labels()["t1"] == "good"


def test_an_unknown_label(querist, told):
    querist("tell", told, "t2", "goood").fails(1, "t2", "goood", "good, bad")


def test_a_negative_number_is_a_value_like_any_other(querist, told):
    querist("tell", told, "t2", "--", "-1").fails(1, "t2", "-1")


def test_an_unknown_id(querist, told):
    querist("tell", told, "nobody", "good").fails(1, "nobody")
    querist("skip", told, "nobody").fails(1, "nobody")


@pytest.mark.parametrize(("k", "shown"), [("-3", "-3"), ("0", "0"), ("many", "many"), ("2.5", "2.5")])
def test_k_is_negative_or_not_a_number(querist, told, k, shown):
    querist("ask", told, "-k", k).fails(2, shown)
    with Project.open(told) as project:
        assert project.status()["leased"] == 0


def test_an_empty_pool(querist, tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "none.csv").write_text("id,text\n", encoding="utf-8")
    querist("init", "e.querist", "--data", "none", "--labels", "a,b").fails(1, "none")
    querist("init", "e.querist", "--data", "none.csv", "--labels", "a,b").fails(1, "none.csv")
    assert not (tmp_path / "e.querist").exists()


def test_duplicate_ids(querist, tmp_path):
    (tmp_path / "twice.csv").write_text("id,text\nx1,one\nx2,two\nx1,three\n", encoding="utf-8")
    querist("init", "e.querist", "--data", "twice.csv", "--labels", "a,b").fails(1, "x1")
    assert not (tmp_path / "e.querist").exists()


def test_nan_features_of_an_outside_model(querist, told, tmp_path):
    features = np.ones((30, 4))
    features[7, 2] = np.nan
    np.savez(tmp_path / "f.npz", ids=[f"t{n}" for n in range(30)], features=features)
    querist("update", told, "--features", "f.npz").fails(1, "row 7", "t7", "NaN")
    assert querist("status", told, "--json").json["rounds"] == 0


def test_a_label_for_a_test_item(querist, texts, tmp_path):
    (tmp_path / "test.csv").write_text("id,text,label\nh1,a held-out day,good\nh2,another day,bad\n", encoding="utf-8")
    assert querist("init", "p.querist", "--data", "texts.csv", "--test", "test.csv").code == 0
    querist("tell", "p.querist", "h1", "bad").fails(1, "h1", "test item")
    (tmp_path / "leak.csv").write_text("id,label\nh1,bad\n", encoding="utf-8")
    querist("init", "q.querist", "--data", "texts.csv", "--test", "test.csv", "--annotations", "leak.csv").fails(1, "h1", "test item")
    with Project.open("p.querist") as project:
        assert project.test() == {"h1": "good", "h2": "bad"}


def test_a_junk_project_file(querist, tmp_path):
    (tmp_path / "junk.querist").write_bytes(b"no database at all, " * 100)
    before = (tmp_path / "junk.querist").read_bytes()
    for command in (("status",), ("ask",), ("tell",)):
        more = ("t1", "good") if command == ("tell",) else ()
        querist(*command, "junk.querist", *more).fails(1, "junk.querist")
    assert (tmp_path / "junk.querist").read_bytes() == before


def test_a_database_that_is_no_project(querist, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "other.querist")) as other:
        other.execute("CREATE TABLE mine (x)")
    querist("ask", "other.querist").fails(1, "other.querist")


def test_a_newer_project_file(querist, told, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / told)) as file:
        file.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
        file.commit()
    querist("ask", told).fails(1, "newer", "999")
    with contextlib.closing(sqlite3.connect(tmp_path / told)) as file:
        file.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
        file.commit()


@contextlib.contextmanager
def not_root() -> Iterator[None]:
    """As an ordinary user: root may write what is read-only, so as root this process is `nobody` for a while."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def read_only(querist, texts, monkeypatch):
    """A project with one label in a folder where nobody may write."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        (place / "texts.csv").write_bytes(texts.read_bytes())
        assert querist("init", str(place / "p.querist"), "--data", str(place / "texts.csv"), "--labels", "good,bad").code == 0
        assert querist("tell", str(place / "p.querist"), "t1", "good").code == 0
        for command in (("export", "-o", "warm.csv"), ("report", "-o", "warm.html"), ("status",), ("ask", "--ttl", "0.001")):  # nobody may not import
            assert querist(command[0], str(place / "p.querist"), *command[1:]).code == 0
        for path in (*place.iterdir(), place):
            path.chmod(0o555 if path.is_dir() else 0o444)
        monkeypatch.chdir(place)
        with not_root():
            yield place / "p.querist"
        place.chmod(0o755)
        with Project.open(place / "p.querist") as again:
            assert again.labels() == {"t1": "good"}


def test_a_read_only_disk(querist, read_only):
    querist("tell", str(read_only), "t2", "good").fails(1, str(read_only))
    querist("ask", str(read_only)).fails(1, str(read_only))
    querist("init", str(read_only.with_name("new.querist")), "--data", "texts.csv", "--labels", "good,bad").fails(1, "new.querist")
    querist("export", str(read_only), "-o", str(read_only.with_name("out.csv"))).fails(1, "out.csv")
    querist("report", str(read_only)).fails(1, "p.html")


def test_what_is_there_can_be_read_on_a_read_only_disk(querist, read_only):
    said = querist("status", str(read_only), "--json")
    assert (said.code, said.json["labelled"]) == (0, 1)


def test_a_full_disk(querist, told, tmp_path):
    """Files may not grow any more: the label is refused, the one before stays."""
    rows = "".join(f"t{n},good,{'x' * 4000}-{n}\n" for n in range(30))
    (tmp_path / "big.csv").write_text(f"id,label,key\n{rows}", encoding="utf-8")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, before[1]))
    try:
        said = querist("tell", told, "-i", "big.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    said.fails(1, told)
    with Project.open(told) as project:
        assert set(project.labels()) == {"t1"}


def test_a_second_worker(querist, told):
    with Project.open(told) as project, right(project.store, "work", system_clock):
        querist("work", told).fails(1, "work", str(os.getpid()))


def test_init_onto_an_existing_file(querist, told, tmp_path):
    before = (tmp_path / told).read_bytes()
    querist("init", told, "--data", "texts.csv", "--labels", "good,bad").fails(1, told, "already")
    assert (tmp_path / told).read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--labels", "good,good"), ("good",)),
        (("--labels", "good"), ("good",)),
        (("--labels", "good,bad", "--budget", "9000"), ("9000", "30")),
        (("--labels", "good,bad", "--budget", "1200 boxes"), ("boxes", "items")),
        (("--labels", "good,bad", "--batch", "0"), ("0", "batch")),
        (("--labels", "good,bad", "--target", "95"), ("95",)),
        (("--labels", "good,bad", "--seed", "-1"), ("-1",)),
        (("--labels", "good,bad", "--method", "margn"), ("margn", "margin")),
        (("--labels", "good,bad", "--learner", "nothing"), ("nothing",)),
        (("--labels", "good,bad", "--encoder", "clip"), ("clip", "timm:NAME")),
        (("--labels", "good,bad", "--task", "dancing"), ("dancing",)),
        ((), ("--labels",)),
        (("--labels", "folders"), ("folders",)),
    ],
)
def test_wishes_of_init_that_cannot_be(querist, texts, tmp_path, options, words):
    querist("init", "e.querist", "--data", "texts.csv", *options).fails(2, *words)
    assert not list(tmp_path.glob("*e.querist*"))


def test_data_that_is_not_there(querist, tmp_path):
    querist("init", "e.querist", "--data", "nowhere", "--labels", "a,b").fails(1, "nowhere")


def test_a_project_that_is_not_there(querist, tmp_path):
    querist("ask", "nothing.querist").fails(1, "nothing.querist")
    querist("ask", "nothing").fails(2, "nothing")
    assert not list(tmp_path.iterdir())


def test_annotations_of_unknown_items_or_labels(querist, texts, tmp_path):
    (tmp_path / "a.csv").write_text("id,label\nt1,good\nzz,bad\n", encoding="utf-8")
    querist("init", "e.querist", "--data", "texts.csv", "--annotations", "a.csv").fails(1, "zz")
    (tmp_path / "b.csv").write_text("id,label\nt1,good\nt2,ugly\n", encoding="utf-8")
    querist("init", "e.querist", "--data", "texts.csv", "--labels", "good,bad", "--annotations", "b.csv").fails(1, "t2", "ugly")
    assert not list(tmp_path.glob("*e.querist*"))


def test_the_good_rows_of_a_file_are_stored(querist, told, tmp_path):
    (tmp_path / "l.csv").write_text("id,value,by,seconds\nt2,good,bob,1.5\nt3,ugly,bob,\nzz,good,,\nt4,bad,bob,x\nt5,,,\n", encoding="utf-8")
    said = querist("tell", told, "-i", "l.csv", "--json")
    assert said.code == 1
    assert said.json["told"] == 1
    assert [(error["item"], error["got"]) for error in said.json["errors"]] == [
        ("t4", "seconds = 'x' in line 5"), ("t5", "no label in line 6"), ("t3", "'ugly'"), ("zz", "'zz'"),
    ]  # fmt: skip
    plain = querist("tell", told, "-i", "l.csv")
    assert len(plain.lines) == 3
    assert plain.lines[-1].startswith("error: 4 of 5 rows")


def test_a_file_that_cannot_be_told(querist, told, tmp_path):
    querist("tell", told, "-i", "nothing.csv").fails(1, "nothing.csv")
    (tmp_path / "odd.csv").write_text("name,label\nt1,good\n", encoding="utf-8")
    querist("tell", told, "-i", "odd.csv").fails(1, "odd.csv", "id")
    querist("tell", told).fails(2, "ITEM VALUE")
    querist("tell", told, "t1", "good", "-i", "odd.csv").fails(2, "t1")


def test_a_query_that_cannot_be_written_leases_nothing(querist, told):
    querist("ask", told, "-k", "3", "-o", "nowhere/q.csv").fails(1, "nowhere/q.csv")
    querist("ask", told, "-k", "3", "-o", "q.xlsx").fails(2, "xlsx")
    assert querist("status", told, "--json").json["leased"] == 0


def test_exports_that_are_not_there(querist, told):
    querist("export", told, "-o", "x", "--format", "coco").fails(2, "coco")
    querist("export", told, "-o", "x.csv", "--view", "all").fails(2, "all")
    querist("export", told, "-o", "x", "--format", "imagefolder").fails(2, "no picture files")


def test_changes_of_classes_that_cannot_be(querist, told):
    querist("classes", told, "merge", "good", "bad", "--into", "any").fails(2, "merge")
    querist("classes", told, "paint", "good").fails(2, "paint")
    querist("classes", told, "rename", "good").fails(2, "good")
    querist("classes", told, "add", "bad").fails(2, "bad")
    querist("classes", told, "retire", "good").fails(2, "good")


def test_with_json_an_error_is_one_object(querist, told):
    said = querist("tell", told, "t2", "ugly", "--json")
    assert said.code == 1
    assert said.json == {"error": {"type": "LabelError", "message": "label refused for item 't2'", "got": "'ugly'", "wanted": "one of good, bad", "hint": None}}
    assert said.err == ""
    error = querist("ask", told, "-k", "many", "--json").json["error"]
    assert (error["type"], error["got"]) == ("UsageError", "many")
    assert querist("nothing", "--json").json["error"]["type"] == "UsageError"


def test_an_unexpected_error_is_one_line_that_asks_for_a_report(querist, texts, tmp_path, monkeypatch):
    lines = [
        "from dataclasses import dataclass",
        "@dataclass(frozen=True)",
        "class Broken:",
        "    def __post_init__(self):",
        "        raise RuntimeError('oh')",
    ]
    (tmp_path / "a_broken_strategy.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    command = ("init", "e.querist", "--data", "texts.csv", "--labels", "a,b", "--method", "a_broken_strategy:Broken")
    querist(*command).fails(1, "unexpected RuntimeError: oh", "report")
    monkeypatch.setenv("QUERIST_DEBUG", "1")
    assert "a_broken_strategy.py" in querist(*command).err


@pytest.mark.parametrize("option", [("--scheme", "nope"), ("--scheme", "nopkg:Nope"), ("--refit", "lukewarm"), ("--recipe", "nope")])
def test_a_learner_that_does_not_exist_is_named_before_anything_is_written(querist, option, tmp_path):
    querist("run", "digits", *option, "--seeds", "1", "--out", str(tmp_path / "study")).fails(2, option[1])
    assert not (tmp_path / "study").exists()
