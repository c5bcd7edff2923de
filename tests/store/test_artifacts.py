"""Artifacts by content hash."""

from __future__ import annotations

import hashlib

import pytest

from querist.core.errors import StoreError
from querist.store.artifacts import Artifacts


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(tmp_path / "a.querist.d")


def test_content_is_kept_once_under_its_hash(artifacts):
    name = artifacts.put(b"mask")
    assert name == hashlib.sha256(b"mask").hexdigest() == artifacts.put(b"mask")
    assert artifacts.get(name).read_bytes() == b"mask"
    assert len([path for path in artifacts.root.rglob("*") if path.is_file()]) == 1, "no parts are left"


def test_removed_is_missing(artifacts):
    name = artifacts.put(b"x")
    artifacts.remove(name)
    artifacts.remove(name)
    with pytest.raises(StoreError, match="missing"):
        artifacts.get(name)


def test_a_work_folder_is_kept_and_restored(artifacts, tmp_path):
    folder = artifacts.workdir(3, fresh=True)
    (folder / "deep").mkdir()
    (folder / "deep" / "weights").write_bytes(b"w" * 10)
    (folder / "plan.json").write_text("{}")
    files = artifacts.keep(folder)
    assert sorted(files) == ["deep/weights", "plan.json"]
    artifacts.restore(files, tmp_path / "again")
    assert (tmp_path / "again" / "deep" / "weights").read_bytes() == b"w" * 10
    assert artifacts.workdir(3, fresh=False).joinpath("plan.json").exists()
    assert list(artifacts.workdir(3, fresh=True).iterdir()) == []
    assert artifacts.get(files["plan.json"]).read_text() == "{}", "emptying the work folder leaves the artifact"
