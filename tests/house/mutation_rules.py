"""What the mutation check asks of whom: which rows, which tests answer for parts that many rows share, and which flips mean nothing.

Rows whose family is "policy" or "baseline" and wrappers compose other rows: their parts are rows themselves, and a test of `auto`, say,
cannot be asked about the digits of BADGE. `KEPT` are those of them that have a kernel of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KEPT = ("random_balanced", "random_stratified", "class_balance", "temperature")

EXCLUDED: Mapping[str, str] = {
    "budget.py": "counts what was read and held; nothing of it reaches a pick",
    "on_torch.py": "runs on CUDA tensors only; tests/kernels/test_backends.py holds it to the NumPy kernels",
}
"""File → why its signs are not flipped."""

SHARED: Mapping[str, tuple[str, ...]] = {
    "rows.py": ("tests/kernels/test_farthest.py",),
    "farthest.py": ("tests/kernels/test_farthest.py",),
    "screen.py": ("tests/kernels/test_farthest.py",),
    "lcmd.py": ("tests/kernels/test_lcmd.py", "tests/kernels/test_farthest.py"),
    "points.py": ("tests/kernels/test_seeding.py", "tests/kernels/test_farthest.py"),
    "seeding.py": ("tests/kernels/test_seeding.py", "tests/kernels/test_selection_kernels.py"),
    "geometry.py": ("tests/kernels/test_selection_kernels.py", "tests/kernels/test_robust.py"),
    "gradients.py": ("tests/kernels/test_selection_kernels.py", "tests/kernels/test_expected_change.py"),
    "ranking.py": ("tests/kernels/test_selection_kernels.py", "tests/kernels/test_gumbel.py"),
    "neighbours.py": ("tests/kernels/test_neighbours.py",),
    "weighted_kmeans.py": ("tests/kernels/test_weighted_kmeans.py",),
    "allocation.py": ("tests/kernels/test_allocation.py",),
    "clustering.py": ("tests/kernels/test_selection_kernels.py",),
    "hierarchy.py": ("tests/kernels/test_hierarchy.py",),
    "herding.py": ("tests/kernels/test_herding.py", "tests/kernels/test_resuming.py", "tests/acquire/test_coverage.py", "tests/acquire/test_uherding.py"),
    "covering.py": ("tests/kernels/test_covering.py", "tests/acquire/test_dcom.py"),
    "calibration.py": ("tests/kernels/test_calibration.py",),
    "mlp.py": ("tests/kernels/test_mlp.py",),
    "agreement.py": ("tests/kernels/test_agreement.py",),
    "allotting.py": ("tests/kernels/test_allotting.py", "tests/acquire/test_costs.py", "tests/acquire/test_balance.py"),
    "closed_forms.py": ("tests/kernels/test_closed_forms.py",),
    "greedy_sampling.py": ("tests/kernels/test_greedy_sampling.py",),
    "gaussian.py": ("tests/kernels/test_gaussian.py", "tests/acquire/test_gaussian_selectors.py"),
    "nearest.py": ("tests/kernels/test_nearest.py",),
    "simplex.py": ("tests/kernels/test_simplex.py",),
    "information.py": ("tests/kernels/test_information.py", "tests/kernels/test_disagreement.py"),
    "accumulated.py": ("tests/kernels/test_accumulated.py",),
    "adversarial.py": ("tests/kernels/test_adversarial.py",),
    "boosting.py": ("tests/kernels/test_boosting.py",),
    "dictionary.py": ("tests/kernels/test_dictionary.py",),
    "laplace.py": ("tests/kernels/test_laplace.py",),
    "pacing.py": ("tests/kernels/test_pacing.py", "tests/learn/test_own_labels.py"),
    "propagation.py": ("tests/kernels/test_propagation.py",),
    "trade.py": ("tests/acquire/test_to_sample.py",),
    "ragged.py": ("tests/kernels/test_ragged.py",),
    "beams.py": ("tests/kernels/test_beams.py",),
    "sequences.py": ("tests/kernels/test_sequences.py",),
    "boxes.py": ("tests/kernels/test_boxes.py",),
    "item_medoids.py": ("tests/kernels/test_boxes.py",),
    "distance_maps.py": ("tests/kernels/test_dense_kernels.py",),
    "overlap.py": ("tests/kernels/test_dense_kernels.py",),
    "site_gradients.py": ("tests/learn/test_sites.py", "tests/learn/test_shared_gradients.py"),
    "set_cover.py": ("tests/kernels/test_dense_kernels.py",),
    "tail_ratio.py": ("tests/kernels/test_dense_kernels.py",),
    "local.py": ("tests/kernels/test_dense_kernels.py",),
    "quotas.py": ("tests/kernels/test_rule_kernels.py", "tests/acquire/test_batch_rules.py"),
    "spacing.py": ("tests/kernels/test_rule_kernels.py", "tests/kernels/test_sequences.py"),
    "merging.py": ("tests/kernels/test_rule_kernels.py",),
    "bandits.py": ("tests/kernels/test_bandits.py",),
    "logits.py": ("tests/kernels/test_logits.py",),
    "latent.py": ("tests/kernels/test_rule_kernels.py",),
}
"""A part that rows share → the tests that answer for it. They are part of the property of every row above: `evidence.json` names them there."""

EQUIVALENT: Mapping[tuple[str, str, str], str] = {
    ("information.py", "bald", "t.sum(axis=0) / t.dtype.type(k) + np.finfo(t.dtype).tiny"): "keeps 0 / 0 away; any number that is not 0 does",
    ("joint.py", "greedy", "bald(probs) + TIE"): "one of three guards against rounding of which two suffice",
    ("joint.py", "_lazily", "best - TIE"): "another of the three",
    ("joint.py", "_lazily", "known[seen] + TIE"): "a third",
    ("joint.py", "_lazily", "-np.inf"): "a row not looked at is known by its number not being finite",
    ("latent.py", "concordance", "a - a.mean()"): "of the two factors of a covariance one has to be centred; both are, for the digits",
    ("latent.py", "concordance", "b - b.mean()"): "of the two factors of a covariance one has to be centred; both are, for the digits",
    ("robust.py", "robust_k_center", "k + outliers #2"): "differs for n ≤ k + outliers only, where the greedy radius is 0 and no step is below it",
    ("neighbourhood.py", "neighbourhood", "k - 1 #2"): "looks at more rows; which are the k nearest is decided afterwards",
    ("neighbourhood.py", "neighbourhood", "k - 1"): "looks at more rows; which are the k nearest is decided afterwards",
    ("hierarchy.py", "_cut", "np.asarray(cut, dtype=np.int64) - 1"): "the names of the clusters, which nobody reads",
    ("partition.py", "k_means", "2 ** 31 - 1"): "the range that a seed is drawn from",
    ("farthest.py", "Cover.tighten", "total - first"): "room for products with more centres than there are",
    ("farthest.py", "Cover.resolve", "3 * self.pool.d + 3 * CENTRES"): "the size of a chunk",
    ("farthest.py", "nearest", "-1"): "stands until the first block of centres, and there is always one",
    ("farthest.py", "_pick_from_block", "norms + norms[i]"): "lowers a lower bound: more rows are looked at, and their distances decide",
    ("screen.py", "Screen.__init__", "-(-pool.n // rows)"): "the sample taken backwards; any basis serves",
    ("seeding.py", "kmeans_pp", "k - len(draw.picks)"): "more rows than are wanted, and the first k are returned",
    ("seeding.py", "_Draw._pass", "2 * self.points.width() + 3 * 8 * min(group, len(new))"): "the size of a chunk",
    ("lcmd.py", "_Clusters.__init__", "3 * self.pool.d + 3 * min(len(self.centres), 512)"): "the size of a chunk",
    ("lcmd.py", "_Clusters.__init__", "k - len(picks)"): "whether a screen is made; it changes no pick",
    ("lcmd.py", "_Clusters.next", "-1"): "a cluster without members is the heaviest only where every distance is 0, and then the lowest free row is taken",
    ("lcmd.py", "_Clusters._move", "self.useless += new > 64 and 2 * read > pool.n"): "when a screen is given up; it changes no pick",
    ("herding.py", "facility_location", "alike - best"): "a first bound that is higher; every row is measured before it is picked",
    ("calibration.py", "temper", "-1 #6"): "the size of a chunk",
    ("herding.py", "_next", "-bound[open_rows]"): "which rows are measured first; it ends when no row is left that could lead",
    ("herding.py", "_next", "-bound[lead]"): "which rows are measured first; it ends when no row is left that could lead",
    ("information.py", "_marked", "1 - allowed"): "every block is looked at row by row, with the same answer",
    ("information.py", "_marked", "1 + allowed"): "every block is looked at row by row, with the same answer",
    ("accumulated.py", "_part", "moments.shape[1] - 1"): "a third of 3 c + 2, rounded down, is c as well",
    ("adversarial.py", "sureness", "-np.log(np.maximum(probs.mean(axis=1, dtype=np.float64), LEAST))"): "squared, or without its sign, in both norms",
    ("propagation.py", "least_reached", "place + 1"): "one diffusion more, after the last pick",
    ("simplex.py", "first_improper", "1 - tolerance"): "every block is looked at row by row, with the same answer",
    ("simplex.py", "first_improper", "1 + tolerance"): "every block is looked at row by row, with the same answer",
    ("agreement.py", "_ranks", "counts + 1"): "ranks from 1 instead of 0; their mean is taken off",
    ("allocation.py", "systematic", "n - 1"): "a guard against rounding: the places are below n",
    ("allocation.py", "systematic", "rng.random() + np.arange(k)"): "the same sample taken backwards: negative places count from the end",
}
"""(file, function, expression) → why the flipped sign changes nothing that a caller could see."""

OPEN: Mapping[str, str] = {}
"""Property test or shared file that still lets mutants through, or was not tried as a whole → what is known. Only `--all` asks these."""


def demanded(name: str, row: Mapping[str, Any]) -> bool:
    """Whether the property test of a row has to notice."""
    return name in KEPT or (row["type"] == "strategy" and row["family"] not in ("policy", "baseline"))
