"""The slow verb: update, and the worker that calls it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from querist.cli.options import Json, ProjectPath, opened
from querist.cli.output import emit, note, reporting
from querist.core.records import Round


def update(
    project: ProjectPath,
    probs: Annotated[str | None, typer.Option("--probs", help="Class probabilities of a model of yours, by id.", metavar="F")] = None,
    features: Annotated[str | None, typer.Option("--features", help="Its features, by id.", metavar="F")] = None,
    gradients: Annotated[str | None, typer.Option("--gradients", help="Its gradient embeddings, by id: residual and feature.", metavar="F")] = None,
    model_note: Annotated[str, typer.Option("--model-note", help="What that model is, for the record.", metavar="TEXT")] = "",
    json: Json = False,
) -> None:
    """Train, score and publish the next ranking; with files, from the statistics of a model of yours.

    Example: querist update birds.querist; querist update birds.querist --probs probs.parquet
    """
    from querist.adapters.statistics import outside

    files = {name: file for name, file in (("probs", probs), ("features", features), ("gradients", gradients)) if file is not None}
    with opened(project) as open_project, reporting() as report:
        made = open_project.update(report, outside=outside(open_project, files, note) or None, note=model_note)
    emit(_facts(made), _sentence(made))


def work(project: ProjectPath, json: Json = False) -> None:
    """Update whenever it is due, until the project is done. Ctrl-C stops it; an update that was cut off goes on next time.

    Example: querist work birds.querist
    """
    from querist.project.worker import work as worked

    with opened(project) as open_project, reporting() as report:
        reasons = worked(open_project, report=report)
        last = open_project.rounds()[-1]
    emit({**_facts(last), "done": list(reasons)}, f"{_sentence(last)}; done: {'; '.join(reasons)}")


def _facts(made: Round) -> dict[str, object]:
    facts = asdict(made)
    return {"round": facts.pop("n"), **facts}


def _sentence(made: Round) -> str:
    metrics = "".join(f", {name} {value:.4f}" for name, value in made.metrics.items())
    return f"round {made.n}: {made.labels_used} labels used, {made.ranked} of {made.of} ranked{metrics}, {sum(made.seconds.values()):.1f} s"
