"""Asking and telling: ask, tell, skip, release, label."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from querist.cli.options import By, Json, ProjectPath, opened
from querist.cli.output import DONE, FAILED, emit, note

Item = Annotated[str, typer.Argument(metavar="ITEM", help="Id of the item.", show_default=False)]


def ask(
    project: ProjectPath,
    k: Annotated[int, typer.Option("-k", help="How many items.", metavar="N")] = 1,
    by: By = None,
    ttl: Annotated[float | None, typer.Option("--ttl", help="Seconds that the items stay reserved; an hour by default.", metavar="SECONDS")] = None,
    out: Annotated[str | None, typer.Option("-o", "--out", help="Write the items to a .csv, .jsonl or .parquet file too.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Reserve the items whose labels are wanted most.

    Example: querist ask birds.querist -k 5 --by ann
    """
    from querist.adapters.queries import lease

    with opened(project) as open_project:
        query = lease(open_project, k, by, ttl, out)
    items = [{"id": one.id, "rank": one.rank, "score": one.score, "source": one.source, "note": one.note} for one in query.items]
    emit({"query": query.id, "round": query.round, "items": items}, "\n".join(query.ids) or None)
    if len(query) < k:
        note(f"asked for {k}, there are {len(query)} left to ask")


def tell(
    project: ProjectPath,
    item: Annotated[str | None, typer.Argument(metavar="ITEM", help="Id of the item.", show_default=False)] = None,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="Its label; a negative number after --.", show_default=False)] = None,
    by: By = None,
    file: Annotated[str | None, typer.Option("-i", "--input", help="Table: id, label and, if wished, annotator, seconds, cost, key.", metavar="FILE")] = None,
    json: Json = False,
) -> int:
    """Store a label, or a file of them: the good rows are stored, the others named.

    Example: querist tell birds.querist robin-01.png robin --by ann; querist tell birds.querist -i labels.csv; querist tell P ITEM -- -1
    """
    from querist.adapters.answers import tell_file, tell_one

    with opened(project) as open_project:
        told = tell_one(open_project, item, value, by) if file is None else tell_file(open_project, file, item, by)
    emit(told, f"{told['told']} told, {told['revisions']} of them revisions")
    return DONE if not told["errors"] else _refused(told)


def skip(
    project: ProjectPath,
    item: Item,
    reason: Annotated[str | None, typer.Option("--reason", help="Why.", metavar="TEXT")] = None,
    never: Annotated[bool, typer.Option("--never", help="Never ask anybody for it again.")] = False,
    by: By = None,
    json: Json = False,
) -> None:
    """Pass an item over: unclear for now, or unfit for ever.

    Example: querist skip birds.querist robin-07.png --reason "two birds" --never
    """
    with opened(project) as open_project:
        open_project.skip(item, reason, again=not never, by=by)
    emit({"skipped": item}, f"skipped {item}")


def release(
    project: ProjectPath, query: Annotated[str, typer.Argument(metavar="QUERY", help="Id of the query.", show_default=False)], json: Json = False
) -> None:
    """Give the items of a query back, so that others may get them.

    Example: querist release birds.querist q3
    """
    with opened(project) as open_project:
        released = open_project.release(query)
    emit({"released": released}, f"{released} items released")


def label(
    project: Annotated[str, typer.Argument(metavar="PROJECT|FOLDER", help="A project, or a folder of pictures to make one of.", show_default=False)],
    labels: Annotated[str | None, typer.Option("--labels", help="Names of the classes of a new project: a,b,c, or `folders`.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 takes any free one.", metavar="P")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    json: Json = False,
) -> None:
    """Open the labelling page of a project, or of a folder of pictures, on this machine.

    Example: querist label photos --labels robin,sparrow
    """
    from querist.assemble.start import project_of
    from querist.web.serve import serve

    serve(project_of(project, labels, note), port, not no_browser, say=lambda url: emit({"url": url}, url))


def _refused(told: dict[str, Any]) -> int:
    errors = told["errors"]
    for error in errors[:2]:
        note(f"{error['item']}: got {error['got']}; wanted {error['wanted']}")
    note(f"error: {len(errors)} of {told['told'] + len(errors)} rows were refused, the others are stored (--json lists them)")
    return FAILED
