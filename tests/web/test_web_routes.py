"""Each route over a real project: shapes, idempotent tells, error codes, item content."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest_web import client

from querist.data.pools import TablePool
from querist.project.project import Project

pytestmark = pytest.mark.torchless


def test_ask_tell_skip_release(project: Project) -> None:
    web = client(project)
    query = web.post("/api/ask", json={"k": 3, "by": "ann"}).json()
    assert set(query) >= {"query", "round", "items"}
    assert set(query["items"][0]) == {"id", "rank", "score", "source", "note", "guess"}
    one, two, _three = (item["id"] for item in query["items"])
    told = web.post("/api/tell", json={"item": one, "value": "cat", "by": "ann", "seconds": 1.5, "key": "k1"}).json()
    assert (told["told"], told["revisions"], told["errors"]) == (1, 0, [])
    assert web.post("/api/skip", json={"item": two, "by": "ann", "never": True}).json() == {"skipped": two}
    assert web.post("/api/release", json={"query": query["query"]}).json() == {"released": 1}
    status = web.get("/api/status").json()
    assert (status["labelled"], status["rejected"], status["leased"]) == (1, 1, 0)
    assert status["annotators"] == {"ann": {"labels": 1, "seconds": 1.5}}
    assert status["classes"][0] == {"name": "cat", "count": 1}


def test_a_tell_is_idempotent_by_its_key(project: Project) -> None:
    web = client(project)
    body = {"item": "3", "value": "cat", "by": "ann", "seconds": 2.0, "key": "once"}
    first = web.post("/api/tell", json=body).json()
    assert web.post("/api/tell", json=body).json() == first
    assert [one.value for one in project.history("3")] == ["cat"]
    again = web.post("/api/tell", json={**body, "value": "dog", "key": "twice"}).json()
    assert again["revisions"] == 1
    assert [one.value for one in project.history("3")] == ["cat", "dog"]
    assert web.post("/api/tell", json={**body, "item": "4"}).status_code == 422
    assert project.labels() == {"3": "dog"}


@pytest.mark.parametrize(
    ("route", "body", "status", "kind"),
    [
        ("tell", {"item": "1", "value": "cow"}, 422, "LabelError"),
        ("tell", {"item": "1", "value": None}, 422, "LabelError"),
        ("tell", {"item": "1", "value": {"a": [1]}}, 422, "LabelError"),
        ("tell", {"item": "29", "value": "owl"}, 422, "LabelError"),  # held out
        ("tell", {"item": "nobody", "value": "cat"}, 404, "UnknownItemError"),
        ("tell", {"item": "1"}, 422, "UsageError"),
        ("tell", {"item": "1", "value": "cat", "seconds": -1}, 422, "UsageError"),
        ("tell", {"item": "1", "value": "cat", "colour": "red"}, 422, "UsageError"),
        ("tell", {"item": 1, "value": "cat"}, 422, "UsageError"),
        ("skip", {"item": "nobody"}, 404, "UnknownItemError"),
        ("ask", {"k": 0}, 422, "UsageError"),
        ("ask", {"k": -3}, 422, "UsageError"),
        ("ask", {"k": "many"}, 422, "UsageError"),
        ("ask", {"k": 1, "ttl": 0}, 422, "UsageError"),
        ("release", {"query": "junk"}, 422, "UsageError"),
        ("nothing", {}, 404, "HTTPError"),
        ("status", {}, 405, "HTTPError"),
    ],
)
def test_failures_are_json_with_a_status_that_says_whose_fault(project: Project, route: str, body: object, status: int, kind: str) -> None:
    answer = client(project).post(f"/api/{route}", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == kind
    assert set(answer.json()["error"]) == {"type", "message", "got", "wanted", "hint"}
    assert project.status()["annotations"] == 0


def test_a_body_that_is_no_json_is_422(project: Project) -> None:
    answer = client(project).post("/api/tell", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "UsageError")


def test_an_unexpected_failure_is_500_without_a_traceback(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "release", lambda _query: 1 / 0)
    answer = client(project).post("/api/release", json={"query": "q1"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "ZeroDivisionError")
    assert "Traceback" not in answer.text


def test_after_a_round_the_next_asks_come_from_its_ranking(project: Project) -> None:
    web = client(project)
    first = web.post("/api/ask", json={"k": 4, "by": "ann"}).json()
    for item in first["items"]:
        web.post("/api/tell", json={"item": item["id"], "value": "dog", "by": "ann"})
    assert web.get("/api/round").json()["behind"] == 4
    project.update()
    current = web.get("/api/round").json()
    assert (current["round"], current["labels_used"], current["behind"], current["metrics"]) == (1, 4, 0, {"accuracy": 0.5})
    second = web.post("/api/ask", json={"k": 3, "by": "ann"}).json()
    assert [item["id"] for item in second["items"]] == list(project.ranking(1).ids[:3])
    assert second["items"][0]["note"] == "from the end"
    assert second["items"][0]["guess"] == {"value": "dog", "confidence": 0.75}
    web.post("/api/tell", json={"item": second["items"][0]["id"], "value": "dog"})
    web.post("/api/tell", json={"item": second["items"][1]["id"], "value": "cat"})
    assert client(project).get("/api/status").json()["curve"] == [{"round": 1, "labels": 4, "accuracy": 0.5, "asked": 2, "agreed": 1}]


def test_held_items_keep_their_guess_in_the_next_round(project: Project) -> None:
    web = client(project)
    project.tell("1", "cat")
    project.update()
    (held,) = web.post("/api/ask", json={"k": 1, "by": "ann"}).json()["items"]
    project.tell("2", "cat")
    project.update()
    (again,) = web.post("/api/ask", json={"k": 1, "by": "ann"}).json()["items"]
    assert (again["id"], again["source"], again["guess"]) == (held["id"], "held", held["guess"])


def test_classes_changed_elsewhere_are_seen(project: Project) -> None:
    web = client(project)
    web.get("/api/status")
    with Project.open(str(project.store.place.file)) as other:
        other.add_classes(["cow"])
    assert "cow" in web.get("/").text
    assert web.post("/api/tell", json={"item": "1", "value": "cow"}).status_code == 200


def test_pictures_come_as_their_own_bytes(pictures: Project, tmp_path: Path) -> None:
    item = pictures.store.ids()[0]
    answer = client(pictures).get(f"/items/{quote(item)}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == (tmp_path / "pictures" / item).read_bytes()
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "../secret.png", "%2e%2e%2fsecret.png", "sub folder/../../secret.png",
        "sub%20folder%2f..%2f..%2fsecret.png", "/etc/passwd", "%2fetc%2fpasswd", "..%5c..%5csecret.png", "%00", "sub%20folder", "", ".", "....//secret.png",
        "%252e%252e%252fsecret.png",
    ],
)  # fmt: skip
def test_nothing_but_pool_items_is_ever_served(pictures: Project, path: str) -> None:
    web = client(pictures)
    web.cookies.clear()
    answer = web.get(f"http://127.0.0.1:8765/items/{path}")
    assert answer.status_code == 404
    assert b"not yours" not in answer.content
    assert b"root:" not in answer.content


def test_test_items_are_not_served(project: Project) -> None:
    assert client(project).get("/items/29").status_code == 404


def test_arrays_come_as_pictures(project: Project) -> None:
    answer = client(project).get("/items/3")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


def test_a_broken_file_is_said_to_be_one(pictures: Project, tmp_path: Path) -> None:
    item = pictures.store.ids()[0]
    (tmp_path / "pictures" / item).unlink()
    answer = client(pictures).get(f"/items/{quote(item)}")
    assert answer.status_code in (404, 424)
    assert answer.json()["error"]["message"]


def test_texts_and_named_parts(tmp_path: Path) -> None:
    table = tmp_path / "texts.jsonl"
    table.write_text('{"id": "a", "text": "<script>alert(1)</script> hällo"}\n{"id": "b", "text": "two"}\n', encoding="utf-8")
    with Project.create(tmp_path / "texts.querist", pool=TablePool(str(table), id_column="id", text="text"), classes=["good", "bad"]) as made:
        answer = client(made).get("/items/a")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text == "<script>alert(1)</script> hällo"
        assert client(made).get("/items/a", params={"part": "text"}).status_code == 404


def test_the_docs_need_nothing_from_elsewhere(project: Project) -> None:
    web = client(project)
    page = web.get("/api/docs").text
    for path in ("/api/ask", "/api/tell", "/api/skip", "/api/release", "/api/round", "/api/status", "/items/{item_id}"):
        assert path in page
    assert set(web.get("/api/openapi.json").json()["paths"]) >= {"/api/ask", "/api/tell", "/api/status"}
    assert web.get("/docs").status_code == 404


@pytest.mark.parametrize("route", ["/", "/api/docs", "/static/label.js", "/static/label.css"])
def test_no_page_names_another_machine(project: Project, route: str) -> None:
    text = client(project).get(route).text
    assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", text)) <= {"http://www.w3.org/2000/svg"}


def test_the_config_of_the_page_cannot_break_out_of_it(tmp_path: Path, project: Project) -> None:
    project.add_classes(["</script><script>alert(1)</script>"])
    assert "<script>alert" not in client(project).get("/").text
