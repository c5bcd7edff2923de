"""`querist.select`: a batch from plain arrays, without a project, a pool or a model. Free of torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from querist.acquire import inputs, placing
from querist.acquire.array_view import taken
from querist.acquire.explaining import explained
from querist.acquire.members import Members, view_of
from querist.core import catalogue
from querist.core.contracts import adapted
from querist.core.errors import StatisticError, UsageError
from querist.core.records import Selection
from querist.core.rng import stream
from querist.core.statistic import at_hand
from querist.kernels import budget


def select(
    method: str | Mapping[str, Any] | Any, k: int, *,
    probs: Any = None, features: Any = None, gradients: Any = None, labelled: Any = None, pending: Any = None, ids: Sequence[Any] | None = None,
    costs: Any = None, seed: int = 0, device: str | None = None, max_bytes: int | None = None, labels: Any = None, round: int = 1,
    stats: Mapping[str, Any] | None = None, memory: Mapping[str, Any] | None = None, explain: bool = True, **params: Any,
) -> Selection:  # fmt: skip
    """Choose k rows worth labelling from NumPy arrays, memory-mapped arrays (`np.load(…, mmap_mode="r")`) or torch tensors.

    Nothing is copied where rows are in canonical order of their ids and the labelled ones come first or last; else candidates are gathered once.

    Args:
        method: Catalogue name, import path `module:Class`, a spec `{"use": …}`, or an acquisition.
        k: How many; with fewer candidates, all.
        probs: (n, c) or (n, k, c) class probabilities, float16, float32 or float64.
        features: (n, d).
        gradients: Pair (residual (n, c), feature (n, d)); made from `probs` and `features` if both are given.
        labelled: What has labels: a boolean mask (n,), ids, or the features (m, d) of items that are no rows.
        pending: Rows that are being labelled: a mask or ids.
        ids: One per row; positions by default. The order of the rows changes nothing where they have ids.
        costs: (n,) > 0, what a label costs.
        seed: Root of the random streams.
        device: `cpu` or `cuda`, by default where the features lie; used by the kernels that have a form for it (farthest-first, k-means++).
        max_bytes: Bound on buffers (see `querist.kernels.budget`, which also reports progress); larger gathered rows go to a temporary file.
        labels: Class position of each labelled item in the order of `labelled` (with a mask: also one per row), for methods that count them.
        round: Number of the round, from 1; another round draws anew.
        stats: Further statistics by name, such as `{"boundary_distance": …}`.
        memory: `memory` of the selection before, for a method that learns from round to round (`bandit`); leave nothing out between two calls.
        explain: Name the nearest labelled item of each pick where features and labelled items are given.
        params: Parameters of the method by name; a method inside a wrapper may be given as a catalogue name.

    Returns:
        ids, scores and reasons, most wanted first.

    Raises:
        UsageError: for k < 0, an unknown method, parameter or statistic.
        CapabilityError: if the method needs an array that was not given.
        StatisticError: for arrays of unequal length, NaN, or numbers that are no probabilities.
        UnknownItemError: for a labelled or pending id that is not there.

    Example:
        >>> select("margin", 1, probs=[[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]]).ids
        ('1',)
    """
    _check(k, max_bytes, device)
    acquisition = catalogue.configured(catalogue.acquisition(method), params)
    given = inputs.statistics({"probs": probs, "features": features, "gradients": gradients, "costs": costs}, stats)
    members = Members(inputs.count(given, ids), ids)
    acquisition = adapted(acquisition, at_hand(given))
    inputs.require(str(method) if isinstance(method, str) else type(acquisition).__name__, acquisition.needs, given)
    with bounded(max_bytes), placing.on(_device(device, features, gradients)):
        with _checked(acquisition, given):
            view = view_of(members, given, labelled, pending, labels, round, max_bytes)
            view.memory = memory
            chosen: Selection = acquisition.select(view, min(int(k), len(view.candidates)), stream(seed, round, "select"))
    if not explain:
        return chosen
    near = "features" in given and len(view.labelled) > 0
    return explained(chosen, view, taken(given["features"], members.rows_of(chosen.ids, "picks"), None) if near else None)


@contextmanager
def _checked(acquisition: Any, stats: Mapping[str, Any]) -> Iterator[None]:
    """What the acquisition reads is looked at before, or, where its score does that anyway, while it is scored: that saves a pass over it."""
    certifies = bool(getattr(acquisition, "certifies", False)) and acquisition.needs == {"probs"} and stats["probs"].shape[1] == 1
    if not certifies:
        inputs.check(stats, acquisition.needs)
    try:
        yield
    except StatisticError:
        if certifies:  # the check names the row and what is wrong with it
            inputs.check(stats, acquisition.needs)
        raise


def _check(k: Any, max_bytes: int | None, device: str | None) -> None:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 0:
        raise UsageError("select takes the number of picks", got=repr(k), wanted="a whole number ≥ 0")
    if max_bytes is not None and max_bytes <= 0:
        raise UsageError("max_bytes is a number of bytes", got=max_bytes, wanted="a whole number > 0")
    if device is not None and device.partition(":")[0] not in ("cpu", "cuda"):
        raise UsageError("unknown device", got=device, wanted="cpu or cuda")


def _device(device: str | None, features: Any, gradients: Any) -> str | None:
    """The GPU that was asked for or on which the given tensors lie; None is NumPy."""
    parts = (features, *(gradients if isinstance(gradients, list | tuple) else ()))
    found = device or next((str(part.device) for part in parts if bool(getattr(part, "is_cuda", False))), "cpu")
    return found if found.startswith("cuda") else None


def bounded(max_bytes: int | None) -> AbstractContextManager[object]:
    """The kernels' budget: a new one for another bound, else the one in force, so that whoever set it sees what is spent."""
    return nullcontext() if max_bytes in (None, budget.current().max_bytes) else budget.limit(max_bytes)
