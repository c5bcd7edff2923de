"""Does the order of frozen strategies hold on a data set that it was not made from? Ranks of several studies, each data set left out in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from querist.bench.ranks import mean_ranks
from querist.bench.results import Study, common_seeds, mean_areas
from querist.core.errors import UsageError
from querist.kernels.agreement import spearman


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One data set against the others.

    Attributes:
        dataset: The data set left out.
        ranks: Method → rank there, 1 is best; means over its studies.
        others: Method → mean rank over the other data sets.
        spearman: Correlation of the two; None below three methods, or where all tie.
        choice: The method that the others would have one take.
        rank_of_choice: Its rank here.
        regret: Area under the budget curve of the best method here minus that of the choice, mean over the studies here.
    """

    dataset: str
    ranks: Mapping[str, float]
    others: Mapping[str, float]
    spearman: float | None
    choice: str
    rank_of_choice: float
    regret: float


@dataclass(frozen=True, slots=True)
class Stability:
    """Ranks over data sets.

    Attributes:
        studies: Study → data set.
        methods: Methods that all studies have, best mean rank first.
        left_aside: Methods that some study lacks.
        mean_ranks: Method → mean rank over all data sets.
        ranges: Method → smallest and largest mean rank when one data set is left out.
        left_out: One row a data set.
        mean_spearman: Mean over the rows that have one.
    """

    studies: Mapping[str, str]
    methods: tuple[str, ...]
    left_aside: tuple[str, ...]
    mean_ranks: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]
    left_out: tuple[LeftOut, ...]
    mean_spearman: float | None


def stability(studies: Sequence[Study]) -> Stability:
    """Ranks by mean area under the budget curve, over the seeds that all methods of a study share; ties share their mean rank.

    Args:
        studies: At least two, of at least two data sets.

    Raises:
        UsageError: for fewer, or without two methods in common.
    """
    datasets = list(dict.fromkeys(study.dataset for study in studies))
    if len(datasets) < 2:
        raise UsageError("ranks need studies of two data sets", got=", ".join(datasets) or "none", wanted="two or more; three to say something")
    common = [name for name in studies[0].methods if all(name in study.methods and study.methods[name].seeds for study in studies)]
    if len(common) < 2:
        raise UsageError("the studies have too few methods in common", got=", ".join(common) or "none", wanted="two or more")
    areas = [_areas(study, common) for study in studies]
    ranked = [mean_ranks([[area[name] for name in common]]) for area in areas]
    table = np.array([np.mean([row for row, study in zip(ranked, studies, strict=True) if study.dataset == name], axis=0) for name in datasets])
    means = table.mean(axis=0)
    without = np.array([np.delete(table, place, axis=0).mean(axis=0) for place in range(len(datasets))])
    rows = []
    for place, name in enumerate(datasets):
        here = [area for area, study in zip(areas, studies, strict=True) if study.dataset == name]
        choice = common[int(np.argmin(without[place]))]
        regret = float(np.mean([max(area.values()) - area[choice] for area in here]))
        rows.append(LeftOut(name, _named(common, table[place]), _named(common, without[place]), _spearman(table[place], without[place]), choice,
                            float(table[place][common.index(choice)]), regret))  # fmt: skip
    known = [row.spearman for row in rows if row.spearman is not None]
    order = sorted(range(len(common)), key=lambda column: (means[column], common[column]))
    return Stability(
        studies={_label(study, place): study.dataset for place, study in enumerate(studies)},
        methods=tuple(common[column] for column in order),
        left_aside=tuple(dict.fromkeys(name for study in studies for name in study.methods if name not in common)),
        mean_ranks=_named(common, means),
        ranges={name: (float(without[:, column].min()), float(without[:, column].max())) for column, name in enumerate(common)},
        left_out=tuple(rows),
        mean_spearman=float(np.mean(known)) if known else None,
    )


def _areas(study: Study, methods: Sequence[str]) -> dict[str, float]:
    if not common_seeds(study.methods, methods):
        raise UsageError("the methods of a study share no seed", got=study.study, hint="Finish the study first.")
    return mean_areas(study.methods, methods)


def _spearman(first: Any, second: Any) -> float | None:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return spearman(first, second)


def _named(names: Sequence[str], values: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _label(study: Study, place: int) -> str:
    return f"{study.study} ({study.out})" if study.out else f"{study.study} {place}"
