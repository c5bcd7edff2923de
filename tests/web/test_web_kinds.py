"""A project of a kind that the page has no form for: the page says so, everything else works."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest_web import client

from querist.data.pools import ArrayPool
from querist.project.project import Project
from querist.tasks import new_space
from querist.web.board import mentioned

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
        status = web.get("/api/status")
        assert status.status_code == 200 and status.json()["classes"] == [{"name": "NAME", "count": 1}, {"name": "PLACE", "count": 0}]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("robin", {"robin"}),
        ("not-robin", set()),
        (["B-robin", "I-robin", "O", None], {"robin"}),
        ([{"box": [1, 2, 3, 4], "label": "robin"}, {"box": [1, 2, 3, 5], "label": "house wren"}], {"robin", "house wren"}),
        ([], set()),
        ({"size": [1, 3], "runs": [["robin", 2], [None, 1]]}, {"robin"}),
        ({"robin": True, "house wren": False}, {"robin"}),
        ({"left": "robin", "right": None}, {"robin"}),
        ({"x": 1.5}, set()),
        (3.5, set()),
        (True, set()),
    ],
)
def test_a_class_counts_wherever_a_value_speaks_of_it(value: object, wanted: set[str]) -> None:
    assert mentioned(value, frozenset({"robin", "house wren"})) == wanted
