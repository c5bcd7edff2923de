"""Named sets whose items have several answers or numbers: synthetic ones are functions of their numbers, published ones are read as published."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from querist.core.errors import PoolError
from querist.data.datasets import glyphs, named, poses
from querist.data.datasets.movie_sentiment import movie_intensity
from querist.data.datasets.yeast import yeast
from querist.data.figures import JOINTS, figure


def test_strings_use_other_digits_in_every_part() -> None:
    data = named("digit-strings")
    assert len(data.candidates) == 2_000 and len(data.dev) == 500 and not set(data.dev) & set(data.candidates)
    images, labels = glyphs._digits()
    assert len(images) == 1_797
    one = glyphs._made("pool", 3, images[:1_200], labels[:1_200])
    np.testing.assert_array_equal(one[0], glyphs._made("pool", 3, images[:1_200], labels[:1_200])[0])
    for row in range(3):
        item = data.candidates[row]
        np.testing.assert_array_equal(data.pool.load(item), one[0][row])
        assert list(data.targets[item].values()) == [str(digit) for digit in one[1][row]] and list(data.targets[item]) == list(glyphs.SLOTS)
    assert data.pool.load(data.candidates[0]).shape == (12, 64)
    assert data.final is not None and len(data.final().targets) == 500
    assert data.space.validate("x", data.targets[data.dev[0]]) == data.targets[data.dev[0]]


def test_figures_are_functions_of_their_numbers() -> None:
    one, other = figure("pool", 7), figure("pool", 7)
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.joints, other.joints)
    assert not np.array_equal(one.joints, figure("dev", 7).joints) and not np.array_equal(one.joints, figure("pool", 8).joints)
    many = [figure("pool", number) for number in range(60)]
    seen = np.array([a.seen for a in many])
    assert 0.85 < seen.mean() < 1.0 and all(a.image.shape == (64, 64) and a.image.dtype == np.uint8 for a in many)
    joints = np.array([a.joints for a in many])
    assert (seen <= ((joints >= 0) & (joints < 64)).all(axis=2)).all(), "what lies outside cannot be seen"
    assert figure("pool", 3, side=96).image.shape == (96, 96)


def test_values_of_figures_have_what_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poses, "POOL", 8)
    monkeypatch.setattr(poses, "DEV", 3)
    loaded = poses.figures(None)
    assert len(loaded.values) == 11 and list(loaded.dev) == [8, 9, 10] and len(loaded.classes) == 2 * len(JOINTS)
    for number in range(8):
        one = figure("pool", number)
        assert len(loaded.values[number]) == 2 * one.seen.sum()
        if one.seen[0]:
            assert loaded.values[number]["head.x"] == pytest.approx(float(one.joints[0, 0]))


def test_yeast_is_read_as_it_is_published(tmp_path: Path) -> None:
    text = "Att1,Att2,Class1,Class2,Class3\n0.5,-1.25,1,0,1\n2,3,0,0,1\n"
    with gzip.open(tmp_path / "yeast.csv.gz", "wt", encoding="utf-8") as handle:
        handle.write(text)
    loaded = yeast(str(tmp_path))
    assert loaded.x.tolist() == [[0.5, -1.25], [2.0, 3.0]] and loaded.classes == ("Class1", "Class2", "Class3")
    assert loaded.values[0] == {"Class1": True, "Class2": False, "Class3": True}
    inside = tmp_path / "river" / "datasets"
    inside.mkdir(parents=True)
    (tmp_path / "yeast.csv.gz").unlink()
    (inside / "yeast.csv").write_text(text, encoding="utf-8")
    assert yeast(str(tmp_path)).values == loaded.values


@pytest.mark.parametrize("text", ["", "Att1,Class1\n", "Att1,Class1\n1,2\n", "Att1,Class1\n1\n", "Att1,Att2\n1,2\n", "Att1,Class1\nx,1\n"])
def test_a_broken_yeast_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "yeast.csv").write_text(text, encoding="utf-8")
    with pytest.raises(PoolError, match="yeast"):
        yeast(str(tmp_path))


def test_a_missing_yeast_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="river"):
        yeast(str(tmp_path))


def test_diabetes_is_a_number_in_its_range() -> None:
    data = named("diabetes")
    assert len(data.targets) == 442 and data.kind == "regression" and data.space.schema()["low"] == [25.0]
    assert min(data.targets.values()) == 25.0 and max(data.targets.values()) == 346.0


def test_intensities_are_the_mean_ratings(tmp_path: Path) -> None:
    table = tmp_path / "movieReviewSnippets_GroundTruth.txt"
    table.write_text("1_1\t-2.25\tdull\n1_2\t0.0\tso so\n1_3\t3.1\tsuperb\n", encoding="utf-8")
    loaded = movie_intensity(str(table))
    assert loaded.values == [-2.25, 0.0, 3.1] and loaded.x.tolist() == ["dull", "so so", "superb"] and loaded.space == {"low": -4.0, "high": 4.0}
