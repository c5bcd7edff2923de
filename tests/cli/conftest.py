"""The command line in this process (fast, through the same door as the program) and as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from querist.cli.main import execute

PROGRAM = "import sys; sys.argv[0] = 'querist'; from querist.cli.main import main; main()"


@dataclass(frozen=True)
class Said:
    """What a command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The lines on stderr."""
        return self.err.splitlines()

    def fails(self, code: int, *words: str) -> None:
        """One to three plain lines, the last the error that names these words; no traceback, nothing on stdout."""
        assert self.code == code, self.err
        assert 1 <= len(self.lines) <= 3, self.err
        assert self.lines[-1].startswith("error: ")
        assert "Traceback" not in self.err
        assert all(word in self.lines[-1] for word in words), self.err
        assert self.out == ""


Querist = Callable[..., Said]


@pytest.fixture
def querist(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Querist:
    """Runs a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> Said:
        capsys.readouterr()
        code = execute(argv)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def program(tmp_path: Path) -> Querist:
    """Runs a command line as a program of its own, without torch, in an empty folder."""
    hidden = "import sys; sys.modules.update(dict.fromkeys(('torch', 'torchvision', 'sklearn', 'scipy')))\n" + PROGRAM

    def run(*argv: str) -> Said:
        command = [sys.executable, "-c", hidden, *argv]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env=os.environ)
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Thirty texts in a table."""
    rows = ["id,text", *(f"t{n},{'a good day' if n % 2 else 'a bad day'} number {n}" for n in range(30))]
    (tmp_path / "texts.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path / "texts.csv"


@pytest.fixture
def project(querist: Querist, texts: Path) -> str:
    """A project over the texts with the classes good and bad."""
    assert querist("init", "p.querist", "--data", "texts.csv", "--labels", "good,bad").code == 0
    return "p.querist"
