"""Arguments and options that several commands share, and the opening of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from querist.project.project import Project

ProjectPath = Annotated[str, typer.Argument(metavar="PROJECT", help="A path ending in .querist, or a postgresql:// URL.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
"""Every command takes it; `output` reads it from the arguments, for errors in parsing them are said that way too."""
By = Annotated[str | None, typer.Option("--by", help="Annotator.", metavar="NAME")]
Root = Annotated[str | None, typer.Option("--root", help="Folder of a table's picture paths, or of a named set's files.", metavar="DIR")]


def opened(path: str) -> Project:
    """An existing project; a context manager."""
    from querist.project.project import Project

    return Project.open(path)
