"""Files that are no project, newer ones, read-only ones, and paths that cannot be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from querist.core.errors import StoreError, UsageError
from querist.project.project import Project
from querist.testing.projects import ListPool, OrderRuntime


def _create(path, **more):
    return Project.create(path, pool=ListPool(30), classes=["cat", "dog"], runtime=OrderRuntime.factory, **more)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.querist"
    _create(path).close()
    return path


@pytest.mark.parametrize("content", [b"", b"junk", b"x" * 100_000, b"SQLite format 3\x00" + b"y" * 5000])
def test_junk_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "junk.querist"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="no Querist project"):
        Project.open(path)
    assert path.read_bytes() == content


def test_another_database_is_refused(tmp_path):
    path = tmp_path / "other.querist"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (name TEXT)")
    connection.close()
    with pytest.raises(StoreError):
        Project.open(path)


def test_a_newer_file_is_refused_with_what_to_do(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    connection.close()
    with pytest.raises(StoreError, match=r"newer Querist.*schema 999.*[Uu]pgrade"):
        Project.open(path)


def test_a_missing_file_and_one_that_is_there_already(path, tmp_path):
    with pytest.raises(StoreError, match="no such project"):
        Project.open(tmp_path / "nowhere.querist")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="already"):
        _create(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("bad", ["a.txt", "a", "mysql://x/y", ":memory"])
def test_a_path_must_look_like_a_project(bad):
    with pytest.raises(UsageError, match=r"\.querist"):
        _create(bad)


def test_a_failed_creation_leaves_nothing(tmp_path):
    with pytest.raises(StoreError, match="cannot make"):
        _create(tmp_path / "nowhere" / "a.querist")
    with pytest.raises(UsageError):
        _create(tmp_path / "b.querist", initial=31)
    assert list(tmp_path.iterdir()) == []


_READ_ONLY = """
import os, sys
from querist.core.errors import StoreError
from querist.project.project import Project
import querist.tasks.classification.labels, sqlalchemy.dialects.sqlite
if os.getuid() == 0:
    os.setuid(65534)
project = Project.open(sys.argv[1])
print(project.status()["items"], len(project.labels()))
try:
    project.tell("item-1", "dog")
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_a_read_only_project_can_be_read_and_says_why_it_cannot_be_written(path):
    with Project.open(path) as project:
        project.tell("item-1", "cat")
    for folder in path.parents:  # somebody else must be able to walk down to it
        if folder.parent == folder or not os.access(folder, os.W_OK) or folder.owner() != path.owner() or folder.stat().st_mode & 0o005 == 0o005:
            break
        folder.chmod(0o755)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        done = subprocess.run([sys.executable, "-c", _READ_ONLY, str(path)], capture_output=True, text=True, check=False)
    finally:
        path.parent.chmod(0o755)
        path.chmod(0o644)
    assert done.stdout.splitlines()[0] == "30 1", done.stderr
    assert "read-only" in done.stdout


def test_asking_imports_no_learning_and_no_pool(path):
    code = (
        "import sys; from querist.project.project import Project; p = Project.open(sys.argv[1]); q = p.ask(2); p.tell(q.ids[0], 'cat'); p.status();"
        "p.skip(q.ids[1]); p.close(); heavy = ('torch', 'sklearn', 'scipy', 'pandas', 'querist.assemble', 'querist.data');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_commit_waits_for_the_disk(path):
    with Project.open(path) as project, project.store._read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
