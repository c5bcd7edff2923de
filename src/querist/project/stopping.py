"""When to train again, and when to stop: policies over the progress of a project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from querist.core.contracts import LabelSpace
from querist.core.errors import UsageError
from querist.project.classes import Classes
from querist.store.reading import FREE
from querist.store.verbs import Progress, Store


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be spent: labelled items, hours of active work, money, or units of effort (tokens, boxes, clicks, …); without limit if None.

    Attributes:
        labels: Items labelled.
        hours: Of annotators' active time.
        amount: Of `unit`.
        unit: A currency (`EUR`: what answers were told to cost), or a unit of the task's `LabelSpace.units`.
    """

    labels: int | None = None
    hours: float | None = None
    amount: float | None = None
    unit: str = ""

    @property
    def money(self) -> bool:
        """Whether the unit is a currency."""
        return self.unit.isupper()


def budget(given: str | int | None) -> Budget:
    """Read a budget: `500` labels, `40h` of annotators' active time, `1200EUR`, or `5000 tokens`.

    Raises:
        UsageError: for anything else.
    """
    if given is None:
        return Budget()
    text = str(given).strip()
    if re.fullmatch(r"\d+", text) and int(text) > 0 and not isinstance(given, bool):
        return Budget(labels=int(text))
    if (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*h", text)) and float(match[1]) > 0:
        return Budget(hours=float(match[1]))
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Z]{3})", text) or re.fullmatch(r"(\d+)\s+([a-z]+)", text)
    if match and float(match[1]) > 0:
        return Budget(labels=int(match[1])) if match[2] == "labels" else Budget(amount=float(match[1]), unit=match[2])
    raise UsageError("not a budget", got=text, wanted="labels (500), hours (40h), money (1200EUR), or units of the task (5000 tokens)")


def counted(allowed: Budget, space: LabelSpace) -> None:
    """Check that a task's labels can be counted so.

    Raises:
        UsageError: for a unit that they do not have.
    """
    if allowed.unit and not allowed.money and allowed.unit not in space.units:
        raise UsageError(f"labels of the kind {space.kind} are not counted in {allowed.unit}", got=allowed.unit, wanted=", ".join(space.units))


def spent(store: Store, allowed: Budget, classes: Classes) -> float:
    """How much of a budget's unit was spent: costs that were told, or the effort of everybody's latest word; 0 without a unit.

    What was imported or is implied costs nothing.
    """
    if not allowed.unit:
        return 0.0
    if allowed.money:
        return store.money()
    told = [vote for vote in store.votes() if vote.provenance not in FREE]
    space = classes.space
    values = (space.decode(vote.value, vote.schema_version) for vote in told)
    return sum(space.effort(value)[allowed.unit] for value in values if value is not None)


def wanted(spec: Mapping[str, Any], n: int) -> int:
    """How many labels round `n` asks for before the next update."""
    return int(spec["initial"] if n == 0 else spec["batch"])


def due(progress: Progress, spec: Mapping[str, Any]) -> bool:
    """Is an update due: a batch of newly labelled items, or a ranking (or pool) that is used up?"""
    if progress.fresh >= wanted(spec, progress.round):
        return True
    if not progress.any_left:
        return progress.fresh > 0
    return progress.drained and bool(progress.people)


def reasons(progress: Progress, spec: Mapping[str, Any], metrics: Mapping[str, float], paid: float) -> tuple[str, ...]:
    """Why the project is done; empty while it is not.

    Args:
        progress: Where it stands.
        spec: Its spec.
        metrics: Those of the round in force.
        paid: What was spent of the budget's unit.
    """
    allowed = budget(spec["budget"])
    hours = sum(seconds for _, seconds in progress.people.values()) / 3600
    found = []
    if allowed.labels is not None and progress.answered >= allowed.labels:
        found.append(f"budget: {progress.answered} of {allowed.labels} labels")
    if allowed.hours is not None and hours >= allowed.hours:
        found.append(f"budget: {hours:.1f} of {allowed.hours:g} hours")
    if allowed.amount is not None and paid >= allowed.amount:
        found.append(f"budget: {paid:g} of {allowed.amount:g} {allowed.unit}")
    if spec["target"] is not None and metrics.get("accuracy", 0.0) >= spec["target"]:
        found.append(f"target: accuracy {metrics['accuracy']:.4f} of {spec['target']:g}")
    if spec["rounds"] is not None and progress.round >= spec["rounds"]:
        found.append(f"rounds: {progress.round} of {spec['rounds']}")
    if not progress.any_left:
        found.append("pool: nothing is left to ask")
    return tuple(found)


def status(store: Store, spec: Mapping[str, Any], classes: Classes, now: float) -> dict[str, Any]:
    """Counts and facts, ready for JSON: items by state, rounds, whether an update is due, hours, budget, annotators, and why it is done."""
    allowed = budget(spec["budget"])
    paid = spent(store, allowed, classes)
    progress = store.progress(now)
    metrics = store.rounds()[-1].metrics
    updating = store.holder("update", now)
    return {
        **store.counts(now),
        "rounds": progress.round,
        "due": due(progress, spec),
        "hours": sum(seconds for _, seconds in progress.people.values()) / 3600,
        "budget": spec["budget"],
        "spent": {allowed.unit: paid} if allowed.unit else {},
        "annotators": {name: {"labels": count, "seconds": seconds} for name, (count, seconds) in progress.people.items()},
        "fresh": progress.fresh,
        "metrics": dict(metrics),
        "method": spec["method"],
        "done": list(reasons(progress, spec, metrics, paid)),
        "updating": None if updating is None else f"process {updating.pid} on {updating.host}",
    }
