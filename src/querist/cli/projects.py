"""Projects as a whole: init, extend, classes, status, report, export."""

from __future__ import annotations

from typing import Annotated

import typer

from querist.cli.options import Json, ProjectPath, Root, opened
from querist.cli.output import emit, note

Data = Annotated[str, typer.Option("--data", help="Folder of pictures, table (.csv, .tsv, .jsonl, .parquet), array file, or named data set.", metavar="PATH")]


def init(
    project: ProjectPath,
    data: Data,
    task: Annotated[str, typer.Option("--task", help="Task kind.", metavar="KIND")] = "classification",
    labels: Annotated[str | None, typer.Option("--labels", help="Names of the classes, a,b,c; `folders` takes the names of the subfolders.")] = None,
    annotations: Annotated[
        str | None,
        typer.Option(
            "--annotations",
            help="Labels that exist: a table (id, label, annotator), COCO file, or folder of VOC, YOLO or PNG files.",
            metavar="PATH",
        ),
    ] = None,
    test: Annotated[str | None, typer.Option("--test", help="Labelled items outside the pool: a table, or a folder with one subfolder a class.")] = None,
    root: Root = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="efficientnet-lite0, minilm, tfidf, timm:NAME or none; by default what fits.")] = None,
    weights: Annotated[str | None, typer.Option("--weights", help="File with the encoder's weights.", metavar="FILE")] = None,
    method: Annotated[str, typer.Option("--method", help="Name in the catalogue, or module:Class.", metavar="M")] = "auto",
    learner: Annotated[str | None, typer.Option("--learner", help="Recipe of the catalogue; by default what fits.", metavar="L")] = None,
    scheme: Annotated[str | None, typer.Option("--scheme", help="Training scheme: catalogue name or module:Class.", metavar="S")] = None,
    refit: Annotated[str | None, typer.Option("--refit", help="Where a round starts, by name.", metavar="R")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Labelled data to learn first: a table with labels, a folder of class folders, a named set.", metavar="PATH")
    ] = None,
    source_labels: Annotated[str | None, typer.Option("--source-labels", help="Labels (id, label) of the source's items.", metavar="FILE")] = None,
    budget: Annotated[str | None, typer.Option("--budget", help="Labels (500), hours (40h), money (1200EUR) or units of the task (5000 tokens).")] = None,
    target: Annotated[float | None, typer.Option("--target", help="Accuracy on the test items at which to stop.")] = None,
    batch: Annotated[int | None, typer.Option("--batch", help="Labels between two updates, 20 by default.", metavar="N")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Root of all random choices.", metavar="N")] = 0,
    json: Json = False,
) -> None:
    """Make a project over your data. Nothing is copied, and an existing project is never overwritten.

    Example: querist init birds.querist --data photos --task classification --labels robin,sparrow
    """
    from querist.assemble.start import Wishes, start

    wishes = Wishes(
        project, data, task, labels, annotations, test, root, encoder, weights, method, learner, scheme, refit, source, source_labels, budget, target, batch,
        seed,
    )  # fmt: skip
    made = start(wishes, note)
    learns = made["encoder"] or made["learner"]
    emit(made, f"{project}: {made['items']} items, {made['imported']} labels imported, {made['test']} test items; learner {learns}; now: querist ask or label")


def classes(
    project: ProjectPath,
    action: Annotated[str | None, typer.Argument(metavar="ACTION", help="add, rename or retire; by default the classes are listed.")] = None,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Names of classes.", show_default=False)] = None,
    into: Annotated[str | None, typer.Option("--into", help="Reserved, for merge and split.", metavar="NAMES")] = None,
    json: Json = False,
) -> None:
    """List the classes, add or rename some, or retire one.

    Example: querist classes birds.querist add wren; querist classes birds.querist rename wren "house wren"
    """
    from querist.adapters.classes import change

    with opened(project) as open_project:
        changed = change(open_project, action, names or [])
    emit(changed, f"version {changed['version']}: {', '.join(changed['classes'])}")


def extend(
    project: ProjectPath,
    data: Annotated[str | None, typer.Option("--data", help="The folder or table of the project, grown; by default that one is read again.")] = None,
    json: Json = False,
) -> None:
    """Take up what was added to the project's folder or table.

    Example: querist extend birds.querist --data photos
    """
    from querist.assemble.start import extend as extended

    with opened(project) as open_project:
        grown = extended(open_project, data)
    emit(grown, f"{grown['added']} items added, {grown['quarantined']} of them set aside")


def status(project: ProjectPath, json: Json = False) -> None:
    """Say where a project stands.

    Example: querist status birds.querist
    """
    with opened(project) as open_project:
        facts = open_project.status()
    emit(facts, "\n".join(f"{name:<12} {_plain(value)}" for name, value in facts.items() if value not in (None, {}, [])))


def report(
    target: Annotated[str, typer.Argument(metavar="PROJECT|STUDY", help="A project, or the folder of a study.", show_default=False)],
    out: Annotated[str | None, typer.Option("-o", "--out", help="The file; by default beside the project or in the study.", metavar="FILE.html")] = None,
    no_items: Annotated[bool, typer.Option("--no-items", help="Leave out all ids of items.")] = False,
    json: Json = False,
) -> None:
    """Write a self-contained HTML report of a project or a study.

    Example: querist report birds.querist -o birds.html
    """
    from querist.bench.project_report import write

    written = str(write(target, out, items=not no_items))
    emit({"report": written}, written)


def export(
    project: ProjectPath,
    out: Annotated[str, typer.Option("-o", "--out", help="File, or folder for imagefolder, voc, yolo and masks.", metavar="FILE|DIR")],
    view: Annotated[str, typer.Option("--view", help="training: one row an item; raw: everything that was ever said.")] = "training",
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="csv, jsonl, parquet, imagefolder; of their kinds coco, voc, yolo, masks, conll, spans, hf.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write the labels out.

    Example: querist export birds.querist -o training.csv
    """
    from querist.adapters.exports import export as exported

    with opened(project) as open_project:
        written = str(exported(open_project, out, view, form))
    emit({"written": written}, written)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)
