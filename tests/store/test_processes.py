"""Several processes on one file at once."""

from __future__ import annotations

import json
import os

import pytest

from querist.project.project import Project
from querist.testing.projects import ListPool, OrderRuntime

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def _work(path, name, rounds, out):
    asked, told = [], []
    with Project.open(path) as project:
        for _ in range(rounds):
            query = project.ask(3, by=name)
            asked += query.ids
            told += [(project.tell(item, "cat", by=name).number, item) for item in query.ids[:2]]
    os.write(out, json.dumps([asked, told]).encode())


def test_no_item_is_leased_twice_and_no_annotation_lost(tmp_path):
    path = tmp_path / "a.querist"
    Project.create(path, pool=ListPool(2000), classes=["cat", "dog"], batch=5, runtime=OrderRuntime.factory).close()
    children = []
    for number in range(4):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _work(path, f"w{number}", 12, writing)
                os._exit(0)
            finally:
                os._exit(1)
        os.close(writing)
        children.append((child, reading))
    asked, told = [], []
    for child, reading in children:
        with os.fdopen(reading) as stream:
            mine, said = json.load(stream)
        assert os.waitpid(child, 0)[1] == 0
        fresh = list(dict.fromkeys(mine))  # what was held comes again to the same annotator
        assert not set(fresh) & set(asked)
        asked += fresh
        told += said
    with Project.open(path) as project:
        assert {note.number: note.item for note in project.history()} == dict(map(tuple, told))
        assert len(project.labels()) == 4 * 12 * 2
        assert project.status()["leased"] == len(asked) - len(told)
