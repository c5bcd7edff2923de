"""What the models of past rounds took the items for that they picked: a suggestion before the answer, a check of the model after it.

A runtime leaves them among the files of its round, see `core.contracts.GUESSES`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from querist.core.contracts import GUESSES, LabelSpace
from querist.project.project import Project


class Guesses:
    """Reads and keeps the guesses of each round; a round without any has none."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._rounds: dict[int, Mapping[str, tuple[str, float]]] = {}

    def of(self, n: int) -> Mapping[str, tuple[str, float]]:
        """Item → encoded value and confidence, as round n had it."""
        if n not in self._rounds:
            digest = self._project.store.round_files(n).get(GUESSES)
            text = "{}" if digest is None else self._project.artifacts.get(digest).read_text(encoding="utf-8")
            self._rounds[n] = {item: (str(value), float(confidence)) for item, (value, confidence) in json.loads(text).items()}
        return self._rounds[n]

    def guess(self, n: int, item: str, space: LabelSpace) -> dict[str, Any] | None:
        """The guess about one item in today's words; None if there is none.

        What was leased while round n was made is not in its ranking, so the round before is asked too.
        """
        found = self.of(n).get(item) or (self.of(n - 1).get(item) if n > 0 else None)
        said = None if found is None else space.decode(found[0])
        return None if found is None or said is None else {"value": said, "confidence": found[1]}

    def agreement(self, rounds: Iterable[int], labels: Mapping[str, Any], space: LabelSpace) -> dict[int, tuple[int, int]]:
        """Round → how many of the items it picked were labelled since, and how many of them it had guessed right.

        An item that was labelled is never ranked again, so the last round with a guess is the one that had it asked.
        """
        last: dict[str, int] = {item: n for n in sorted(rounds) for item in self.of(n) if item in labels}
        tally: dict[int, tuple[int, int]] = {}
        for item, n in last.items():
            guess = self.guess(n, item, space)
            asked, right = tally.get(n, (0, 0))
            tally[n] = asked + 1, right + (guess is not None and guess["value"] == labels[item])
        return tally
