"""Tagged text in the formats of others: read from miniatures in the true format, and round-tripped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from querist.core.errors import PoolError
from querist.data.columns.conll import read_conll, write_conll
from querist.data.columns.hugging_face import read_hugging_face, write_hugging_face
from querist.data.columns.spans import Marked, read_spans, tags_at, write_spans
from querist.data.columns.tagged import Tagged, in_scheme, tagged

pytestmark = pytest.mark.torchless

CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC
. . O O

-DOCSTART- -X- -X- O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER

"""


@pytest.fixture
def conll(tmp_path: Path) -> Path:
    """Four columns, two documents, as the shared task of 2003 wrote them (the words are made up in its manner)."""
    path = tmp_path / "eng.testa"
    path.write_text(CONLL, encoding="utf-8")
    return path


def same(one: Tagged, other: Tagged) -> None:
    """Texts and tags are those of the other, item by item."""
    assert [row[1:] for row in one.rows()] == [row[1:] for row in other.rows()]
    assert set(one.classes) >= {tag for tags in other.values.values() for tag in tags if tag is not None}


def test_conll_columns(conll: Path) -> None:
    data = read_conll(conll)
    assert data.pool.load("0") == "EU rejects German ."
    assert data.values == {"0": ["B-ORG", "O", "B-MISC", "O"], "1": ["B-PER", "I-PER"]}
    assert data.classes == ("O", "B-MISC", "B-ORG", "B-PER", "I-PER")
    assert data.documents["0"] != data.documents["1"]
    assert read_conll(conll, tag=1).classes == (".", "JJ", "NNP", "VBZ")


def test_conll_goes_round(conll: Path, tmp_path: Path) -> None:
    data = read_conll(conll)
    for again in (data, in_scheme(data, "BIOES")):
        write_conll(tmp_path / "out.conll", again)
        back = read_conll(tmp_path / "out.conll")
        same(back, again)
        assert len(set(back.documents.values())) == 2
    unsaid = tagged([(["a", "b"], ["O", None])], "here")
    write_conll(tmp_path / "gaps.conll", unsaid)
    assert read_conll(tmp_path / "gaps.conll").values == {"0": ["O", None]}


def test_a_file_has_its_label_space(conll: Path) -> None:
    data = read_conll(conll)
    for each, scheme in ((data, "BIO"), (in_scheme(data, "BIOES"), "BIOES"), (read_conll(conll, tag=1), "plain")):
        assert each.scheme == scheme and each.space.kind == "tagging"
        assert all(each.space.validate(item, value) == value for item, value in each.values.items())
    assert data.labels == ("MISC", "ORG", "PER")


def test_conll_with_tabs_comments_and_no_last_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeff# id = 1\na b\tO\r\n#\tB-X".encode())
    data = read_conll(tmp_path / "a.txt", comments="# ")
    assert data.pool.load("0") == "a_b #" and data.values["0"] == ["O", "B-X"], "a blank inside a token would make two of it"


def test_older_tags_turn_into_newer(tmp_path: Path) -> None:
    (tmp_path / "iob1").write_text("a I-X\nb B-X\nc O\n", encoding="utf-8")
    assert in_scheme(read_conll(tmp_path / "iob1"), "BIO").values["0"] == ["B-X", "B-X", "O"]
    with pytest.raises(PoolError, match="scheme"):
        in_scheme(tagged([(["a"], ["nn"])], "here"), "BIO")


@pytest.mark.parametrize(("content", "wanted"), [("a O\nb\n", "line 2"), ("\n\n", "no texts"), ("\xff", "cannot be read")])
def test_broken_columns_are_refused(tmp_path: Path, content: str, wanted: str) -> None:
    (tmp_path / "bad").write_bytes(content.encode("latin-1"))
    with pytest.raises(PoolError, match=wanted):
        read_conll(tmp_path / "bad")
    with pytest.raises(PoolError, match="no such file"):
        read_conll(tmp_path / "nowhere")


SPANS = [
    {"id": "a", "text": "Ann, of New York.", "spans": [{"start": 0, "end": 3, "label": "PER"}, {"start": 8, "end": 16, "label": "LOC"}]},
    {"id": "b", "text": "nothing  here", "entities": []},
    {"text": "subway", "label": [[0, 3, "SIZE"]]},
]


def test_spans_of_characters(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in SPANS), encoding="utf-8")
    data = read_spans(path)
    assert data.pool.load("a") == "Ann , of New York ." and data.values["a"] == ["B-PER", "O", "O", "B-LOC", "I-LOC", "O"]
    assert data.values["b"] == ["O", "O"]
    assert data.pool.load("2") == "sub way" and data.values["2"] == ["B-SIZE", "O"], "a span may end inside a word"
    write_spans(tmp_path / "out.jsonl", data)
    written = {row["id"]: row for row in map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())}
    assert written["a"] == SPANS[0], "characters of the text as it was"
    again = read_spans(tmp_path / "out.jsonl")
    same(again, data)
    assert again.originals == data.originals
    same(read_spans(tmp_path / "out.jsonl", scheme="BIOES"), in_scheme(data, "BIOES"))


@pytest.mark.parametrize(
    "row",
    [
        {"text": "abc", "spans": [[0, 9, "A"]]}, {"text": "abc", "spans": [[1, 1, "A"]]}, {"text": "a b", "spans": [[1, 2, "A"]]}, {"text": "abc"},
        {"text": "abc", "spans": [[0, 2, "A"], [1, 3, "B"]]}, {"text": "", "spans": []}, {"text": "abc", "spans": [[0, "1", "A"]]},
        {"text": "abc", "spans": "x"}, {"text": "abc", "spans": [{"start": 0, "end": 1}]}, {"text": "abc", "spans": [None]},
    ],
)  # fmt: skip
def test_broken_spans_name_their_line(tmp_path: Path, row: dict[str, object]) -> None:
    (tmp_path / "bad.jsonl").write_text('{"text": "fine", "spans": []}\n' + json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(PoolError, match="line 2"):
        read_spans(tmp_path / "bad.jsonl")


def test_spans_need_tags_that_spell_them(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="spell no spans"):
        write_spans(tmp_path / "x.jsonl", tagged([(["a"], ["nn"])], "here"))
    assert tags_at("a-b", [Marked(0, 3, "X")]) == (["a", "-", "b"], ["B-X", "I-X", "I-X"])


def test_parquet_as_the_hub_keeps_it(conll: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    data = read_conll(conll)
    write_hugging_face(tmp_path / "train.parquet", data)
    back = read_hugging_face(tmp_path / "train.parquet")
    same(back, data)
    assert back.classes == data.classes, "the file names its tags"
    with pytest.raises(PoolError, match="no column 'pos'"):
        read_hugging_face(tmp_path / "train.parquet", tags="pos")
    with pytest.raises(PoolError, match="without a tag"):
        write_hugging_face(tmp_path / "x.parquet", tagged([(["a"], [None])], "here"))
    with pytest.raises(PoolError, match="cannot read"):
        read_hugging_face(conll)


def test_what_the_package_itself_reads_and_writes(conll: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    data = read_conll(conll)
    write_hugging_face(tmp_path / "train.parquet", data)
    opened = datasets.Dataset.from_parquet(str(tmp_path / "train.parquet"), cache_dir=str(tmp_path / "cache"))
    assert opened.features["ner_tags"].feature.names == list(data.classes), "our file is one of theirs"
    same(read_hugging_face(opened), data)
    opened.save_to_disk(str(tmp_path / "folder"))
    back = read_hugging_face(tmp_path / "folder")
    same(back, data)
    assert back.classes == data.classes, "their folder, read without their package"


def test_numbers_that_are_no_tags(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.table({"tokens": [["a", "b"]], "pos_tags": [[0, -100]]}), tmp_path / "plain.parquet")
    data = read_hugging_face(tmp_path / "plain.parquet")
    assert data.values == {"0": ["0", None]} and data.classes == ("0",), "without names numbers stay numbers; -100 is nobody's answer"
    features = {"ner_tags": {"feature": {"names": ["O"], "_type": "ClassLabel"}, "_type": "Sequence"}}
    table = arrow.table({"tokens": [["a"]], "ner_tags": [[3]]}).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, tmp_path / "bad.parquet")
    with pytest.raises(PoolError, match="no tag"):
        read_hugging_face(tmp_path / "bad.parquet")
