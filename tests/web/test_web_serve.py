"""The server as a process: the URL works as soon as it is printed, Ctrl-C ends it quietly, and it needs no torch."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest_web import TOKEN

from querist.core.errors import StoreError, UsageError
from querist.project.project import Project
from querist.web.serve import serve

pytestmark = pytest.mark.torchless

CODE = """
import sys
sys.modules["torch"] = None
from querist.web.serve import serve
serve(sys.argv[1], 0, open_browser=False, worker=True)
"""


def test_serve_prints_an_url_that_works_at_once_and_stops_quietly(project: Project) -> None:
    with subprocess.Popen([sys.executable, "-c", CODE, str(project.store.place.file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = urlsplit(server.stdout.readline().strip())
        assert url.hostname == "127.0.0.1"
        (token,) = parse_qs(url.query)["token"]
        asked = urllib.request.Request(f"http://{url.netloc}/api/status", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            status = json.load(answer)
        assert status["items"] == 29
        assert status["worker"]["state"] in ("off", "starting")
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(f"http://{url.netloc}/api/status", timeout=30)
        refused.value.close()
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=30)
        assert server.returncode == 0
        assert "Traceback" not in said
        assert token not in said


def test_a_taken_port_is_a_usage_error(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="cannot listen on port"):
        serve(str(project.store.place.file), taken.getsockname()[1], open_browser=False, worker=False, token=TOKEN)


@pytest.mark.parametrize("port", [-1, 70000])
def test_a_port_that_cannot_be_is_a_usage_error(project: Project, port: int) -> None:
    with pytest.raises(UsageError, match="not a port"):
        serve(str(project.store.place.file), port, open_browser=False, worker=False)


def test_a_project_that_is_not_there_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such project"):
        serve(tmp_path / "nothing.querist", open_browser=False)
