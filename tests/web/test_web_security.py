"""Nobody gets in without the token, by another name, or from another site."""

from __future__ import annotations

import pytest
from conftest_web import HOME, TOKEN, client
from starlette.testclient import TestClient

from querist.project.project import Project
from querist.web.app import create_app

pytestmark = pytest.mark.torchless
ROUTES = ["/", "/api/status", "/api/round", "/api/docs", "/api/openapi.json", "/items/1", "/static/label.js", "/nowhere"]


@pytest.mark.parametrize("route", ROUTES)
def test_without_the_token_it_is_401(project: Project, route: str) -> None:
    stranger = TestClient(create_app(project, TOKEN), base_url=HOME)
    for given in ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xff"]:
        asked = stranger.get(route, headers={"Authorization": given.encode("latin-1")} if given else {})
        assert asked.status_code == 401
        assert asked.json()["error"]["hint"]


def test_a_browser_without_the_cookie_gets_a_page_that_says_what_to_do(project: Project) -> None:
    asked = TestClient(create_app(project, TOKEN), base_url=HOME).get("/", headers={"Accept": "text/html"})
    assert asked.status_code == 401
    assert "querist label" in asked.text


def test_the_printed_url_becomes_a_cookie_and_a_clean_url(project: Project) -> None:
    browser = TestClient(create_app(project, TOKEN), base_url=HOME)
    assert browser.get("/", params={"token": "wrong"}).status_code == 401
    first = browser.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    attributes = first.headers["set-cookie"].lower()
    assert "httponly" in attributes
    assert "samesite=strict" in attributes
    assert browser.get("/").status_code == 200
    assert browser.get("/api/status").json()["items"] == 29
    assert TOKEN not in browser.get("/").text


def test_a_wrong_header_is_not_saved_by_a_good_cookie(project: Project) -> None:
    browser = TestClient(create_app(project, TOKEN), base_url=HOME)
    browser.get("/", params={"token": TOKEN})
    assert browser.get("/api/status", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_two_servers_on_one_machine_keep_their_cookies_apart(project: Project) -> None:
    one, two = (TestClient(create_app(project, token), base_url=HOME).get("/", params={"token": token}, follow_redirects=False) for token in ("one", "two"))
    assert set(one.cookies) != set(two.cookies)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},  # another port: the same site to a browser, and not ours
        {"Origin": "http://localhost:8765"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": HOME, "Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("route", ["ask", "tell", "skip", "release"])
def test_a_post_from_another_origin_is_403(project: Project, headers: dict[str, str], route: str) -> None:
    known = client(project)
    body = {"item": "1", "value": "cat"}
    assert known.post(f"/api/{route}", json=body, headers=headers).status_code == 403
    known.get("/", params={"token": TOKEN})
    assert known.post(f"/api/{route}", json=body, headers=headers).status_code == 403
    assert project.status()["annotations"] == 0


@pytest.mark.parametrize("headers", [{}, {"Origin": HOME}, {"Origin": HOME, "Sec-Fetch-Site": "same-origin"}])
def test_a_post_of_our_own_passes(project: Project, headers: dict[str, str]) -> None:
    assert client(project).post("/api/tell", json={"item": "1", "value": "cat"}, headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1", "127.0.0.1:x:y"])
def test_another_name_for_this_machine_is_refused(project: Project, host: str) -> None:
    assert client(project).get("/api/status", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:80", "192.168.1.7:8765"])
def test_addresses_and_localhost_are_this_machine(project: Project, host: str) -> None:
    assert client(project).get("/api/status", headers={"Host": host}).status_code == 200


def test_every_answer_carries_the_headers_that_keep_a_browser_in_check(project: Project) -> None:
    known = client(project)
    for route in [*ROUTES, "/api/round"]:
        headers = known.get(route).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
