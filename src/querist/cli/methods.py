"""The catalogue for people and programs: methods."""

from __future__ import annotations

from typing import Annotated

import typer

from querist.cli.options import Json
from querist.cli.output import emit


def methods(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One row in full.", show_default=False)] = None,
    matrix: Annotated[bool, typer.Option("--matrix", help="Which strategy serves which task kind.")] = False,
    survey: Annotated[bool, typer.Option("--survey", help="Every system of the survey, in its order, with its status.")] = False,
    needs: Annotated[list[str] | None, typer.Option("--needs", help="Only those that need this statistic; may be given again.", metavar="STATISTIC")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only strategy, wrapper, scheme, inference, refit, recipe or tool.", metavar="TYPE")] = None,
    json: Json = False,
) -> None:
    """List the methods, or show one: formula, needs, cost, when it fails, deviations, parameters, evidence.

    Example: querist methods margin; querist methods --type strategy --needs features
    """
    from querist.cli import catalogue

    if survey:
        entries = catalogue.survey()
        emit({"survey": entries}, catalogue.survey_table(entries))
    elif matrix:
        emit({"matrix": (grid := catalogue.matrix())}, catalogue.matrix_table(grid))
    else:
        rows = catalogue.described(name, needs or (), kind)
        emit({"methods": rows}, catalogue.card(rows[0]) if name else catalogue.table(rows))
