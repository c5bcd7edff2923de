"""What a composite strategy owes to each of its parts: the strategy with one part replaced by the plainest of its kind.

Parts are found by what they are, not by class: whatever of a frozen dataclass selects is a method (→ random), chooses a selector
(→ the best scores, or the longest vectors), has points an embedding (→ the features as they are), and is called with a view a score
(→ the same for all). A prefilter is left out, a wrapper taken off, a phase of a rule drawn at random.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from querist.acquire.auto import Auto
from querist.acquire.compose import Random
from querist.acquire.embeddings import Embedding, Features
from querist.acquire.selectors import TopK
from querist.core import catalogue
from querist.core.contracts import PoolView
from querist.core.records import Selection
from querist.core.spec import build, spec

Table = Mapping[str, Any]


@dataclass(frozen=True)
class Even:
    """The same score for all: what is left of a method when its score knows nothing."""

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def __call__(self, view: PoolView) -> np.ndarray:
        """(n,) ones."""
        return np.ones(len(view.candidates))


@dataclass(frozen=True)
class Length:
    """How far out a candidate lies in an embedding: the length of its gradient, or its distance to the mean of the pool's features.

    Attributes:
        of: The embedding.
    """

    of: Embedding = Features()

    @property
    def needs(self) -> frozenset[str]:
        """What the embedding needs."""
        return self.of.needs

    def __call__(self, view: PoolView) -> np.ndarray:
        """(n,), at least 0."""
        return np.sqrt(np.asarray(self.of.points(view).norms(), dtype=np.float64))


@dataclass(frozen=True)
class Skipping:
    """A rule of which one phase draws at random.

    Attributes:
        rule: The rule.
        phase: Name of the branch that is skipped.
    """

    rule: Auto = Auto()
    phase: str = ""

    @property
    def needs(self) -> frozenset[str]:
        """What the rule needs."""
        return self.rule.needs

    def given(self, statistics: frozenset[str], *, frozen: bool = False) -> Skipping:
        """See `core.contracts.Adaptive`."""
        return replace(self, rule=self.rule.given(statistics, frozen=frozen))

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        chosen = Random() if self.rule.branch(view, k).name == self.phase else self.rule
        return chosen.select(view, k, rng)


def variants(name: str, table: Table | None = None) -> dict[str, dict[str, Any]]:
    """The ablations of a strategy, each a spec that the catalogue reads, named after what is missing: `badge-no-selector`.

    Args:
        name: The strategy.
        table: Its spec; that of the catalogue by default. What its row says of inference holds for the variants too.

    Returns:
        Name → spec; empty where nothing is left to take away but the strategy itself.

    Raises:
        UsageError: for an unknown strategy.
    """
    base = dict(table or {"use": name})
    made = catalogue.acquisition(base)
    found = {f"{name}-no-{part}": {**base, **changes} for part, changes in _changes(made)}
    methods = [field for field, value in _fields(made) if hasattr(value, "select")]
    if len(methods) == 1:  # a wrapper: the method that it wraps
        inner = base.get(methods[0], getattr(made, methods[0]))
        found[f"{name}-bare"] = {"use": inner} if isinstance(inner, str) else dict(spec(inner, full=False))
    return found | {f"{name}-no-{phase}": dict(spec(Skipping(made, phase), full=False)) for phase in getattr(made, "phases", ())}


def _changes(made: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is missing, and the fields by which the variant differs."""
    parts: dict[str, Any] = dict(_fields(made))
    embed: Any = parts.get("embed")
    score: Any = parts.get("score")
    for field, value in parts.items():
        if hasattr(value, "select"):
            yield field, {field: spec(Random())}
            for part, changes in _changes(value):
                yield f"{field}-{part}", {field: spec(replace(value, **{key: build(one) for key, one in changes.items()}), full=False)}
        elif isinstance(value, tuple) and value and all(hasattr(one, "select") for one in value):
            for place in (place for place, one in enumerate(value) if one != Random()):
                yield f"{field}-{place + 1}", {field: [spec(Random() if place == at else one, full=False) for at, one in enumerate(value)]}
        elif hasattr(value, "choose") and value != TopK() and (score is not None or (embed is not None and "score" in parts)):
            yield field, {field: spec(TopK()), **({} if score is not None else {"score": spec(Length(embed))})}
        elif hasattr(value, "points") and value != Features():
            yield field, {field: spec(Features())}
        elif _scores(value) and embed is not None:  # without points, what is left of a method without its score is random
            yield field, {field: spec(Even()), **({"prefilter": 0} if parts.get("prefilter") else {})}
        elif field == "prefilter" and value:
            yield field, {field: 0}


def _fields(made: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(made, field.name)) for field in dataclasses.fields(made) if field.init]


def _scores(value: Any) -> bool:
    return callable(value) and hasattr(value, "needs")
