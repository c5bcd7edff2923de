"""Querist starts fast and without torch. Measured and looked at in fresh interpreters, as a user's shell starts them."""

from __future__ import annotations

import ast
import json
import resource
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.torchless

SOURCE = Path(__file__).parents[2] / "src" / "querist"
HEAVY = ("torch", "torchvision", "sklearn", "scipy", "pandas", "matplotlib", "timm", "lightning")

# `learn`, `nets`, `bench` and the `learning.py` of a task kind are the rooms that may load torch.
LIGHT_ROOMS = ("core", "store", "project", "data", "kernels", "acquire", "cli", "web", "adapters")

LOADED = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def best_seconds(code: str, *arguments: str, limit: float, tries: int = 12) -> float:
    """CPU seconds of the fastest of up to `tries` fresh processes: on an idle machine the time on the clock, which a busy one only lengthens."""
    best = float("inf")
    for _ in range(tries):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python(code, *arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if best < limit:
            break
    return best


def test_import_querist_is_fast() -> None:
    assert best_seconds("import querist", limit=0.3) < 0.3


def test_import_querist_is_light() -> None:
    loaded = json.loads(python("import json, sys, querist; print(json.dumps([name for name in sys.modules]))"))
    assert not {"torch", "sqlalchemy", "pandas", "sklearn", "scipy", "pydantic", "fastapi"} & set(loaded)


@pytest.mark.skipif(find_spec("querist.cli.main") is None, reason="the command line is not there yet")
def test_help_is_fast() -> None:
    assert best_seconds("from querist.cli.main import main; main()", "--help", limit=0.5) < 0.5


@pytest.mark.parametrize("room", LIGHT_ROOMS)
def test_importing_a_light_room_loads_nothing_heavy(room: str) -> None:
    assert (SOURCE / room).is_dir()
    loaded = json.loads(python(LOADED, f"querist.{room}"))
    assert not set(HEAVY) & set(loaded)


@pytest.mark.parametrize("labels", sorted(path.parent.name for path in SOURCE.glob("tasks/*/labels.py")))
def test_importing_the_labels_of_a_kind_loads_nothing_heavy(labels: str) -> None:
    loaded = json.loads(python(LOADED, f"querist.tasks.{labels}.labels"))
    assert not set(HEAVY) & set(loaded)


@pytest.mark.parametrize("path", sorted(SOURCE.glob("core/*.py")), ids=lambda path: path.name)
def test_the_core_imports_nothing_of_querist_but_itself(path: Path) -> None:
    """The layers contract cannot say this of the façade `querist` itself, so it is said here."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(name.startswith("querist.core") for name in named if name.partition(".")[0] == "querist"), f"{path.name}:{node.lineno}"
