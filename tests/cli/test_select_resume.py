"""`querist select` that is interrupted, and goes on with --resume."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from querist.acquire.arrays import select
from querist.adapters.selecting import select_files
from querist.core import catalogue
from querist.core.rng import stream
from querist.kernels import budget

pytestmark = pytest.mark.torchless

N, K = 400, 100
DRAW = stream(6, 0, "oracle")
PROBS = DRAW.dirichlet(np.ones(4), size=N)
FEATURES = DRAW.normal(size=(N, 8)).astype(np.float32)
METHODS = ["badge", "lcmd", "maxdet", "facility_location"]
BASE = ("select", "-k", str(K), "--probs", "p.npy", "--features", "h.npy", "--labelled", "done.txt", "--method")


@dataclass(frozen=True)
class Halting:
    """Core-set in a terminal whose user presses Ctrl-C after some picks."""

    after: int = 40

    @property
    def needs(self) -> frozenset[str]:
        """Features."""
        return frozenset({"features"})

    def select(self, view: Any, k: int, rng: np.random.Generator) -> Any:
        """See `Acquisition.select`."""

        def press(done: int, of: int) -> None:
            if done > self.after and not Path("again").exists():
                signal.raise_signal(signal.SIGINT)

        budget.current().report = press
        return catalogue.acquisition("coreset").select(view, k, rng)


@pytest.fixture
def files(querist: Any) -> None:
    np.save("p.npy", PROBS)
    np.save("h.npy", FEATURES)
    Path("done.txt").write_text("3\n14\n15\n", encoding="utf-8")


def interrupted(method: str, after: int = 20, error: type[BaseException] = KeyboardInterrupt, **more: Any) -> str:
    """Run the command's verb until some picks are made; returns what an interruption says."""

    def stop(done: int, of: int) -> None:
        if done > after:
            raise error

    with pytest.raises(KeyboardInterrupt) as caught:
        arrays = {"probs": "p.npy", "features": "h.npy", "gradients": None, "costs": None}
        items = {"labelled": "done.txt", "labels": None, "pending": None, "ids": None}
        select_files(method, K, "b.csv", arrays, items, report=stop, seed=2, round=1, device=None, **more)
    return str(caught.value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("files")
def test_a_resumed_selection_is_the_unbroken_one_byte_for_byte(querist, method):
    assert querist(*BASE, method, "--seed", "2", "-o", "whole.csv").code == 0
    assert not Path("whole.csv.state.npz").exists()
    assert "the same command with --resume goes on" in interrupted(method)
    assert Path("b.csv.state.npz").exists() and not Path("b.csv").exists()
    interrupted(method, 50, resume=True)
    said = querist(*BASE, method, "--seed", "2", "-o", "b.csv", "--resume", "--json")
    assert said.code == 0, said.err
    assert 0 < said.json["resumed"] <= K
    assert Path("b.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert sorted(file.name for file in Path().iterdir() if "state" in file.name) == []


@pytest.mark.usefixtures("files")
def test_what_was_written_on_the_way_is_enough(querist, monkeypatch):
    """As after a loss of power: nothing is written at the end."""
    monkeypatch.setattr("querist.adapters.select_state.EVERY", 0.0)
    assert querist(*BASE, "lcmd", "--seed", "2", "-o", "whole.csv").code == 0
    with pytest.raises(ZeroDivisionError):
        interrupted("lcmd", error=ZeroDivisionError)
    said = querist(*BASE, "lcmd", "--seed", "2", "-o", "b.csv", "--resume", "--json")
    assert said.json["resumed"] == 21
    assert Path("b.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.mark.usefixtures("files")
def test_ctrl_c_says_what_is_kept_and_exits_130(querist):
    base = ("select", "-k", str(K), "--features", "h.npy", "-o", "b.csv", "--method", f"{__name__}:Halting")
    said = querist(*base)
    assert said.code == 130
    assert "b.csv.state.npz: the same command with --resume goes on from there" in said.lines[0]
    assert said.lines[-1].startswith("interrupted") and said.out == ""
    Path("again").touch()
    said = querist(*base, "--resume", "--json")
    assert said.code == 0 and said.json["resumed"] > 0
    wanted = select("coreset", K, features=FEATURES)
    assert [line.split(",")[0] for line in Path("b.csv").read_text(encoding="utf-8").splitlines()[1:]] == list(wanted.ids)


@pytest.mark.usefixtures("files")
def test_the_state_of_other_inputs_or_parameters_is_refused(querist):
    interrupted("coreset")
    base = (*BASE, "coreset", "-o", "b.csv", "--resume")
    querist(*base, "--seed", "3").fails(2, "b.csv.state.npz is the state of another selection")
    np.save("h.npy", FEATURES + 1)
    querist(*base, "--seed", "2").fails(2, "other inputs or parameters")
    for broken in (b"", b"no archive", b"PK\x03\x04"):
        Path("b.csv.state.npz").write_bytes(broken)
        querist(*base, "--seed", "2").fails(2, "is no state of a selection")
    np.savez("b.csv.state.npz", about=np.array({"a": 1}, dtype=object), picks=np.arange(2))
    querist(*base, "--seed", "2").fails(2, "is no state of a selection")
    assert querist(*base[:-1], "--seed", "2").code == 0, "without --resume it starts anew"
    assert not Path("b.csv.state.npz").exists()
    assert querist(*base, "--seed", "2").code == 0, "nothing kept: from the start"


@pytest.mark.usefixtures("files")
def test_an_interruption_before_the_first_state_keeps_nothing(querist):
    assert "nothing of this selection is kept" in interrupted("exploration_p", -1)
