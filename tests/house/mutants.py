"""Flips every sign in the kernels, one at a time, and asks the property test of each row that uses the line whether it noticed.

`python tests/house/mutants.py [ROW…]` prints the mutants that survived; exit status 1 if there are any that `EQUIVALENT` does not
explain. Children fork from a parent that holds NumPy, pytest and torch but not Querist, so that each imports its own kernels.
"""

from __future__ import annotations

import ast
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "querist"
KERNELS = SOURCE / "kernels"
PRELOADED = ("numpy", "pytest", "hypothesis", "beartype", "jaxtyping", "scipy.special", "scipy.optimize", "sklearn.cluster", "torch")
EQUIVALENT: Mapping[tuple[str, str], str] = {}
"""(file, expression) → why the flipped sign changes nothing that a caller could see."""


@dataclass(frozen=True)
class Mutant:
    """One flipped sign: where, what stood there, and the whole file with it flipped."""

    file: str
    line: int
    expression: str
    source: str


def mutants(file: Path, lines: set[int]) -> Iterator[Mutant]:
    """Every + that could be − and − that could be + in the lines of a file, one at a time."""
    text = file.read_text(encoding="utf-8")
    count = sum(1 for _ in _signs(ast.parse(text)))
    for number in range(count):
        tree = ast.parse(text)
        node = list(_signs(tree))[number]
        if node.lineno not in lines:
            continue
        before = ast.unparse(node)
        _flip(node)
        yield Mutant(file.name, node.lineno, before, ast.unparse(tree))


def _signs(tree: ast.AST) -> Iterator[Any]:
    for node in ast.walk(tree):
        signed = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub)
        if signed or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)):
            yield node


def _flip(node: Any) -> None:
    if isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
    else:
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()


def executed(test: str) -> dict[str, set[int]]:
    """Kernel file → lines that a test runs in it."""

    def traced(report: Callable[[str], None]) -> int:
        seen: dict[str, set[int]] = {}

        def local(frame: FrameType, event: str, _arg: object) -> Any:
            if event == "line":
                seen[frame.f_code.co_filename].add(frame.f_lineno)
            return local

        def trace(frame: FrameType, _event: str, _arg: object) -> Any:
            name = frame.f_code.co_filename
            if Path(name).parent != KERNELS or frame.f_code.co_name == "<module>":
                return None
            seen.setdefault(name, set()).add(frame.f_lineno)
            return local

        sys.path.insert(0, str(ROOT / "src"))
        sys.settrace(trace)
        code = _pytest(test)
        sys.settrace(None)
        report(json.dumps({Path(name).name: sorted(lines) for name, lines in seen.items()}))
        return code

    code, said = _child(traced)
    if code:
        raise SystemExit(f"the property test {test} fails before any mutation")
    return {name: set(lines) for name, lines in json.loads(said).items()}


def survives(mutant: Mutant, test: str) -> bool:
    """Whether the test passes with the mutant in place of the kernel."""

    def mutated(_report: Callable[[str], None]) -> int:
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder, "querist")
            package.mkdir()
            for entry in SOURCE.iterdir():
                if entry != KERNELS:
                    (package / entry.name).symlink_to(entry)
            (package / "kernels").mkdir()
            for entry in KERNELS.glob("*.py"):
                (package / "kernels" / entry.name).write_text(mutant.source if entry.name == mutant.file else entry.read_text("utf-8"), "utf-8")
            sys.path.insert(0, folder)
            return _pytest(test)

    return _child(mutated)[0] == 0


def _pytest(test: str) -> int:
    import pytest

    said = sys.stderr if os.environ.get("MUTANTS_LOUD") else io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        return int(pytest.main(["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=120", "-m", "", test]))


def _child(run: Callable[[Callable[[str], None]], int]) -> tuple[int, str]:
    """Exit status of a function in a forked child, and what it reported."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                sys.dont_write_bytecode = True
                code = run(lambda text: (said.write(text), said.flush(), None)[-1])
            finally:
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        return status, said.read()


def main(names: list[str]) -> int:
    """Print the survivors among the rows named, or among all strategies."""
    import tomllib

    table = tomllib.loads((SOURCE / "acquire" / "methods.toml").read_text(encoding="utf-8"))
    tests = sorted({str(row["property"]) for name, row in table.items() if row["type"] in ("strategy", "wrapper") and (not names or name in names)})
    os.chdir(ROOT)
    os.environ["HYPOTHESIS_PROFILE"] = "ci"
    for module in PRELOADED:
        if find_spec(module.partition(".")[0]):
            __import__(module)
    tried, left = 0, []
    for test in tests:
        for name, lines in sorted(executed(test).items()):
            for mutant in mutants(KERNELS / name, lines):
                tried += 1
                if (mutant.file, mutant.expression) not in EQUIVALENT and survives(mutant, test):
                    left.append(f"{mutant.file}:{mutant.line}: {mutant.expression}   survives {test}")
                    sys.stdout.write(left[-1] + "\n")
                    sys.stdout.flush()
    sys.stdout.write(f"{tried} mutants, {len(left)} survived\n")
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
