"""When to train again, and when to stop: policies over the progress of a project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from querist.core.errors import UsageError
from querist.store.verbs import Progress, Store


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be spent: labelled items, or hours of active work, or both without limit."""

    labels: int | None = None
    hours: float | None = None


def budget(given: str | int | None) -> Budget:
    """Read a budget: `500` labels or `40h` of annotators' active time.

    Raises:
        UsageError: for anything else, and for money, which is not counted yet.
    """
    if given is None:
        return Budget()
    text = str(given).strip()
    if re.fullmatch(r"\d+", text) and int(text) > 0 and not isinstance(given, bool):
        return Budget(labels=int(text))
    if (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*h", text)) and float(match[1]) > 0:
        return Budget(hours=float(match[1]))
    if re.fullmatch(r"\d+(?:\.\d+)?\s*[A-Z]{3}", text):
        raise UsageError("budgets in money are reserved for a later version", got=text, wanted="labels (500) or hours (40h)")
    raise UsageError("not a budget", got=text, wanted="labels (500) or hours (40h)")


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


def reasons(progress: Progress, spec: Mapping[str, Any], metrics: Mapping[str, float]) -> tuple[str, ...]:
    """Why the project is done; empty while it is not.

    Args:
        progress: Where it stands.
        spec: Its spec.
        metrics: Those of the round in force.
    """
    allowed = budget(spec["budget"])
    hours = sum(seconds for _, seconds in progress.people.values()) / 3600
    found = []
    if allowed.labels is not None and progress.answered >= allowed.labels:
        found.append(f"budget: {progress.answered} of {allowed.labels} labels")
    if allowed.hours is not None and hours >= allowed.hours:
        found.append(f"budget: {hours:.1f} of {allowed.hours:g} hours")
    if spec["target"] is not None and metrics.get("accuracy", 0.0) >= spec["target"]:
        found.append(f"target: accuracy {metrics['accuracy']:.4f} of {spec['target']:g}")
    if spec["rounds"] is not None and progress.round >= spec["rounds"]:
        found.append(f"rounds: {progress.round} of {spec['rounds']}")
    if not progress.any_left:
        found.append("pool: nothing is left to ask")
    return tuple(found)


def status(store: Store, spec: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Counts and facts, ready for JSON: items by state, rounds, whether an update is due, hours, budget, annotators, and why it is done."""
    progress = store.progress(now)
    metrics = store.rounds()[-1].metrics
    updating = store.holder("update", now)
    return {
        **store.counts(now),
        "rounds": progress.round,
        "due": due(progress, spec),
        "hours": sum(seconds for _, seconds in progress.people.values()) / 3600,
        "budget": spec["budget"],
        "annotators": {name: {"labels": count, "seconds": seconds} for name, (count, seconds) in progress.people.items()},
        "fresh": progress.fresh,
        "metrics": dict(metrics),
        "method": spec["method"],
        "done": list(reasons(progress, spec, metrics)),
        "updating": None if updating is None else f"process {updating.pid} on {updating.host}",
    }
