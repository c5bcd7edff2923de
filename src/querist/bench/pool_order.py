"""Whether a method picks the same items in whatever order the pool comes: one small selection each way, by id.

Numbers are drawn, so that nothing ties. Methods that draw must draw in the canonical order of ids, so they are held to it too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np

from querist.acquire.arrays import select
from querist.bench.results import Check, Void
from querist.bench.selfchecks import POOL_ORDER, Found
from querist.core import catalogue
from querist.core.contracts import adapted
from querist.core.rng import stream

N, K, LABELLED, CLASSES, SAMPLES, WIDTH = 60, 8, 9, 3, 4, 6
_NAMED: Final = ("probs", "features", "gradients", "costs")


def pool_order(methods: Iterable[tuple[str, str | Mapping[str, Any]]]) -> Found:
    """Check methods; those that need other statistics than probabilities, features, gradients and costs are counted as not checked.

    Args:
        methods: Pairs of a name and what it stands for; see `StudySpec.strategy`.
    """
    seen: Mapping[str, tuple[bool | None, str]] = {name: _same_picks(json.dumps(method)) for name, method in methods}
    void = tuple(Void(check=POOL_ORDER, reason=why, method=method) for method, (same, why) in seen.items() if same is False)
    left = [f"{method}: {why}" for method, (same, why) in seen.items() if same is None]
    held = sum(same is True for same, _ in seen.values())
    said = f"{held} of {len(seen)} methods picked the same items" + (f"; not checked: {'; '.join(left)}" if left else "")
    if void:
        return Found((Check(name=POOL_ORDER, verdict="violated", detail=f"{', '.join(str(mark.method) for mark in void)}; {said}"),), void)
    return Found((Check(name=POOL_ORDER, verdict="holds" if held else "not checked", detail=said),))


@cache
def _same_picks(text: str) -> tuple[bool | None, str]:
    method: Any = json.loads(text)
    try:
        needs = adapted(catalogue.acquisition(method), frozenset(_NAMED)).needs
        if missing := sorted(needs - set(_NAMED)):
            return None, f"needs {missing[0]}"
        arrays = {name: value for name, value in _statistics().items() if name in needs}
        plain, moved = _picks(method, arrays, np.arange(N)), _picks(method, arrays, stream(1, 0, "oracle").permutation(N))
    except Exception as error:  # a strategy of somebody's own may raise anything; its runs will say so too
        return None, f"{type(error).__name__}: {error}"
    return (True, "") if plain == moved else (False, f"other items where the pool comes in another order: {_first_other(plain, moved)}")


def _picks(method: str | Mapping[str, Any], arrays: Mapping[str, Any], order: np.ndarray) -> tuple[str, ...]:
    ids = np.array([f"item-{row}" for row in range(N)])
    given: dict[str, Any] = {name: tuple(part[order] for part in value) if isinstance(value, tuple) else value[order] for name, value in arrays.items()}
    labels = np.arange(LABELLED) % CLASSES
    return select(method, K, ids=ids[order].tolist(), labelled=ids[:LABELLED].tolist(), labels=labels, round=2, explain=False, **given).ids


def _first_other(plain: tuple[str, ...], moved: tuple[str, ...]) -> str:
    return next(
        (f"pick {place} was {one}, then {other}" for place, (one, other) in enumerate(zip(plain, moved, strict=False), start=1) if one != other), "fewer"
    )


@cache
def _statistics() -> Mapping[str, Any]:
    rng = stream(0, 0, "oracle")
    logits = rng.normal(size=(N, 1, CLASSES)) + 0.7 * rng.normal(size=(N, SAMPLES, CLASSES))
    probs = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    features = rng.normal(size=(N, WIDTH))
    mean = probs.mean(axis=1)
    residual = mean - np.eye(CLASSES)[mean.argmax(axis=1)]
    return {"probs": probs, "features": features, "gradients": (residual, features), "costs": rng.uniform(1, 3, N)}
