"""Tells a project what its answers about pairs imply. Such annotations cost nothing, spend no budget, and are marked as what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from querist.project.telling import Row, ToldMany, consensus
from querist.store.reading import IMPLIED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from querist.project.project import Project

BY: Final = IMPLIED
"""Annotator and provenance of what is implied."""


class Rule(Protocol):
    """What answers imply; `querist.tasks.pair.propagation.Propagation` is one."""

    def implied(self, answers: Mapping[str, bool]) -> dict[str, bool]: ...


def propagate(project: Project, rule: Rule) -> ToldMany:
    """Append an annotation for every item that is implied by what people and oracles said, and is not told so already.

    Implied answers imply nothing themselves. When a revision makes one of them fall, its annotation is turned where the opposite is now
    implied and stays otherwise; a person who contradicts it sends the item to review.

    Example:
        >>> project.run(oracle, after=lambda project: propagate(project, Propagation(ends)))  # doctest: +SKIP
    """
    votes = project.store.votes()
    answers, _ = consensus([vote for vote in votes if vote.annotator != BY], project.classes.decode)
    told, _ = consensus([vote for vote in votes if vote.annotator == BY], project.classes.decode)
    items = set(project.store.ids("pool"))
    fresh = [Row(item, same, BY, 0.0, 0.0) for item, same in rule.implied(answers).items() if item in items and told.get(item) is not same]
    return project.tell_many(fresh, provenance=BY)
