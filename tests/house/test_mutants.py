"""No sign in a kernel can be flipped without a property test failing; and the tool that says so can itself fail."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import mutants
import mutation_rules as rules
import pytest

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
SOURCE = '''
LIMIT = -1


def score(x: float, floor: float = -2.0) -> float:
    """A - B is no sign here."""
    low = -x
    low += floor
    return [y + 1 - low for y in (x * 2,)][0]


class Pool:
    SIZE = 1 + 1

    def rest(self, n: int) -> int:
        return n - self.SIZE
'''
TESTS = """
import numpy
from planted import kernel

def test_strong():
    assert kernel.score(3.0) == 12.0
    assert kernel.score(3.0, 1.0) == 9.0

def test_weak():
    assert kernel.score(0.0) > 0

class TestPool:
    def test_rest(self):
        assert kernel.Pool().rest(5) == 3

def test_endless():
    n = 5
    while n > 0:
        n = kernel.Pool().rest(n)
"""
RUN = """
import sys
import mutants
done = mutants.mutate([mutants.Demand((f"test_planted.py::{name}",)) for name in ("test_strong", "test_weak", "TestPool", "test_endless")], "planted")
print(done.tried, *sorted(f"{line.split('   ')[0].split(': ')[1]} by {line.split('::')[1]}" for line in done.left), sep="|")
"""


def test_it_finds_exactly_the_signs_in_functions() -> None:
    found = [(function, ast.unparse(node)) for function, node in mutants.signs(ast.parse(SOURCE))]
    assert found == [("score", "-x"), ("score", "low += floor"), ("score", "y + 1 - low"), ("score", "y + 1"), ("Pool.rest", "n - self.SIZE")]


def test_it_flips_one_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "kernel.py"
    file.write_text(SOURCE, encoding="utf-8")
    scores = []
    for mutant in mutants.mutants(file):
        scope: dict[str, object] = {}
        exec(compile(SOURCE, "kernel.py", "exec"), scope)
        assert mutant.code.keys() >= {"score", "Pool.rest"}
        score = scope["score"]
        score.__code__ = mutant.code["score"]  # type: ignore[attr-defined]
        scores.append(score(3.0))  # type: ignore[operator]
    assert scores == [6.0, 8.0, 2.0, 10.0, 12.0], "-x, += floor, - low, + 1, and one in the other function"
    assert [mutant.line for mutant in mutants.mutants(file)] == [7, 8, 9, 9, 16]


def test_a_weak_test_lets_a_mutant_survive_and_a_strong_one_does_not(tmp_path: Path) -> None:
    package = tmp_path / "planted"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "kernel.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "test_planted.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    paths = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(HERE)!r}]\n"
    done = subprocess.run([sys.executable, "-c", paths + RUN], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "10|-x by test_weak|y + 1 by test_weak", "4 + 4 + 1 + 1 mutants; the endless loop was stopped"


def test_the_rules_name_what_exists() -> None:
    files = {file.name for file in (ROOT / "src" / "querist" / "kernels").glob("*.py")}
    assert {*rules.SHARED, *rules.EXCLUDED, *(file for file, _, _ in rules.EQUIVALENT)} <= files
    assert all((ROOT / test.partition("::")[0]).is_file() for tests in rules.SHARED.values() for test in tests)
    assert set(rules.OPEN) <= {demand.name for demand in mutants.demands([], everything=True)}
    for file in {file for file, _, _ in rules.EQUIVALENT}:
        known = {mutant.key for mutant in mutants.mutants(ROOT / "src" / "querist" / "kernels" / file)}
        assert {key for key in rules.EQUIVALENT if key[0] == file} <= known, "an explanation of a line that is gone"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_flipped_sign_survives() -> None:
    done = subprocess.run([sys.executable, HERE / "mutants.py", "--jobs", "2"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
