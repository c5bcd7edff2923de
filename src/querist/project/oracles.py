"""Oracles that answer from known targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from querist.core.contracts import Oracle
from querist.core.errors import UsageError
from querist.core.records import Answer, Query
from querist.core.rng import stream


@dataclass(frozen=True)
class Simulated:
    """Answers with the known target; abstains where there is none.

    Attributes:
        targets: Item → value.
    """

    targets: Mapping[str, Any]

    def answer(self, query: Query) -> Iterator[Answer]:
        """One answer per asked item."""
        for item in query.ids:
            yield Answer(item, self.targets.get(item))


@dataclass(frozen=True)
class Noisy:
    """Wraps an oracle and is wrong about some items: always about the same ones, and always in the same way.

    Attributes:
        oracle: Who knows.
        values: All values that may be given.
        rate: Probability of a wrong answer, in [0, 1].
        seed: Root seed; an item's noise depends on it and on the item's place in `items` only.
        items: All items that may be asked, in canonical order.
    """

    oracle: Oracle
    values: tuple[Any, ...]
    rate: float
    items: tuple[str, ...]
    seed: int = 0

    def answer(self, query: Query) -> Iterator[Answer]:
        """One answer per asked item."""
        if not 0 <= self.rate <= 1 or len(self.values) < 2:
            raise UsageError("a noisy oracle needs a rate and two values", got=(self.rate, self.values), wanted="0 ≤ rate ≤ 1, two or more values")
        rng = stream(self.seed, 0, "oracle")
        wrong = rng.random(len(self.items)) < self.rate
        which = rng.integers(0, len(self.values) - 1, len(self.items))
        place = {item: position for position, item in enumerate(self.items)}
        for told in self.oracle.answer(query):
            position = place[told.item]
            if told.value is None or not wrong[position]:
                yield told
                continue
            others = [value for value in self.values if value != told.value]
            yield Answer(told.item, others[int(which[position])], told.annotator, told.seconds, told.cost)


@dataclass(frozen=True)
class SelfVerifying:
    """Wraps an oracle that only says whether a guess is right: then the guess is the answer, and it costs nothing. Else it abstains.

    Attributes:
        oracle: Who knows.
        guess: A query → what the model takes its items for; items may be missing.

    Reference:
        Stark, Hazırbaş, Triebel & Cremers 2015 (strings that are solved or not).
    """

    oracle: Oracle
    guess: Callable[[Query], Mapping[str, Any]]

    def answer(self, query: Query) -> Iterator[Answer]:
        """One answer per asked item."""
        guesses = self.guess(query)
        for told in self.oracle.answer(query):
            solved = told.value is not None and guesses.get(told.item) == told.value
            yield Answer(told.item, told.value if solved else None, told.annotator, told.seconds, 0.0)
