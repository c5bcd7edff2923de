"""What published code got wrong, and the test that keeps it from happening here.

`HAZARDS` is the table: where it was found, what is wrong there, the tests that hold the opposite (None: no such method here).
The tests below are those that no method's own file has.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from querist.core import catalogue
from querist.core.rng import stream
from querist.kernels import clustering, farthest, gaussian, geometry, information, neighbours
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

TESTS = Path(__file__).parents[1]


class Hazard(NamedTuple):
    """A fault, and what holds against it: `file::test` under tests/."""

    where: str
    fault: str
    held_by: tuple[str, ...]


HAZARDS = (
    Hazard("badge, deepALplus: adversarial_deepfool", "the last class instead of the nearest boundary; a partial norm for what never flipped",
           ("learn/test_deepfool.py::test_the_nearest_boundary_wins_wherever_its_class_stands",
            "learn/test_deepfool.py::test_what_never_flips_says_so_and_a_tie_is_at_distance_zero")),
    Hazard("badge: predict_prob_dropout", "averages logits, then takes the logarithm of the mean as if it were a probability",
           ("acquire/test_hazards.py::test_samples_are_averaged_as_probabilities", "learn/test_mc_dropout.py::test_folded_weights_equal_masked_passes")),
    Hazard("badge, deepALplus: BALD; SVP: entropy", "log p without a care for p = 0", ("acquire/test_hazards.py::test_certain_networks_have_finite_scores",)),
    Hazard("badge, deepALplus: MC dropout", "train() moves BatchNorm while scoring",
           ("learn/test_mc_dropout.py::test_dropout_in_the_trunk_takes_the_slow_path", "learn/test_computed.py::test_asking_leaves_no_trace",
            "learn/test_forward.py::test_scoring_restores_each_modules_mode")),
    Hazard("deepALplus: VarRatio", "is least confidence: there are no votes",
           ("acquire/test_disagreement_rows.py::test_ensemble_variation_ratio_is_the_vote_form",)),
    Hazard("badge: core_set; deepALplus: k-center", "all n × n distances; roots of slightly negative numbers",
           ("acquire/test_hazards.py::test_distances_far_from_the_origin_are_never_nan",
            "contracts/test_cross_method.py::test_what_is_held_beside_the_input_is_a_share_of_it")),
    Hazard("google: kcenter_greedy", "no place to start from with nothing labelled; a bare except",
           ("kernels/test_selection_kernels.py::test_k_center_equals_the_naive_twin", "acquire/test_hazards.py::test_k_center_starts_without_labels")),
    Hazard("ozansener: full_solver", "outliers bounded to none, so it is not robust", ("kernels/test_robust.py::test_outliers_are_really_left_out",)),
    Hazard("ProbCover", "the last chunk never enters the graph; an empty graph gives row 0",
           ("kernels/test_covering.py::test_the_last_part_of_the_pool_is_covered_and_picked",
            "kernels/test_covering.py::test_nothing_is_picked_where_nothing_is_open",
            "acquire/test_coverage.py::test_probcover_goes_on_farthest_first_and_says_so")),
    Hazard("TypiClust", "squared distances; counts out of step with cluster numbers",
           ("kernels/test_neighbours.py::test_typicality_averages_distances_and_squares_only_on_request",
            "acquire/test_typical.py::test_cluster_and_count_stay_together_where_an_id_is_empty")),
    Hazard("DISTIL: BADGE", "forms the n × c·d gradients; a debugger where all distances are 0; picks a row twice",
           ("acquire/test_selection_machinery.py::test_gradients_are_never_formed", "kernels/test_seeding.py::test_certain_networks_still_get_distinct_rows",
            "kernels/test_seeding.py::test_distinct_points_come_before_their_duplicates_then_the_rest_at_random")),
    Hazard("BAIT", "a candidate's information weighs b times as much as a labelled item's",
           ("acquire/test_bait.py::test_the_two_scalings_differ_by_the_batch",)),
    Hazard("CEAL melanoma", "pseudo-labels under wrong indices; a shadowed prediction; 0/0 for an empty mask", ()),
    Hazard("bmdal_reg: get_next_idx", "masks a copy and takes the largest of the unmasked scores",
           ("acquire/test_hazards.py::test_what_is_taken_is_masked_where_it_is_compared",
            "kernels/test_gaussian.py::test_more_picks_than_dimensions_and_duplicates")),
    Hazard("epig: mean STD", "variance in one pass, then the root of a negative number",
           ("kernels/test_disagreement.py::test_spread_of_close_members_is_no_root_of_a_negative_number",)),
    Hazard("ACS", "starts outside the polytope; returns fewer than b points; 1e-6 added to inner products",
           ("kernels/test_sparse.py::test_frank_wolfe_stays_on_its_polytope", "kernels/test_sparse.py::test_golden_frank_wolfe",
            "acquire/test_sparse_selectors.py::test_few_samples_are_approximated_by_few_items_and_the_fill_says_so")),
    Hazard("DPE's paper", "the formula named KL(q‖p) is KL(p‖q)", ("learn/test_probabilistic.py::test_directions_are_the_two_divergences_of_gaussians",)),
    Hazard("BatchBALD", "says nothing once the score is at log k, after some ten picks with 100 samples",
           ("acquire/test_batchbald.py::test_at_the_ceiling_the_rest_is_drawn_and_says_so", "kernels/test_joint.py::test_the_batch_ends_at_the_ceiling")),
)  # fmt: skip
"""CEAL's methods for melanoma are no rows yet; their entry waits for them."""


@pytest.mark.parametrize("hazard", HAZARDS, ids=[hazard.where for hazard in HAZARDS])
def test_the_tests_of_the_table_exist(hazard: Hazard) -> None:
    for test in hazard.held_by:
        path, _, function = test.partition("::")
        tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, test


def test_what_is_not_held_is_no_row() -> None:
    assert {hazard.where for hazard in HAZARDS if not hazard.held_by} == {"CEAL melanoma"}
    assert not {"ceal_melanoma", "ceal_segmentation"} & {str(row["name"]) for row in catalogue.rows("strategy")}


def test_samples_are_averaged_as_probabilities() -> None:
    """Two members, one sure and one not: the mean of probabilities is not the softmax of the mean logit."""
    logits = np.array([[[8.0, 0.0], [0.0, 1.0]]])
    probs = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    mean = probs.mean(axis=1)[0]
    geometric = np.exp(logits.mean(axis=1)[0]) / np.exp(logits.mean(axis=1)[0]).sum()
    assert abs(mean[0] - geometric[0]) > 0.2, "else this test shows nothing"
    np.testing.assert_allclose(information.entropy(probs), -(mean * np.log(mean)).sum())
    np.testing.assert_allclose(information.least_confidence(probs), 1 - mean[0])


PROBABILISTIC = [str(row["name"]) for row in catalogue.rows("strategy") if "acquisition" in row and "probs" in catalogue.acquisition(str(row["name"])).needs]


@pytest.mark.parametrize("name", [name for name in PROBABILISTIC if name != "refine"])
def test_certain_networks_have_finite_scores(name: str) -> None:
    for package in catalogue.row(name).get("packages", ()):
        pytest.importorskip(package)
    probs = np.zeros((40, 3, 3), dtype=np.float32)
    probs[np.arange(40), :, np.arange(40) % 3] = 1.0
    chosen = catalogue.acquisition(name).select(FakeView.random().filled("probs", probs), 9, stream(0, 1, "select"))
    assert len(set(chosen.ids)) == 9 and np.isfinite(chosen.scores).all()


FAR = np.repeat(1e4 + stream(0, 0, "oracle").standard_normal((12, 6)), 3, axis=0).astype(np.float32)
"""Points in three copies, far from the origin: ‖a‖² + ‖b‖² - 2a·b of copies comes out negative there."""


def test_distances_far_from_the_origin_are_never_nan() -> None:
    wide = FAR.astype(np.float32)
    squares = (wide * wide).sum(axis=1)
    assert ((squares[:, None] + squares - 2 * wide @ wide.T) < 0).any(), "else this test shows nothing"
    with np.errstate(invalid="raise"):
        assert (geometry.nearest_squared(FAR, FAR[:5]) >= 0).all()
        rows, squared = farthest.k_center(FAR, FAR[:3], 36)
        assert sorted(rows.tolist()) == list(range(36)) and (squared >= 0).all() and np.isfinite(np.sqrt(squared)).all()
        assert np.isfinite(neighbours.typicality(FAR, 5)).all()


def test_k_center_starts_without_labels() -> None:
    rows, squared = farthest.k_center(FAR, FAR[:0], 12)
    assert len({int(row) // 3 for row in rows}) == 12 and not np.isfinite(squared[0]) and np.isfinite(squared[1:]).all()


@pytest.mark.parametrize("kernel", ["k_center", "maxdet", "kmeans_pp"])
def test_what_is_taken_is_masked_where_it_is_compared(kernel: str) -> None:
    """One point is far more wanted than all others also after it was taken: its gain to itself is not 0 in rounded numbers."""
    x = np.concatenate([np.full((1, 4), 1e6), stream(1, 0, "oracle").standard_normal((9, 4)) * 1e-3]).astype(np.float32)
    taken: Any = {
        "k_center": lambda: farthest.k_center(x, x[:0], 10)[0],
        "maxdet": lambda: gaussian.maxdet(x, np.eye(4), 1e-6, 10)[0],
        "kmeans_pp": lambda: clustering.kmeans_pp(
            lambda row: geometry.squared_distances(x, x[row]), (x.astype(float) ** 2).sum(axis=1), 10, stream(0, 1, "select")
        )[0],
    }[kernel]()
    assert sorted(taken.tolist()) == list(range(10))
