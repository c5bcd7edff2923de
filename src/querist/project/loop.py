"""The simulated loop: ask, tell, update until done. It uses the verbs and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from querist.core.contracts import Oracle, Report
from querist.core.errors import UsageError
from querist.project.stopping import budget, wanted
from querist.project.telling import Row

if TYPE_CHECKING:
    from querist.project.project import Project


def run(project: Project, oracle: Oracle, report: Report, by: str, after: Callable[[Project], Any] | None = None) -> None:
    """Let an oracle answer until the project is done; ends with a model trained on every label.

    A run that was cut off goes on where it stood: due updates come first, and only what is missing of a batch is asked.
    """
    while not project.done():
        if project.should_update():
            project.update(report)
        elif not _answer(project, oracle, by):
            break
        elif after is not None:
            after(project)
    if project.progress().fresh:
        project.update(report)


def _answer(project: Project, oracle: Oracle, by: str) -> bool:
    progress = project.progress()
    allowed = budget(project.spec["budget"]).labels
    k = wanted(project.spec, progress.round) - progress.fresh
    query = project.ask(k if allowed is None else min(k, allowed - progress.answered), by=by)
    rows: list[Row] = []
    for answer in oracle.answer(query):
        if answer.item not in query.ids:
            raise UsageError("the oracle answered what it was not asked", got=answer.item, wanted="items of the query")
        if answer.value is None:
            project.skip(answer.item, reason="the oracle abstains", again=False, by=by)
        else:
            rows.append(Row(answer.item, answer.value, by, answer.seconds, answer.cost, query=query.id))
    told = project.tell_many(rows, provenance="oracle")
    if told.errors:
        raise UsageError("the oracle gave a value that the task refuses", got=told.errors[0]["got"], wanted=told.errors[0]["wanted"])
    return bool(query.items)
