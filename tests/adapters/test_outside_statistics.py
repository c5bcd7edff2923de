"""Statistics of outside models: every form of file, and every way in which one can be wrong."""

from __future__ import annotations

import numpy as np
import pytest

from querist.adapters.statistics import outside, read_statistic
from querist.core.errors import PoolError, StatisticError, UnknownItemError
from querist.data.arrays import ArrayPool
from querist.project.project import Project

pytestmark = pytest.mark.torchless

IDS = ["i0", "i1", "i2"]
PROBS = np.array([[0.5, 0.5], [0.25, 0.75], [1, 0]], dtype=np.float32)


def test_arrays(tmp_path):
    np.save(tmp_path / "p.npy", PROBS)
    ids, found = read_statistic(tmp_path / "p.npy", "probs")
    assert ids == ["0", "1", "2"]
    assert np.array_equal(found, PROBS)
    (tmp_path / "p.ids.txt").write_text("\n".join(IDS), encoding="utf-8")
    assert read_statistic(tmp_path / "p.npy", "probs")[0] == IDS
    np.savez(tmp_path / "p.npz", ids=IDS, values=PROBS)
    assert np.array_equal(read_statistic(tmp_path / "p.npz", "probs")[1], PROBS)
    np.savez(tmp_path / "g.npz", ids=IDS, residual=PROBS, feature=np.ones((3, 5)))
    residual, feature = read_statistic(tmp_path / "g.npz", "gradients")[1]
    assert (residual.shape, feature.shape) == ((3, 2), (3, 5))


def test_samples_of_a_posterior(tmp_path):
    np.savez(tmp_path / "p.npz", ids=IDS, probs=np.stack([PROBS, PROBS], axis=1))
    assert read_statistic(tmp_path / "p.npz", "probs", ["a", "b"])[1].shape == (3, 2, 2)


def test_tables(tmp_path):
    (tmp_path / "p.csv").write_text("id,b,a\ni0,.5,.5\ni1,.75,.25\ni2,0,1\n", encoding="utf-8")
    ids, found = read_statistic(tmp_path / "p.csv", "probs", ["a", "b"])
    assert ids == IDS
    assert np.array_equal(found, PROBS)
    (tmp_path / "g.jsonl").write_text('{"id": 7, "residual": [1, -1], "feature": [1, 2, 3]}\n', encoding="utf-8")
    ids, (residual, feature) = read_statistic(tmp_path / "g.jsonl", "gradients")
    assert (ids, residual.shape, feature.shape) == (["7"], (1, 2), (1, 3))


@pytest.mark.parametrize(
    ("ids", "values", "words"),
    [
        (["i0", "i1", "i1"], PROBS, "row 2.*before.*'i1'"),
        (["i0", "i1"], PROBS, "2 ids for 3 rows"),
        (IDS, np.where(PROBS == 0.75, np.nan, PROBS), "row 1.*'i1'.*NaN"),
        (IDS, np.where(PROBS == 0.75, np.inf, PROBS), "row 1.*'i1'"),
        (IDS, PROBS * 2, "row 0.*'i0'.*no probabilities"),
        (IDS, PROBS - np.array([[2, -2]]), "row 0.*softmax"),
        (IDS, np.full((3, 3), 1 / 3), r"\(3, 3\).*\(n, 2\)"),
        (IDS, PROBS[:, 0], r"\(3,\)"),
    ],
)
def test_bad_rows_are_named(tmp_path, ids, values, words):
    np.savez(tmp_path / "p.npz", ids=ids, probs=values)
    with pytest.raises(StatisticError, match=words):
        read_statistic(tmp_path / "p.npz", "probs", ["a", "b"])


def test_files_that_are_no_statistics(tmp_path):
    np.savez(tmp_path / "p.npz", probs=PROBS)
    with pytest.raises(PoolError, match="'ids'"):
        read_statistic(tmp_path / "p.npz", "probs")
    (tmp_path / "p.npy").write_bytes(b"nothing")
    with pytest.raises(PoolError, match=r"p\.npy"):
        read_statistic(tmp_path / "p.npy", "probs")
    (tmp_path / "p.csv").write_text("name,a,b\nx,1,0\n", encoding="utf-8")
    with pytest.raises(PoolError, match="id"):
        read_statistic(tmp_path / "p.csv", "probs")
    (tmp_path / "g.csv").write_text("id,a\nx,1\n", encoding="utf-8")
    with pytest.raises(PoolError, match="residual"):
        read_statistic(tmp_path / "g.csv", "gradients")


def test_ids_are_compared_with_the_project(tmp_path):
    said: list[str] = []
    with Project.create(":memory:", pool=ArrayPool(np.zeros((4, 2)), [*IDS, "i3"]), classes=["a", "b"]) as project:
        np.savez(tmp_path / "p.npz", ids=IDS, probs=PROBS)
        found = outside(project, {"probs": str(tmp_path / "p.npz")}, said.append)
        assert found["probs"][0] == IDS
        assert "1 of 4" in said[0]
        assert "'i3'" in said[0]
        np.savez(tmp_path / "p.npz", ids=["i0", "zz", "i2"], probs=PROBS)
        with pytest.raises(UnknownItemError, match="zz"):
            outside(project, {"probs": str(tmp_path / "p.npz")}, said.append)
        for item in IDS:
            project.tell(item, "a")
        np.savez(tmp_path / "p.npz", ids=IDS, probs=PROBS)
        with pytest.raises(StatisticError, match="'i3'"):
            outside(project, {"probs": str(tmp_path / "p.npz")}, said.append)
        assert outside(project, {}, said.append) == {}
