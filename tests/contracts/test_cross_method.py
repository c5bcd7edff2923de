"""Twelve properties that hold across methods, each over every strategy and wrapper of the catalogue that promises it.

 1  min(k, n) distinct candidates, the same for a seed     `test_acquisitions.py`: the contract and `test_only_declared_methods_depend_on_the_seed`
 2  the order of the pool changes nothing                  here without ids; with ids `acquire/test_select_everywhere.py`
 3  nor does the size of chunks                            here for the kernels' constants; `acquire/test_select_everywhere.py` for `max_bytes`
 4  float32 and float64 agree                              here; devices in `acquire/test_placing.py`
 5  degenerate pools                                       the contract; here a thousand classes, one sample, NaN of labelled and pending items
 6  nothing global changes                                 here; the network itself: `learn/test_computed.py`, the inference contract
 7  labels of candidates are out of reach                  here; the learner's side: `learn/test_poison.py`
 8  special cases are the methods they should be           beside each method (list at `SPECIAL`); here the ones across families
 9  the first picks are those of a smaller batch           `test_acquisitions.py`; here that all who should promise it do
10  diverse methods visit tight clusters                   here, 90 % of twenty
11  no copy is bought before the distinct ones are covered here, with top-k BALD as the contrast
12  memory is bounded                                      here; see also `acquire/test_select_memory.py`
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_acquisitions import strategies as every_strategy

import querist
from querist import kernels
from querist.acquire import array_view, checks
from querist.acquire.served import kinds
from querist.core import catalogue
from querist.core.errors import QueristError
from querist.core.records import Selection
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def strategies(trait: str | None = None, *, having: bool = True) -> list[Any]:
    """Those that serve items of one class each: their arrays have a row an item, which can be permuted and cut."""
    return [row for row in every_strategy(trait, having=having) if "classification" in kinds(catalogue.row(str(row.values[0])))]


Peak = Callable[[Callable[[], object]], int]

EVERY = pytest.mark.parametrize("name", strategies())


def without(dear: str) -> Any:
    """Every row, one of them only in the slow run."""
    return pytest.mark.parametrize(
        "name", [pytest.param(*row.values, marks=[*row.marks, *[pytest.mark.slow] * (row.values[0] == dear)]) for row in strategies()]
    )


CHEAP = without("refine")
"""Refine runs eight of the others dozens of times."""
FIXED = pytest.mark.parametrize("name", [row for row in strategies("stochastic", having=False) if row.values[0] != "vote"])
"""Methods without draws. A vote adds whole points, so it is never free of ties; they go by canonical order, which a permutation leaves behind."""


def pick(name: str, view: Any, k: int, seed: int = 0) -> Selection:
    chosen: Selection = catalogue.acquisition(name).select(view, k, stream(seed, 1, "select"))
    return chosen


def bare(view: FakeView) -> FakeView:
    return dataclasses.replace(view, labelled=[], pending=[], labels=[])


def changed(view: FakeView, change: Callable[[np.ndarray], np.ndarray]) -> FakeView:
    """The view with the same change in every statistic of every group."""
    return dataclasses.replace(view, stats={of: {name: each(value, change) for name, value in named.items()} for of, named in view.stats.items()})


def each(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    return tuple(map(change, value)) if isinstance(value, tuple) else change(value)


def agree(one: Selection, other: Selection) -> None:
    assert one.ids == other.ids
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-4, atol=1e-5)


# ==== 2, 3, 4: nothing depends on order, chunks or precision ====


@FIXED
def test_rows_in_any_order_give_the_same_batch(name: str) -> None:
    view = FakeView.random(n=60, k=6)
    agree(pick(name, view.take(stream(1, 0, "oracle").permutation(60)), 8), pick(name, view, 8))


CHUNKS = ("ROWS", "ELEMENTS", "BLOCK", "PAIRS", "ITEMS", "BUFFERS")


def chunk_sizes() -> Iterator[tuple[Any, str]]:
    """Every constant that says how much is looked at together."""
    for found in pkgutil.iter_modules(kernels.__path__):
        if found.name != "on_torch":
            module = importlib.import_module(f"querist.kernels.{found.name}")
            yield from ((module, name) for name in CHUNKS if isinstance(getattr(module, name, None), int))
    yield from ((checks, "BLOCK"), (array_view, "STEP"))


@CHEAP
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 7, pytest.param(64, marks=pytest.mark.slow)])
def test_chunks_of_any_size_give_the_same_batch(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    view = FakeView.random(n=50, k=3)
    whole = pick(name, view, 6)
    places = list(chunk_sizes())
    assert len(places) > 12
    for module, constant in places:
        monkeypatch.setattr(module, constant, size)
    agree(pick(name, view, 6), whole)


@CHEAP
def test_float32_and_float64_give_the_same_batch(name: str) -> None:
    """Values that differ by less than float32 can tell: the wider ones decide nothing but ties, and there are none."""
    narrow = FakeView.random(n=80, k=6)
    rng = stream(2, 0, "oracle")
    wide = changed(narrow, lambda x: x.astype(np.float64) * (1 + rng.uniform(-2e-8, 2e-8, size=x.shape)))
    chosen, again = pick(name, narrow, 8), pick(name, wide, 8)
    if name == "discriminative":  # hundreds of training steps multiply the last digit; what it picks is still as surely unlabelled
        np.testing.assert_allclose(sorted(chosen.scores), sorted(again.scores), atol=0.05)
    else:
        agree(chosen, again)


# ==== 5: degenerate pools ====


# The full information of a thousand classes has a thousand rows for every candidate and takes minutes: see `test_bait.py::test_many_classes`.
@pytest.mark.parametrize("name", [row for row in strategies() if row.values[0] != "bait"])
def test_a_thousand_classes_and_a_single_sample(name: str) -> None:
    chosen = pick(name, FakeView.random(n=25, c=1000, k=1, d=1), 6)
    assert len(set(chosen.ids)) == 6 and np.isfinite(chosen.scores).all()


def poisoned(x: np.ndarray) -> np.ndarray:
    out = x.copy()
    out[1] = np.nan
    return out


@EVERY
@pytest.mark.parametrize("of", ["labelled", "pending"])
def test_nan_of_an_item_that_is_no_candidate_names_it_or_is_not_read(name: str, of: str) -> None:
    view = FakeView.random(n=30)
    whole = pick(name, view, 6)
    for statistic in sorted(catalogue.acquisition(name).needs):
        group = {**view.stats[of], statistic: each(view.stats[of][statistic], poisoned)}
        try:
            chosen = pick(name, dataclasses.replace(view, stats={**view.stats, of: group}), 6)
        except QueristError as error:
            assert getattr(view, of)[1] in str(error)
        else:
            assert chosen == whole, f"{statistic} was read and not checked"


# ==== 6, 7: nothing global changes, nothing hidden is reached ====


def streams() -> list[Any]:
    """NumPy's and torch's global random streams. Python's own is drawn from by the shape checks of a test run, so it can tell nothing here."""
    torch = sys.modules.get("torch")
    own: Any = np.random.get_state()  # noqa: NPY002
    return [own[1].tobytes(), own[2:], None if torch is None else torch.get_rng_state().tolist()]


@EVERY
def test_no_global_stream_moves(name: str) -> None:
    view = FakeView.random()
    before = streams()
    pick(name, view, 10)
    assert streams() == before


class Sealed:
    """A view with what the contract names and nothing else; statistics that the method did not ask for beforehand are an error."""

    def __init__(self, view: FakeView, needs: frozenset[str]) -> None:
        self.candidates, self.labelled, self.pending = tuple(view.candidates), tuple(view.labelled), tuple(view.pending)
        self.classes, self.round, self.labels = view.classes, view.round, tuple(view.labels)
        self._view, self._needs = view, needs

    def stat(self, name: str, of: str = "candidates") -> Any:
        assert name in self._needs
        return each(self._view.stat(name, of), frozen)


def frozen(x: np.ndarray) -> np.ndarray:
    out = x.view()
    out.flags.writeable = False
    return out


@EVERY
def test_a_view_of_the_contract_alone_is_enough(name: str) -> None:
    view = FakeView.random(n=60)
    sealed: Any = Sealed(view, catalogue.acquisition(name).needs)
    assert pick(name, sealed, 8) == pick(name, view, 8)


@EVERY
def test_what_stands_at_unlabelled_rows_of_the_labels_is_never_read(name: str) -> None:
    found = FakeView.random(n=70, labelled=0, pending=0, c=3).stats["candidates"]
    needs = catalogue.acquisition(name).needs
    plain = {each_name: found[each_name] for each_name in ("probs", "features", "costs", "gradients") if each_name in needs}
    more = {each_name: found[each_name] for each_name in needs if each_name not in plain}
    labelled = np.arange(70) % 8 == 3
    honest = np.arange(70) % 3
    given: dict[str, Any] = {**plain, "stats": more, "labelled": labelled, "round": 2, "ids": range(70)}
    lies = np.where(labelled, honest, -1)
    assert querist.select(name, 7, labels=lies, **given) == querist.select(name, 7, labels=honest, **given)


# ==== 8: special cases ====

SPECIAL = {
    "BatchBALD(k=1) = BALD": "tests/acquire/test_batchbald.py::test_one_pick_is_that_of_bald",
    "PowerBALD(β=∞) = BALD": "tests/acquire/test_stochastic.py::test_infinitely_cold_is_the_top_k",
    "DBAL(prefilter=1) = margin": "tests/acquire/test_minibatch.py::test_beta_one_is_margin_and_far_blobs_give_one_each",
    "FF-Active = k-center": "tests/acquire/test_farthest_first.py::test_random_first_then_core_set",
    "maxdist = k-center": "tests/acquire/test_gaussian_selectors.py::test_maxdist_is_k_center",
    "DEBAL(one member) = BALD of MC dropout": "tests/learn/test_ensemble_mc_dropout.py::test_debal_of_one_member_is_bald_of_mc_dropout_and_more_members_add",
    "SEALS(all neighbours) = its inner method": "tests/acquire/test_seals.py::test_all_neighbours_are_the_inner_method",
    "Cluster-Margin(one cluster, shortlist=1) = margin": "tests/acquire/test_cluster_margin.py::test_one_cluster_is_margin_and_small_clusters_come_first",
    "Exploration-P(α=0) = entropy": "tests/acquire/test_exploration.py::test_without_redundancy_and_exploration_it_is_entropy",
    "proxy of the target itself = its method": "tests/acquire/test_proxy.py::test_a_proxy_that_is_the_target_selects_the_same",
    "maxdet = BALD of a linear-Gaussian model": "tests/acquire/test_gaussian_selectors.py::test_one_pick_of_maxdet_is_bald_of_a_linear_gaussian_model",
    "robust core-set without outliers = exact k-center": "tests/kernels/test_robust.py::test_without_outliers_it_is_exact_k_center",
    "MaxHerding of an indicator = ProbCover": "tests/acquire/test_coverage.py::test_maxherding_with_an_indicator_is_probcover",
}
"""Every equivalence of a method with a simpler one, and the test beside the method that holds it."""


@pytest.mark.parametrize("test", SPECIAL.values(), ids=SPECIAL)
def test_every_special_case_has_its_test(test: str) -> None:
    path, _, function = test.partition("::")
    assert f"def {function}(" in (Path(__file__).parents[2] / path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("one", "settings", "other"),
    [
        ("max_prob_ratio", {}, "least_confidence"),
        ("query_by_committee_kl", {}, "bald"),
        ("query_by_committee_soft", {}, "entropy"),
        ("debal", {}, "bald"),
        ("fass", {"prefilter": 1000}, "facility_location"),
        ("seals", {"neighbours": 1000}, "entropy"),
        ("vote", {"voters": [{"use": "querist.acquire.compose:Random"}]}, "random"),
        ("refine", {"depth": 0, "last": "coreset"}, "coreset"),
        ("subsample", {"inner": "badge", "size": 1000}, "badge"),
        ("partition", {"inner": "coreset", "parts": 1}, "coreset"),
        ("mix_random", {"inner": "coreset", "share": 0.0}, "coreset"),
        ("chain", {"wide": 1000}, "coreset"),
        ("switch", {"late": "bald", "rounds": 1}, "bald"),
        ("imbalance_aware", {"weight": 0.0}, "margin"),
        ("temperature", {"inner": "bald", "temperature": 1.0}, "bald"),
    ],
)
def test_special_cases_across_families(one: str, settings: dict[str, Any], other: str) -> None:
    """The same ids; one sample or many, since these compare formulas and not inferences."""
    view = FakeView.random(n=70, k=5)
    general = catalogue.configured(catalogue.acquisition(one), settings)
    assert general.select(view, 9, stream(0, 1, "select")).ids == pick(other, view, 9).ids


# ==== 9, 10, 11: batches ====


def test_those_that_should_have_a_prefix_and_spread_say_so() -> None:
    """What the traits promise, `test_acquisitions.py` checks; who has to promise it is written here."""
    traits = {str(row["name"]): set(row.get("traits", ())) for row in catalogue.rows("strategy")}
    assert {name for name in ("coreset", "batchbald", "lcmd", "maxdet", "facility_location", "badge") if "greedy" not in traits[name]} == set()
    assert {name for name in ("diverse_minibatch", "cluster_margin", "bait", "typiclust") if "greedy" in traits[name]} == set()
    assert {name for name in ("coreset", "badge", "typiclust", "probcover", "diverse_minibatch") if "diverse" not in traits[name]} == set()


def clusters(count: int, each_: int) -> FakeView:
    """Tight clusters far apart, named by place; the network is as unsure everywhere, so that features decide."""
    rng = stream(4, 0, "oracle")
    features = (np.repeat(100 * rng.normal(size=(count, 16)), each_, axis=0) + 0.01 * rng.normal(size=(count * each_, 16))).astype(np.float32)
    probs = np.full((len(features), 1, 3), 1 / 3, dtype=np.float32)
    rows = {"candidates": np.arange(len(features)), "labelled": np.arange(0), "pending": np.arange(0)}
    return FakeView.of([str(row) for row in range(len(features))], rows, features, probs, [])


@pytest.mark.parametrize("name", strategies("diverse"))
def test_nine_of_ten_tight_clusters_are_visited(name: str) -> None:
    chosen = pick(name, clusters(20, 8), 20)
    assert len({int(item) // 8 for item in chosen.ids}) >= 18


def copied(n: int) -> FakeView:
    """Every candidate five times; members sure of labels drawn one by one, so that a copy tells nothing new and each other item much."""
    view = bare(FakeView.random(n=n, k=200, c=3, d=6))
    rng = stream(6, 0, "oracle")
    view = view.filled("probs", (0.998 * np.eye(3)[rng.integers(3, size=(n, 200))] + 0.002 / 3).astype(np.float32))
    out = view.take(np.repeat(np.arange(n), 5))
    out.candidates = [str(row) for row in range(5 * n)]
    return out


DISTINCT = ("batchbald", "badge", "coreset", "acs_fw", "hilbert_coreset", "lcmd", "maxdet", "maxdist", "maxherding", "facility_location")


@pytest.mark.parametrize("name", DISTINCT)
def test_no_copy_is_bought_before_the_distinct_ones(name: str) -> None:
    assert len({int(item) // 5 for item in pick(name, copied(4), 4).ids}) == 4


@pytest.mark.parametrize("name", ["bald", "margin"])
def test_the_best_scores_alone_do_buy_copies(name: str) -> None:
    chosen = pick(name, copied(8), 5)
    assert len({int(item) // 5 for item in chosen.ids}) == 1


# ==== 12: memory ====


@pytest.mark.parametrize("name", ["coreset", "badge", "margin", "entropy", "bald"])
def test_what_is_held_beside_the_input_is_a_share_of_it(name: str, peak: Peak) -> None:
    """15 % of 64 MB with the buffers allowed 2 MB; a mask or a copy of the pool would be more."""
    n, d = 16_000, 1_000
    wide = stream(0, 0, "oracle").standard_normal((n, d), dtype=np.float32)
    if name == "coreset":
        given: dict[str, Any] = {"features": wide}
    elif name == "badge":
        given = {"gradients": (wide[:, :4] - wide[:, :4].mean(axis=1, keepdims=True), wide)}
    else:
        shares = np.abs(wide.reshape(n, 20, 50)) + np.float32(0.01)
        given = {"probs": shares / shares.sum(axis=2, keepdims=True)}
    assert peak(lambda: querist.select(name, 10, max_bytes=1 << 21, explain=False, **given)) < 0.15 * wide.nbytes


def test_the_check_for_nan_takes_no_mask_of_the_pool_and_arrays_are_not_copied(peak: Peak) -> None:
    x = np.zeros((4_000, 1_000), dtype=np.float32)
    assert peak(lambda: checks.finite(x, [], "features")) < 1 << 18
    seen = []

    @dataclasses.dataclass(frozen=True)
    class Looking:
        needs: frozenset[str] = frozenset({"features"})

        def select(self, view: Any, k: int, rng: np.random.Generator) -> Selection:
            seen.append(view.stat("features"))
            return Selection((), ())

    querist.select(Looking(), 1, features=x)
    querist.select(Looking(), 1, features=x, labelled=np.arange(4_000) >= 3_900)
    assert [np.shares_memory(found, x) for found in seen] == [True, True] and len(seen[1]) == 3_900
