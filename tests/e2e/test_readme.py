"""Every shell command of the README is run, in its order, in one folder, by the real program; so is its Python."""

from __future__ import annotations

import os
import re
import selectors
import shlex
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

MAKE = {"make demo": 'part "demo" make --no-print-directory demo', "make test": 'part "tests" make --no-print-directory test'}
"""Commands that set machines up → the line of .ci/run that runs them."""

PROGRAM = "import sys; sys.argv[0] = 'querist'; from querist.cli.main import main; main()"
CLASSES = ("robin", "sparrow")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


COMMANDS = [line.strip() for block in blocks("sh") for line in block.splitlines() if line.strip() and not line.startswith("#")]


def argv(command: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *shlex.split(command)[1:]]


def photos(folder: Path) -> None:
    """Forty little pictures of two kinds, and a table of labels for half of them."""
    from PIL import Image

    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    rows = ["id,value"]
    for n in range(1, 41):
        name, tint = (CLASSES[n % 2], (200, 60, 40) if n % 2 == 0 else (120, 110, 90))
        pixels = np.clip(rng.normal(tint, 25, size=(32, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{name}-{n:02d}.png")
        if n <= 20:
            rows.append(f"{name}-{n:02d}.png,{name}")
    # The README tells this one by hand.
    (folder / "photos" / "robin-02.png").rename(folder / "photos" / "robin-01.png")
    (folder / "labels.csv").write_text("\n".join(rows).replace("robin-02", "robin-01") + "\n", encoding="utf-8")


def arrays(folder: Path) -> None:
    """What another framework wrote about 1,200 items, and which of them have labels."""
    rng = np.random.default_rng(0)
    np.save(folder / "h.npy", rng.normal(size=(1200, 8)).astype(np.float32))
    np.save(folder / "p.npy", rng.dirichlet(np.ones(3), size=1200).astype(np.float32))
    (folder / "done.txt").write_text("\n".join(map(str, range(0, 60, 3))), encoding="utf-8")


def serves(command: str, folder: Path) -> None:
    """Start `querist label`, wait for the URL it prints, stop it."""
    with subprocess.Popen(
        [*argv(command), "--no-browser", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    ) as server:
        assert server.stdout is not None
        said, deadline = "", time.monotonic() + 60
        with selectors.DefaultSelector() as selector:
            selector.register(server.stdout, selectors.EVENT_READ)
            while "http://127.0.0.1:" not in said and time.monotonic() < deadline and server.poll() is None:
                if selector.select(timeout=0.5):
                    said += server.stdout.readline()
        server.terminate()
        server.wait(timeout=30)
    assert "http://127.0.0.1:" in said, said


def test_the_readme_names_make_targets_that_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    named = [command for command in COMMANDS if command.startswith("make ")]
    assert named
    assert all(MAKE[command] in script for command in named)


def test_every_other_command_is_of_querist() -> None:
    assert [command for command in COMMANDS if not command.startswith(("make ", "querist "))] == []


@pytest.mark.skipif(find_spec("querist.cli.main") is None, reason="the command line is not there yet")
def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    photos(tmp_path)
    arrays(tmp_path)
    for command in [command for command in COMMANDS if command.startswith("querist ")]:
        if command.startswith("querist label "):
            serves(command, tmp_path)
            continue
        done = subprocess.run(argv(command), cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
    for written in ("birds.querist", "birds.html", "training.csv"):
        assert (tmp_path / written).stat().st_size > 0


@pytest.mark.skipif(find_spec("querist.acquire.compose") is None, reason="selection is not there yet")
@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_python_of_the_front_pages_runs(page: str) -> None:
    code = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert code
    done = subprocess.run([sys.executable, "-W", "error", "-c", "\n".join(code)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"'\d+'", done.stdout)) == 20
