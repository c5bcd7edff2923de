"""The nouns that travel between the layers. Frozen, torch-free, JSON-friendly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Selection:
    """What an acquisition chose.

    Attributes:
        ids: Distinct ids, most wanted first.
        scores: One float per id, higher = more wanted, on the method's own scale.
        note: Per id, why it was picked (a short text), or an empty sequence.
        memory: What the method wants to be told when it chooses next, as plain JSON; None for a method that learns nothing.
    """

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    note: tuple[str, ...] = ()
    memory: Mapping[str, Any] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.scores) or (self.note and len(self.note) != len(self.ids)):
            raise ValueError(f"a selection needs one score per id: {len(self.ids)} ids, {len(self.scores)} scores, {len(self.note)} notes")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why each was picked, an empty text where the method gave no notes: one per id."""
        return self.note or ("",) * len(self.ids)

    def head(self, k: int) -> Selection:
        """The first k picks."""
        return Selection(self.ids[:k], self.scores[:k], self.note[:k], self.memory)


@dataclass(frozen=True, slots=True)
class Asked:
    """One leased item of a query.

    Attributes:
        id: Item id.
        rank: Place in the ranking it came from, from 0; -1 for a random fill.
        score: Its score there, or None.
        source: `ranking`, `reserve`, `random`, or `held` (already leased to the same annotator).
        note: Why it was picked.
    """

    id: str
    rank: int
    score: float | None
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class Query:
    """Items leased to one annotator until `expires` (seconds since the epoch). Iterates over ids."""

    id: str
    round: int
    by: str
    at: float
    expires: float
    items: tuple[Asked, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids in the order asked."""
        return tuple(asked.id for asked in self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One append-only event: somebody said something about one item.

    Attributes:
        item: Item id.
        value: The decoded value (for classification, the class name at the time).
        annotator: Who; the same annotator again is a revision, another one a second opinion.
        provenance: `human`, `oracle`, `imported`, `free`, `propagated` or `verified`.
        at: Seconds since the epoch.
        seconds: Active seconds between ask and tell, or None when it was never asked.
        cost: Money, or None.
        round: Round whose ranking it came from, or None for an unsolicited one.
        query: Id of the query, or None.
        score_at_query: The score that got it asked, or None.
        supersedes: Number of the annotation it revises, or None.
        schema_version: Version of the label space the value was given under.
        unit: `item`, later `region`, `slot`, `pair`.
    """

    item: str
    value: Any
    annotator: str
    provenance: str
    at: float
    seconds: float | None = None
    cost: float | None = None
    round: int | None = None
    query: str | None = None
    score_at_query: float | None = None
    supersedes: int | None = None
    schema_version: int = 1
    unit: str = "item"
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """A published round: the model that was trained and the ranking it gave."""

    n: int
    labels_used: int
    ranked: int
    of: int
    metrics: Mapping[str, float]
    seconds: Mapping[str, float]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an oracle says about one item. `value` None means it abstains."""

    item: str
    value: Any
    annotator: str = "oracle"
    seconds: float | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class RoundJob:
    """Everything a learner may see of a project when it makes the next round. No test data of the future, no pool targets.

    Attributes:
        round: Number of the round to make, from 1.
        seed: Root seed of the project.
        labelled: Training targets, item id → current value of the task, in canonical id order. Consensus over annotators;
            ties between annotators are left out.
        test: Held-out items with their values, evaluated once, never trained on.
        candidates: Ids that may be asked, canonical order: not labelled, not leased, not rejected, not quarantined.
        pending: Ids leased at the start of the round, canonical order.
        batch: How many picks are wanted.
        reserve: How many more to rank behind the batch.
        schema: The task's label space, as `LabelSpace.schema()` gives it.
        previous: Folder with the model of the round before, or None.
        workdir: An empty or resumed folder; what the runtime writes there is stored with the round.
        outside: Statistics of a model trained elsewhere, name → (ids, array), or empty.
    """

    round: int
    seed: int
    labelled: Mapping[str, Any]
    test: Mapping[str, Any]
    candidates: Sequence[str]
    pending: Sequence[str]
    batch: int
    reserve: int
    schema: Mapping[str, Any]
    previous: str | None
    workdir: str
    outside: Mapping[str, tuple[Sequence[str], Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What a runtime hands back.

    Attributes:
        ranking: The batch, then the reserve.
        metrics: Name → float on the held-out items (`accuracy`, …), empty without any.
        seconds: `train`, `score`, `select`.
        scored: How many candidates were scored (the sub-pool, or those whose features are ready).
        quarantined: Item id → reason, found unreadable in this round.
        info: JSON-ready facts for the snapshot: resolved spec, fingerprints, model hash, steps, branch taken.
    """

    ranking: Selection
    metrics: Mapping[str, float]
    seconds: Mapping[str, float]
    scored: int
    quarantined: Mapping[str, str] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
