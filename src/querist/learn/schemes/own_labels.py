"""What schemes share in which a network labels for its successor: one pass over the pool, and the choice among what it saw."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.rng import Streams
from querist.kernels.pacing import capped
from querist.learn.device import evaluating
from querist.learn.layout import layout
from querist.learn.programme import PART, Group, Hook, Programme, Setting
from querist.learn.task import TaskHead
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import Network

OWN = 7 * PART
"""Added to a member's number for the stream that these schemes draw from."""


@dataclass(frozen=True)
class Swept:
    """What a network says of a part of the pool.

    Attributes:
        places: In the pool (m,), ascending.
        output: (m, c), or (m, …) with many sites.
        features: (m, d), what the head read; empty unless asked for.
    """

    places: NDArray[np.int64]
    output: Tensor
    features: Tensor


def beside(made: Programme, setting: Setting, share: float, act: Callable[[Training], None], times: int = 1) -> Programme:
    """The programme with pseudo-labelled items beside the labelled ones of a step, not instead of them.

    Args:
        made: The inner programme.
        setting: What it was written for.
        share: Pseudo-labelled items of a step, times the labelled ones.
        act: Gives them.
        times: How often in the training stage.
    """
    stage = made.stage()
    few = min(stage.batch, len(setting.data.y))
    groups = (Group(stage.batch, tuple(range(len(setting.data.y)))), Group(max(round(share * few), 1)))
    return made.with_stage(dataclasses.replace(stage, groups=stage.groups or groups, hooks=(*stage.hooks, Hook(act, times))))


def drawn(streams: Streams) -> np.random.Generator:
    """The stream of the choice."""
    return streams.of(streams.member + OWN)("auxiliary")


def swept(network: Network, pool: Unlabelled, rng: np.random.Generator, most: int, *, features: bool = False) -> Swept:
    """One pass in eval mode over at most so many items, drawn at random where there are more."""
    places = np.arange(len(pool)) if len(pool) <= most else np.sort(rng.choice(len(pool), most, replace=False))
    kept, outputs, read = [], [], []
    with evaluating(network), torch.no_grad():
        for part, x in pool.sweep(places):
            hidden = network.trunk(layout(x))
            kept.append(part)
            outputs.append(network.head(hidden))
            described = hidden if network.describe is None else network.describe(hidden)
            read.append(described if features else described[:, :0])
    if not kept:
        return Swept(np.empty(0, dtype=np.int64), torch.empty(0, network.last.out_features if network.describe is None else 0), torch.empty(0, 0))
    return Swept(np.concatenate(kept), torch.cat(outputs), torch.cat(read))


def of_predecessor(setting: Setting, rng: np.random.Generator, most: int) -> Swept | None:
    """What the network of the round before says of a part of the pool; None in the first round, and without a pool."""
    pool, before = setting.data.pool, setting.data.before
    return None if pool is None or before is None or before.network is None else swept(before.network, pool, rng, most)


def chosen(task: TaskHead, seen: Swept, rows: NDArray[np.int64], rng: np.random.Generator, most: int, most_of_one: int) -> NDArray[np.int64]:
    """Of these rows so many at most, and of an answer that is one of few (a class) so many; a random part, so that the rest is not left out for its place."""
    order = rng.permutation(rows)
    answers = task.pseudo(seen.output[torch.from_numpy(order)])[0]
    classes = None if answers.is_floating_point() or answers.ndim > 1 else answers.numpy()
    return capped(order, classes, most, most_of_one)


def give(training: Training, seen: Swept, rows: NDArray[np.int64], weight: NDArray[np.float64] | None = None) -> None:
    """Train on the network's own answers for these rows from now on, and note how many there are."""
    pool: Any = training.setting.data.pool
    training.notes["pseudo_labels"] = float(len(rows))
    if not len(rows):
        training.give(torch.empty(0), torch.empty(0))
        return
    parts = list(pool.sweep(seen.places[rows]))
    there = np.flatnonzero(np.isin(seen.places[rows], np.concatenate([places for places, _ in parts])))
    answers, _ = training.setting.task.pseudo(seen.output[torch.from_numpy(rows[there])])
    training.give(torch.cat([x for _, x in parts]), answers, None if weight is None else torch.from_numpy(weight[there]).float())
