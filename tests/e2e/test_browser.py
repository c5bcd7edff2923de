"""A person labels a folder of pictures by keyboard, in a real browser against the real server while the real learner trains."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from querist.data.pools import FolderPool
from querist.project.project import Project
from querist.web.png import png

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CLASSES = ["disc", "square", "stripes"]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CODE = "import sys; from querist.web.serve import serve; serve(sys.argv[1], 0, open_browser=False)"


def picture(kind: int, rng: np.random.Generator, side: int = 200) -> np.ndarray:
    """A disc, a square or stripes in a colour of its own, on a pale ground."""
    rows, columns = np.mgrid[0:side, 0:side] - side / 2 - rng.integers(-25, 26, size=(2, 1, 1))
    radius = rng.integers(45, 75)
    inside = [rows**2 + columns**2 < radius**2, np.maximum(abs(rows), abs(columns)) < radius * 0.88, (rows + columns) // 14 % 2 == 0][kind]
    ground, ink = rng.integers(222, 250, 3), rng.integers(35, 175, 3)
    return np.where(inside[:, :, None], ink, ground).astype(np.uint8)


@pytest.fixture
def shapes(tmp_path: Path) -> Iterator[Project]:
    folder, rng = tmp_path / "shapes", np.random.default_rng(0)
    folder.mkdir()
    for place in range(120):
        (folder / f"{place:03d}.png").write_bytes(png(picture(place % 3, rng)))
    learner = {"recipe": "digits-cnn", "side": 16}
    with Project.create(
        tmp_path / "shapes.querist", pool=FolderPool(str(folder)), classes=CLASSES, method="margin", learner=learner, batch=12, budget=60
    ) as made:
        yield made


@pytest.fixture
def url(shapes: Project) -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", CODE, str(shapes.store.place.file)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture
def browser(chromium: str) -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield launched
        launched.close()


class Person:
    """Looks at the page and presses keys."""

    def __init__(self, page: playwright.Page) -> None:
        self.page = page
        self.trouble: list[str] = []
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.set_default_timeout(30_000)

    def sees(self) -> str:
        alt = self.page.locator("#stage img").get_attribute("alt")
        assert alt is not None
        return alt.removeprefix("Item ")

    def knows(self, item: str) -> int:
        return int(item.removesuffix(".png")) % 3

    def press(self, key: str) -> None:
        """Press a key and wait for another item."""
        before = self.sees()
        self.page.keyboard.press(key)
        self.page.wait_for_function("alt => document.querySelector('#stage img')?.alt !== alt && document.querySelector('#stage img')", arg=f"Item {before}")

    def label(self, n: int) -> list[str]:
        """Label n items as they come; returns them."""
        seen = []
        for _ in range(n):
            seen.append(self.sees())
            self.press(str(self.knows(seen[-1]) + 1))
        return seen

    def waits_for_round(self, n: int) -> None:
        playwright.expect(self.page.locator("#model")).to_contain_text(re.compile(rf"Round ([{n}-9]|\d\d)"), timeout=120_000)


def saved(person: Person, count: int) -> None:
    playwright.expect(person.page.locator("#progress")).to_contain_text(f"{count} of 60", timeout=20_000)


def test_forty_labels_by_keyboard_and_the_order_changes(browser: playwright.Browser, url: str, shapes: Project, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    person = Person(page)
    page.goto(url)
    assert "token" not in page.url
    page.wait_for_selector("#stage img")
    start = list(shapes.ranking(0).ids)
    assert person.label(12) == start[:12]
    person.waits_for_round(1)
    ahead = 4  # on the screen or leased ahead when the round came; the model knew of those
    seen = person.label(18)
    ranked = list(shapes.ranking(1).ids)
    assert set(seen[ahead:]) <= set(ranked) | set(shapes.ranking(shapes.rounds()[-1].n).ids)
    assert seen[ahead : ahead + 4] == ranked[:4]
    assert seen != start[12:30]
    playwright.expect(page.locator("#why")).to_contain_text("the model's pick")

    before = person.sees()
    person.press("2")  # a slip, put right
    person.press("u")
    assert person.sees() == before
    playwright.expect(page.locator(".choice.given .name")).to_have_text("square")
    person.press(str(person.knows(before) + 1))
    saved(person, 31)
    assert [one.value for one in shapes.history(before)] == ["square", CLASSES[person.knows(before)]]

    held = person.sees()
    page.reload()
    page.wait_for_selector("#stage img")
    assert person.sees() == held

    person.label(9)
    saved(person, 40)
    person.waits_for_round(3)
    page.keyboard.press("g")
    playwright.expect(page.locator("#curve svg")).to_be_visible()
    page.screenshot(path=os.environ.get("QUERIST_SCREENSHOT", str(tmp_path / "labelling.png")))
    assert {item: CLASSES[person.knows(item)] for item in shapes.labels()} == shapes.labels()
    assert all(0 < (one.seconds or 0) < 60 for one in shapes.history())
    assert not person.trouble


def test_nothing_is_lost_without_a_server_and_windows_do_not_collide(browser: playwright.Browser, url: str, shapes: Project) -> None:
    context = browser.new_context()
    one, two = Person(context.new_page()), Person(context.new_page())
    one.page.goto(url)
    two.page.goto(url.partition("?")[0])
    for person in (one, two):
        person.page.wait_for_selector("#stage img")
    assert one.sees() != two.sees()

    context.set_offline(True)
    offline = one.label(3)
    playwright.expect(one.page.locator("#unsaved")).to_have_text(re.compile("unsaved: 3"))
    assert shapes.status()["labelled"] == 0
    context.set_offline(False)
    saved(one, 3)
    playwright.expect(one.page.locator("#unsaved")).to_be_hidden()
    assert set(shapes.labels()) == set(offline)

    unfit = one.sees()
    one.press("x")
    later = one.sees()
    one.press("s")
    both = [*one.label(2), *two.label(3)]
    assert len({*offline, unfit, later, *both}) == 10
    saved(one, 8)
    assert (shapes.status()["rejected"], shapes.status()["skipped"]) == (1, 1)

    one.page.keyboard.press("?")
    playwright.expect(one.page.locator("#help")).to_be_visible()
    one.page.locator("#help button").click()
    playwright.expect(one.page.locator("#help")).to_be_hidden()
    one.page.locator("#who").fill("ann")
    one.page.keyboard.press("Enter")
    one.page.wait_for_function("() => document.querySelector('#stage img')")
    one.page.wait_for_timeout(500)
    one.label(1)
    saved(one, 9)
    assert shapes.status()["annotators"]["ann"]["labels"] == 1
    assert not [*one.trouble, *two.trouble]
