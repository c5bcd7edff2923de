"""What the page shows beside the item: counts, classes, the learning curve, how far the model is behind, what the worker does."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from querist.core.contracts import LabelSpace
from querist.core.records import Round
from querist.project.project import Project
from querist.project.telling import consensus
from querist.tasks import label_space
from querist.web.guesses import Guesses

FRESH_SECONDS: Final = 0.4
_TAGS: Final = ("B-", "I-", "E-", "S-")
SHARE: Final = 0.05
"""At most this share of the time goes into counting, however large the project and however many pages ask."""


class Board:
    """The status of one project, counted no more often than it is worth.

    Args:
        project: The project.
        worker: What the worker is doing.
    """

    def __init__(self, project: Project, worker: Callable[[], Mapping[str, Any]]) -> None:
        self.guesses = Guesses(project)
        self._project = project
        self._worker = worker
        self._lock = threading.Lock()
        self._counted: dict[str, Any] = {}
        self._until = 0.0

    def space(self) -> LabelSpace:
        """The present label space, also when another process changed it."""
        spaces = self._project.store.label_spaces()
        return label_space(spaces[max(spaces)])

    def status(self) -> dict[str, Any]:
        """`Project.status()`, and `answered` (imported labels apart), `round`, `behind`, `classes`, `curve`, `worker`."""
        with self._lock:
            started = time.monotonic()
            if started >= self._until:
                self._counted = self._count()
                ended = time.monotonic()
                self._until = ended + max(FRESH_SECONDS, (ended - started) / SHARE)
            return {**self._counted, "worker": dict(self._worker())}

    def _count(self) -> dict[str, Any]:
        status, rounds, space = self._project.status(), self._project.rounds(), self.space()
        labels, _ = consensus(self._project.store.votes(), space.decode)
        names = [row["name"] for row in space.schema().get("classes", ()) if not row["retired"]]
        counts = Counter(name for value in labels.values() for name in mentioned(value, frozenset(names)))
        return {
            **status,
            "answered": self._project.progress().answered,
            "round": rounds[-1].n,
            "behind": status["fresh"],
            "classes": [{"name": name, "count": counts[name]} for name in names],
            "curve": self._curve(rounds, labels, space),
        }

    def _curve(self, rounds: list[Round], labels: Mapping[str, Any], space: LabelSpace) -> list[dict[str, Any]]:
        """One point a trained round: accuracy on the test items, and how often its guesses agreed with the answers."""
        trained = [one for one in rounds if one.n > 0]
        agreed = self.guesses.agreement((one.n for one in trained), labels, space)
        return [
            {
                "round": one.n,
                "labels": one.labels_used,
                "accuracy": one.metrics.get("accuracy"),
                "asked": agreed.get(one.n, (0, 0))[0],
                "agreed": agreed.get(one.n, (0, 0))[1],
            }
            for one in trained
        ]


def mentioned(value: Any, names: frozenset[str]) -> set[str]:
    """The classes that a value of any kind speaks of, each once: as a text of its own, behind the B- of a tag, or as a label that is answered with yes."""
    if isinstance(value, str):
        return {value, value[2:] if value[:2] in _TAGS else value} & names
    if isinstance(value, Mapping):
        yes = {str(key) for key, said in value.items() if said is True} & names
        return yes.union(*(mentioned(said, names) for said in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(mentioned(one, names) for one in value))
    return set()
