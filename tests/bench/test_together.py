"""What cells say together, on numbers that a reader can follow."""

import pytest

from querist.bench.across import CellResult, Curves
from querist.bench.results import Comparison, Void
from querist.bench.together import together


def comparison(method, verdict):
    return Comparison(method=method, baseline="random", measure="aubc", difference=0, low=None, high=None, n=5, p=None, verdict=verdict)


def cell(name, areas, verdicts=(), seeds=(0, 1), void=()):
    methods = {
        method: Curves(seeds=list(seeds), curve=[[area + seed / 1000, area + seed / 1000] for seed in seeds], aubc=[area + seed / 1000 for seed in seeds])
        for method, area in areas.items()
    }
    return CellResult(
        cell=name, dataset=name.partition(".")[0], metric="accuracy", split="development", spec_sha256="", budgets=[10, 20], methods=methods,
        comparisons=[comparison(*row) for row in verdicts], label_saving=[], at_budget=[], saturation=None, failures=[], checks=[], void=list(void),
    )  # fmt: skip


def whole(*cells):
    return together({one.cell: one for one in cells})


def test_cells_of_one_data_set_are_one_block_and_so_are_its_variants():
    found = whole(
        cell("digits.b5", {"random": 0.5, "margin": 0.7, "badge": 0.6}),
        cell("digits+noise10.b5", {"random": 0.5, "margin": 0.4, "badge": 0.6}),
        cell("wine.b5", {"random": 0.5, "margin": 0.7, "badge": 0.6}),
    )
    assert found.data_sets == ["digits", "wine"]
    ranks = {row.method: row for row in found.ranking}
    assert ranks["margin"].ranks == {"digits": 2.0, "wine": 1.0} and ranks["margin"].mean_rank == 1.5
    assert ranks["badge"].ranks == {"digits": 1.5, "wine": 2.0} and ranks["random"].mean_rank == pytest.approx((2.5 + 3) / 2)
    assert ranks["margin"].difference == pytest.approx((0.05 + 0.2) / 2) and ranks["random"].difference == 0
    assert [row.method for row in found.ranking] == ["margin", "badge", "random"]
    assert [group.test for group in found.groups] == ["Nemenyi"], "two data sets are too few for Wilcoxon"


def test_only_shared_seeds_are_ranked():
    one = cell("digits", {"margin": 0.6})
    plain = Curves(seeds=[0, 1, 2, 3], curve=[[0.5, 0.5], [0.5, 0.5], [0.9, 0.9], [0.9, 0.9]], aubc=[0.5, 0.5, 0.9, 0.9])
    found = whole(one.model_copy(update={"methods": {"random": plain, **one.methods}}))
    assert [row.method for row in found.ranking] == ["margin", "random"]


def test_a_method_without_a_run_somewhere_is_not_ranked_and_named():
    found = whole(cell("digits", {"random": 0.5, "margin": 0.7, "badge": 0.6}), cell("wine", {"random": 0.5, "badge": 0.6}))
    assert found.left_out == {"margin": "no finished run in wine"} and {row.method for row in found.ranking} == {"random", "badge"}
    assert found.penalty.methods == ["random", "badge"] and found.penalty.settings[0][1] == 2


def test_void_cells_say_nothing_and_void_runs_leave_the_cell_standing():
    good = cell("digits", {"random": 0.5, "margin": 0.7}, [("margin", "better")])
    bad = cell("wine", {"random": 0.9, "margin": 0.1}, [("margin", "worse")], void=[Void(check="x", reason="y")])
    one = cell("iris", {"random": 0.5, "margin": 0.5}, [("margin", "no verdict")], void=[Void(check="x", reason="y", method="margin", seed=3)])
    found = whole(good, bad, one)
    assert found.data_sets == ["digits", "iris"]
    assert [(row.wins, row.ties, row.undecided, row.losses) for row in found.tallies] == [(1, 0, 1, 0)]
    assert found.penalty.settings == [[0, 2], [2, 0]]
    alone = whole(bad)
    assert (alone.ranking, alone.data_sets, alone.penalty, alone.tallies) == ([], [], None, [])


def test_verdicts_are_counted_as_they_stand():
    words = ["better", "equivalent", "no difference shown", "no verdict", "worse", "better"]
    found = whole(*(cell(f"digits.b{place}", {"random": 0.5, "margin": 0.6}, [("margin", word)]) for place, word in enumerate(words)))
    (tally,) = found.tallies
    assert (tally.method, tally.baseline, tally.wins, tally.ties, tally.undecided, tally.losses) == ("margin", "random", 2, 1, 2, 1)


def test_the_matrix_says_who_beats_whom():
    found = whole(cell("digits", {"random": 0.5, "margin": 0.7}, seeds=(0, 1, 2)), cell("wine", {"random": 0.5, "margin": 0.5}, seeds=(0, 1, 2)))
    place = found.penalty.methods.index
    assert found.penalty.matrix[place("margin")][place("random")] == 1.0 and found.penalty.matrix[place("random")][place("margin")] == 0.0
