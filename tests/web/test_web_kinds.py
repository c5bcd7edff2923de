"""A project of a kind that the page has no form for: the page says so, everything else works."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest_web import client

from querist.data.pools import ArrayPool
from querist.project.project import Project
from querist.tasks import new_space

pytestmark = pytest.mark.torchless


def test_tags_are_asked_and_told_without_a_form(tmp_path: Path) -> None:
    texts = ["anna smith perth", "bob brown", "carl white high road"]
    with Project.create(tmp_path / "tags.querist", pool=ArrayPool(texts), task=new_space("tagging", ["NAME", "PLACE"]), batch=2) as project:
        web = client(project)
        page = web.get("/")
        assert page.status_code == 200 and "No form for tagging yet" in page.text and "/api/docs" in page.text
        item = web.post("/api/ask", json={"k": 1, "by": "ann"}).json()["items"][0]["id"]
        tags = ["O"] * len(texts[int(item)].split())
        assert web.post("/api/tell", json={"item": item, "value": ["B-NAME", *tags[1:]], "by": "ann", "key": "a"}).json()["told"] == 1
        refused = web.post("/api/tell", json={"item": item, "value": ["NAME"], "by": "ann", "key": "b"})
        assert refused.status_code == 422 and "B-NAME" in refused.text
        assert project.labels() == {item: ["B-NAME", *tags[1:]]}
