"""What `querist.select` takes from outside: arrays, memory-mapped arrays and torch tensors, checked in blocks and never copied whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.contracts import STATISTICS
from querist.core.errors import CapabilityError, StatisticError, UsageError
from querist.core.statistic import at_hand
from querist.kernels import budget
from querist.kernels.simplex import first_improper, tolerance

_SHAPE = re.compile(r"\((n,[^)]*)\)")
"""The shape of a statistic as `STATISTICS` writes it."""


def array(value: Any, name: str) -> NDArray[Any]:
    """An array of numbers with one row per item; a torch tensor on the CPU shares its memory, one on a GPU is copied down.

    Raises:
        StatisticError: for anything but numbers, or a single number.
    """
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        tensor = value.detach().cpu()
        value = tensor.float().numpy() if str(tensor.dtype) == "torch.bfloat16" else tensor.numpy()
    found: NDArray[Any] = np.asanyarray(value)
    if found.dtype.kind not in "biuf" or found.ndim == 0:
        raise StatisticError(f"{name} are no rows of numbers", got=f"dtype {found.dtype}, shape {found.shape}", wanted=STATISTICS.get(name, "numbers"))
    return found


def statistics(given: Mapping[str, Any], more: Mapping[str, Any] | None) -> dict[str, Any]:
    """Statistic → array or pair, shapes checked, values not yet looked at.

    Args:
        given: The named arguments; None is not given.
        more: Further statistics by name.

    Raises:
        UsageError: for an unknown statistic, or one that was given twice.
        StatisticError: for a wrong shape.
    """
    named = {name: value for name, value in given.items() if value is not None}
    for name, value in (more or {}).items():
        if name not in STATISTICS or name in named:
            raise UsageError(f"{'unknown statistic' if name not in STATISTICS else 'given twice:'} {name!r}", wanted=", ".join(STATISTICS))
        named[name] = value
    found: dict[str, Any] = {}
    for name, value in named.items():
        if name == "gradients":
            found[name] = _pair(value)
            continue
        one = array(value, name)
        wide = one[:, None] if name == "probs" and one.ndim == 2 else one
        shape = _SHAPE.search(STATISTICS[name])
        if shape is not None and wide.ndim != len(shape[1].rstrip(",").split(",")):
            raise StatisticError(f"{name} has the wrong shape", got=one.shape, wanted="(n, c) or (n, k, c)" if name == "probs" else shape[0])
        found[name] = wide
    return found


def count(stats: Mapping[str, Any], ids: Sequence[Any] | None) -> int:
    """Number of rows.

    Raises:
        StatisticError: if the arrays do not agree on it.
        UsageError: if there is nothing to count.
    """
    lengths = {name: len(value[0]) if isinstance(value, tuple) else len(value) for name, value in stats.items()}
    if ids is not None:
        lengths["ids"] = len(ids)
    if len(set(lengths.values())) > 1:
        raise StatisticError("the arrays have different numbers of rows", got=lengths, wanted="one row per item in each")
    if not lengths:
        raise UsageError("select needs arrays or ids", hint="Pass probs=…, features=… or ids=….")
    return next(iter(lengths.values()))


def require(method: str, needs: frozenset[str], stats: Mapping[str, Any]) -> None:
    """Say which input a method lacks and what could provide it.

    Raises:
        CapabilityError: naming the first.
    """
    missing = sorted(needs - at_hand(stats))
    if missing:
        raise CapabilityError(f"{method} needs {missing[0]}", got=", ".join(stats) or "no arrays", wanted=", ".join(sorted(needs)), hint=_providers(missing[0]))


def check(stats: Mapping[str, Any], needs: frozenset[str]) -> None:
    """Look at the values of probabilities and costs that will be read; what a method computes from the others it checks itself.

    Raises:
        StatisticError: naming the first bad row.
    """
    if "probs" in stats and needs & {"probs", "gradients"} and not (needs == {"gradients"} and "gradients" in stats):
        _distributions(stats["probs"])
    if "costs" in needs:
        bad = np.flatnonzero(~((stats["costs"] > 0) & np.isfinite(stats["costs"])))
        if len(bad):
            raise StatisticError(f"the cost of row {bad[0]} is no price", got=stats["costs"][bad[0]], wanted="a number > 0")


def _pair(value: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    parts = tuple(array(part, "gradients") for part in value) if isinstance(value, list | tuple) else (array(value, "gradients"),)
    if len(parts) != 2 or any(part.ndim != 2 for part in parts) or len(parts[0]) != len(parts[1]):
        raise StatisticError("gradients come factorised", got=[part.shape for part in parts], wanted="a pair: residual (n, c), feature (n, d)")
    return parts[0], parts[1]


def _distributions(probs: NDArray[Any]) -> None:
    """Every row of every posterior sample is ≥ 0 and sums to 1."""
    row = first_improper(probs, tolerance(probs.dtype))
    budget.current().read(len(probs), len(probs))
    if row is not None:
        wrong = np.asarray(probs[row], dtype=np.float64)
        hint = "Logits are no probabilities: apply a softmax." if (wrong < 0).any() else None
        sums = wrong.sum(axis=1)
        got = f"sum {sums[np.abs(sums - 1).argmax()]:.4g}, least {wrong.min():.4g}"
        raise StatisticError(f"row {row} of probs is no distribution", got=got, wanted="numbers ≥ 0 that sum to 1", hint=hint)


def _providers(name: str) -> str:
    if name == "gradients":
        return "Pass gradients=… (--gradients FILE), or probs=… and features=…, from which they follow."
    if name in ("probs", "features", "costs"):
        return f"Pass {name}=… (--{name} FILE): {STATISTICS[name]}."
    return f"Pass stats={{{name!r}: …}} (--statistic {name}=FILE): {STATISTICS.get(name, 'numbers')}. In a project the learner computes it."
