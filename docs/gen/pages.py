"""Writes the generated pages. Run by `mkdocs` as a hook before every build; `python docs/gen/pages.py --check` says whether the committed ones are fresh."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import commands
import kinds
import methods
import survey

DOCS = Path(__file__).parents[1]
COMMITTED = ("survey.md", "commands.md", "matrix.md")
"""Read in the repository too, so they are committed; a test holds them fresh. The pages of the methods are built only."""


def catalogue_rows() -> Sequence[Mapping[str, Any]]:
    """The rows of the catalogue as `querist methods --json` gives them, with their status."""
    if find_spec("querist.cli.catalogue") is None:
        return []
    rows: Sequence[Mapping[str, Any]] = import_module("querist.cli.catalogue").described()
    return rows


def command_tree() -> Mapping[str, Any]:
    """Command name → click command."""
    if find_spec("querist.cli.main") is None:
        return {}
    tree: Mapping[str, Any] = import_module("typer.main").get_command(import_module("querist.cli.main").app).commands
    return tree


def matrix() -> Mapping[str, Mapping[str, bool]]:
    """Strategy → kind → whether it serves it."""
    if find_spec("querist.cli.catalogue") is None:
        return {}
    grid: Mapping[str, Mapping[str, bool]] = import_module("querist.cli.catalogue").matrix()
    return grid


def pages() -> dict[str, str]:
    """Every generated page: path below docs/ → text."""
    rows = catalogue_rows()
    made = {"survey.md": survey.render(survey.load(), rows, survey.verdicts()), "commands.md": commands.render(command_tree())}
    made["matrix.md"] = kinds.render(matrix())
    return made | {f"methods/{name}": text for name, text in methods.render(rows).items()}


def stale() -> list[str]:
    """Committed pages that differ from what would be made now."""
    made = pages()
    return [name for name in COMMITTED if not (DOCS / name).is_file() or (DOCS / name).read_text(encoding="utf-8") != made[name]]


def write() -> None:
    """Write what changed, remove pages of rows that are gone. Unchanged files are left alone, so that `mkdocs serve` does not loop."""
    made = pages()
    for old in (DOCS / "methods").glob("*.md"):
        if f"methods/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        path = DOCS / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")


def on_pre_build(config: Any) -> None:
    """The mkdocs hook."""
    write()


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(f"stale, run `make docs`: {', '.join(stale())}" if stale() else 0)
    write()
