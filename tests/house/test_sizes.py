"""The size guard: small files, small functions. An exception is a line in the short list below, with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
FILE_LIMIT, FUNCTION_LIMIT, MEDIAN_LIMIT = 500, 60, 120

LONG_FILES: dict[str, str] = {}
"""Path → reason."""

LONG_FUNCTIONS: dict[str, str] = {}
"""`path::name` → reason."""

FILES = sorted(path.relative_to(ROOT).as_posix() for folder in ("src", "tests", "benchmarks", "examples", "docs/gen") for path in (ROOT / folder).rglob("*.py"))


def lines(path: str) -> int:
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def functions(path: str) -> Iterator[tuple[str, int]]:
    """Every function of a file with its length in lines, decorators apart."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", FILES)
def test_no_file_is_long(path: str) -> None:
    assert lines(path) <= FILE_LIMIT or path in LONG_FILES


@pytest.mark.parametrize("path", FILES)
def test_no_function_is_long(path: str) -> None:
    long = {name: length for name, length in functions(path) if length > FUNCTION_LIMIT and f"{path}::{name}" not in LONG_FUNCTIONS}
    assert not long


def test_most_files_are_short() -> None:
    sizes = [size for path in FILES if path.startswith("src/") and (size := lines(path)) > 1]
    assert median(sizes) <= MEDIAN_LIMIT


def test_the_lists_of_exceptions_are_short_and_alive() -> None:
    assert len(LONG_FILES) + len(LONG_FUNCTIONS) <= 10
    assert all(lines(path) > FILE_LIMIT for path in LONG_FILES)
    for entry in LONG_FUNCTIONS:
        path, _, name = entry.partition("::")
        assert any(found == name and length > FUNCTION_LIMIT for found, length in functions(path)), f"{entry} is no exception any more"
