"""A labelling day on a machine without torch: init, ask, tell, label, export. Run twice, here with torch hidden and in CI where it is not installed."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.torchless,
    pytest.mark.skipif(find_spec("querist.cli.main") is None, reason="the command line is not there yet"),
]

# A module that is None in sys.modules cannot be imported: the same program, on a machine that has never seen these.
PROGRAM = """
import sys
for hidden in ("torch", "torchvision", "sklearn", "scipy", "pandas"):
    sys.modules[hidden] = None
sys.argv[0] = "querist"
from querist.cli.main import main
main()
"""


def querist(folder: Path, *arguments: str, code: int = 0) -> Any:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments, "--json"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    rows = ["id,text", *(f"t{n},{'a good day' if n % 2 else 'a bad day'} number {n}" for n in range(30))]
    (tmp_path / "texts.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    made = querist(tmp_path, "init", "day.querist", "--data", "texts.csv", "--task", "classification", "--labels", "good,bad")
    assert made["items"] == 30
    return tmp_path


def test_a_labelling_day(project: Path) -> None:
    asked = [item["id"] for item in querist(project, "ask", "day.querist", "-k", "4", "--by", "ann")["items"]]
    assert len(set(asked)) == 4
    assert querist(project, "tell", "day.querist", asked[0], "good", "--by", "ann")["told"] == 1
    querist(project, "skip", "day.querist", asked[1])
    status = querist(project, "status", "day.querist")
    assert (status["items"], status["labelled"]) == (30, 1)
    querist(project, "export", "day.querist", "-o", "out.csv")
    assert asked[0] in (project / "out.csv").read_text(encoding="utf-8")


def test_what_needs_torch_says_so_in_one_line(project: Path) -> None:
    for n in range(4):
        querist(project, "tell", "day.querist", f"t{n}", "good" if n % 2 else "bad")
    error = querist(project, "update", "day.querist", code=1)["error"]
    assert error["type"] == "MissingExtraError"
    assert "pip install" in error["hint"]


def test_the_labelling_page_is_served(project: Path) -> None:
    command = [sys.executable, "-u", "-c", PROGRAM, "label", "day.querist", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            url = next(word for line in server.stdout for word in line.split() if word.startswith("http://127.0.0.1:"))
            visit = urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open
            with visit(url, timeout=20) as page:
                assert "label.js" in page.read().decode()
            base = url.partition("?")[0].rstrip("/")
            asking = urllib.request.Request(f"{base}/api/ask", json.dumps({"k": 1, "by": "ann"}).encode(), {"Content-Type": "application/json"})
            with visit(asking, timeout=20) as asked:
                (item,) = json.load(asked)["items"]
            with visit(f"{base}/items/{item['id']}", timeout=20) as content:
                assert "day number" in content.read().decode()
        finally:
            server.terminate()
            server.wait(timeout=30)
