"""Ranks with each data set left out: by hand on three small studies."""

from __future__ import annotations

import pytest

from querist.bench.rank_stability import stability
from querist.bench.results import MethodResult, Seconds, Study, common_seeds, mean_areas
from querist.core.errors import UsageError


def study(dataset, seeds=(0, 1), **areas):
    methods = {
        name: MethodResult(seeds=list(seeds), metric="accuracy", curve=[[area]] * len(seeds), aubc=[area] * len(seeds), seconds=Seconds())
        for name, area in areas.items()
    }
    return Study(study=dataset, dataset=dataset, spec_sha256="", budgets=[1], methods=methods, comparisons=[], label_saving=[], out="", report="")


def test_by_hand():
    found = stability(
        [study("x", random=0.1, m=0.3, n=0.2), study("y", random=0.1, m=0.3, n=0.2, extra=0.9), study("z", random=0.5, m=0.2, n=0.4)],
    )
    assert found.methods == ("m", "n", "random") and found.left_aside == ("extra",)
    assert found.mean_ranks == pytest.approx({"random": 7 / 3, "m": 5 / 3, "n": 2.0})
    x, _, z = found.left_out
    assert (x.dataset, x.ranks, x.others) == ("x", {"random": 3, "m": 1, "n": 2}, {"random": 2, "m": 2, "n": 2})
    assert x.spearman is None, "the others tie: there is no correlation"
    assert (z.choice, z.rank_of_choice, z.spearman) == ("m", 3, pytest.approx(-1.0)) and z.regret == pytest.approx(0.3)
    assert found.ranges["n"] == (2, 2) and found.ranges["m"] == (1, 2) and found.mean_spearman == pytest.approx(-1.0)


def test_studies_of_one_data_set_are_left_out_together_and_seeds_are_shared():
    found = stability([study("x", random=0.1, m=0.3), study("x", random=0.3, m=0.1), study("y", random=0.1, m=0.3)])
    assert [row.dataset for row in found.left_out] == ["x", "y"]
    assert found.left_out[0].ranks == {"random": 1.5, "m": 1.5} and found.left_out[1].others == {"random": 1.5, "m": 1.5}
    apart = study("y", random=0.1, m=0.3)
    apart.methods["m"].seeds[:] = [7, 8]
    with pytest.raises(UsageError, match="share no seed"):
        stability([study("x", random=0.1, m=0.3), apart])


@pytest.mark.parametrize("studies", [[study("x", random=1, m=1)], [study("x", random=1, m=1), study("y", random=1, n=1)]])
def test_too_little_to_compare(studies):
    with pytest.raises(UsageError):
        stability(studies)


def test_areas_are_means_over_the_seeds_that_all_have():
    runs = study("x", seeds=(0, 1, 2), random=0.0, m=0.0).methods
    runs["random"].aubc[:], runs["m"].aubc[:], runs["m"].seeds[:] = [0.1, 0.3, 0.9], [0.4, 0.6, 0.0], [0, 1, 7]
    assert common_seeds(runs, runs) == [0, 1]
    assert mean_areas(runs, runs) == pytest.approx({"random": 0.2, "m": 0.5})
    runs["m"].seeds[:] = [7, 8, 9]
    assert common_seeds(runs, runs) == [] and mean_areas(runs, runs) == pytest.approx({"random": 1.3 / 3, "m": 1.0 / 3})
