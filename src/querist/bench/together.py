"""A bench as a whole: what its cells say together. Pure functions of finished studies; nothing here runs or prints.

Methods are ranked within cells by mean AUBC over the seeds that all of them share, averaged over the cells of one data set:
blocks are data sets, for two batch sizes or variants of one set are no two experiments. Ranks hide sizes, so the mean
difference stands beside them. What is void is left out.

Reference: Demšar 2006 (ranks over data sets); Ash et al. 2020, arXiv:1906.03671 (penalty matrix).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from querist.bench import ranks
from querist.bench.across import CellResult, Curves, Groups, Penalty, Rank, Tally, Together
from querist.bench.penalty import Setting, penalty_matrix
from querist.bench.results import Study, Void, mean_areas
from querist.bench.spec import BASELINE
from querist.core.errors import UsageError
from querist.data.datasets import base_name


def cell_result(study: Study, cell: str, marks: Sequence[Void] = ()) -> CellResult:
    """A cell from its study, without times and paths.

    Args:
        study: The study.
        cell: Name of the cell.
        marks: What checks across cells found void in it.
    """
    return CellResult(
        cell=cell,
        dataset=study.dataset,
        metric=str(study.spec.get("metric", "accuracy")),
        split=study.split,
        spec_sha256=study.spec_sha256,
        budgets=study.budgets,
        methods={name: Curves(seeds=found.seeds, curve=found.curve, aubc=found.aubc) for name, found in study.methods.items()},
        comparisons=study.comparisons,
        label_saving=study.label_saving,
        at_budget=study.at_budget,
        gains=study.gains,
        bought=study.bought,
        saturation=None if study.saturation is None else study.saturation.model_copy(update={"training": []}),
        failures=study.failures,
        checks=study.checks,
        void=[*study.void, *marks],
    )


def together(cells: Mapping[str, CellResult]) -> Together:
    """Ranks, tallies and penalties over the cells on which claims may rest.

    Args:
        cells: Name → result.
    """
    counted = [cell for cell in cells.values() if cell.counts]
    listed = list(dict.fromkeys(method for cell in counted for method in cell.methods))
    missing = {method: next((cell.cell for cell in counted if not _runs(cell, method)), None) for method in listed}
    ranked = [method for method in listed if missing[method] is None]
    left_out = {method: f"no finished run in {cell}" for method, cell in missing.items() if cell is not None}
    blocks = list(dict.fromkeys(base_name(cell.dataset) for cell in counted))
    found = Together(
        data_sets=blocks, ranking=[], left_out=left_out, groups=[], penalty=None, tallies=[_tally(counted, method) for method in listed if method != BASELINE]
    )
    if len(ranked) < 2 or not counted:
        return found
    areas = {block: np.array([list(mean_areas(cell.methods, ranked).values()) for cell in counted if base_name(cell.dataset) == block]) for block in blocks}
    scores = np.array([rows.mean(axis=0) for rows in areas.values()])
    places = np.array([ranks.mean_ranks(rows) for rows in areas.values()])
    gaps = {method: _gap(scores, ranked, method) for method in ranked}
    ranking = [
        Rank(
            method=method, mean_rank=float(places[:, column].mean()), ranks=dict(zip(blocks, places[:, column].tolist(), strict=True)), difference=gaps[method]
        )
        for column, method in enumerate(ranked)
    ]
    ranking.sort(key=lambda row: (row.mean_rank, row.method))
    return found.model_copy(update={"ranking": ranking, "groups": _groups(-places, ranked), "penalty": _penalty(counted, ranked)})


def _runs(cell: CellResult, method: str) -> bool:
    return method in cell.methods and bool(cell.methods[method].seeds)


def _gap(scores: np.ndarray, methods: Sequence[str], method: str) -> float | None:
    if BASELINE not in methods:
        return None
    return float((scores[:, methods.index(method)] - scores[:, methods.index(BASELINE)]).mean())


def _tally(cells: Sequence[CellResult], method: str) -> Tally:
    said = [row.verdict for cell in cells for row in cell.comparisons if row.method == method]
    better, equivalent, worse = (said.count(word) for word in ("better", "equivalent", "worse"))
    return Tally(method=method, baseline=BASELINE, wins=better, ties=equivalent, undecided=len(said) - better - equivalent - worse, losses=worse)


def _groups(scores: np.ndarray, methods: Sequence[str]) -> list[Groups]:
    """Both tests of ranks, each where there are enough data sets for it."""
    found = []
    for test in (ranks.ranking_by_nemenyi, ranks.ranking_by_wilcoxon):
        try:
            ranking = test(scores, methods)
        except UsageError:
            continue
        p = None if ranking.omnibus is None else ranking.omnibus.p
        found.append(Groups(test=ranking.test, cliques=[list(group) for group in ranking.cliques], cd=ranking.cd, p=p, n=ranking.n))
    return found


def _penalty(cells: Sequence[CellResult], methods: Sequence[str]) -> Penalty | None:
    settings = [
        Setting(cell.budgets, {name: dict(zip(cell.methods[name].seeds, cell.methods[name].curve, strict=True)) for name in methods})
        for cell in cells
        if _runs(cell, BASELINE)
    ]
    if not settings:
        return None
    found = penalty_matrix(settings, methods)
    return Penalty(methods=list(found.methods), matrix=found.matrix.tolist(), settings=found.settings.tolist())
