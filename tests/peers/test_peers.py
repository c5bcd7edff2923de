"""Other libraries on the same numbers: the same scores where definitions agree; where they do not, the difference is stated and held.

`pip install 'querist[peers]'`; what is not installed is skipped.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from querist.core import catalogue
from querist.core.rng import stream
from querist.kernels import farthest, geometry, gradients, information, joint, neighbours, seeding
from querist.kernels.points import Outer, Vectors
from querist.testing import FakeView

PROBS = FakeView.random(n=200, k=12, c=4).stat("probs").astype(np.float64)
PROBS /= PROBS.sum(axis=2, keepdims=True)
MEAN = PROBS.mean(axis=1)
POINTS = FakeView.random(n=200, d=6).stat("features").astype(np.float64)


def loaded(name: str) -> Any:
    """A peer's module, or a skip; its own warnings are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


pytestmark = pytest.mark.filterwarnings("ignore")


# ==== scikit-activeml ====


@pytest.mark.parametrize(
    ("theirs", "ours"), [("least_confident", information.least_confidence), ("margin_sampling", information.margin), ("entropy", information.entropy)]
)
def test_skactiveml_uncertainty(theirs: str, ours: Any) -> None:
    pool = loaded("skactiveml.pool")
    np.testing.assert_allclose(ours(MEAN[:, None]), pool.uncertainty_scores(MEAN, method=theirs), rtol=1e-9, atol=1e-12)


def test_skactiveml_vote_entropy_and_consensus_divergence() -> None:
    """Agree; their consensus divergence adds nothing to p, and clips at 1e-7."""
    module = loaded("skactiveml.pool._query_by_committee")
    np.testing.assert_allclose(information.bald(PROBS), module.average_kl_divergence(PROBS.transpose(1, 0, 2)), rtol=1e-5, atol=1e-7)
    votes = PROBS.argmax(axis=2)
    np.testing.assert_allclose(information.vote_entropy(PROBS), module.vote_entropy(votes, np.arange(4)), atol=1e-12)


def test_skactiveml_batchbald_first_picks() -> None:
    """The same while the joint entropy is exact: 4³ configurations."""
    module = loaded("skactiveml.pool._bald")
    utilities = module.batch_bald(PROBS.transpose(1, 0, 2).copy(), 3, n_MC_samples=10_000, random_state=0)  # a copy: it clips what it is given
    ours = joint.greedy(PROBS, 3, joint.Joint(12, 10_000, stream(0, 1, "select")), 0.0, 2.0)
    assert ours.rows.tolist() == np.nanargmax(utilities, axis=1).tolist()
    np.testing.assert_allclose(np.cumsum(ours.gains), np.nanmax(utilities, axis=1), rtol=1e-5)


@pytest.mark.parametrize("labelled", [1, 5])
def test_skactiveml_core_set_picks_and_radii(labelled: int) -> None:
    module = loaded("skactiveml.pool._core_set")
    y = np.where(np.arange(200) < labelled, 0.0, np.nan)
    theirs, utilities = module.k_greedy_center(POINTS, y, batch_size=20, random_state=0)
    rows, squared = farthest.k_center(POINTS[labelled:], POINTS[:labelled], 20)
    assert (rows + labelled).tolist() == theirs.tolist()
    np.testing.assert_allclose(np.sqrt(squared), utilities[np.arange(20), theirs])


def test_skactiveml_core_set_without_labels_starts_at_random_and_ours_at_the_centre() -> None:
    module = loaded("skactiveml.pool._core_set")
    starts = {int(module.k_greedy_center(POINTS, np.full(200, np.nan), batch_size=1, random_state=seed)[0][0]) for seed in range(5)}
    assert len(starts) > 1
    centre = np.argmin(((POINTS - POINTS.mean(axis=0)) ** 2).sum(axis=1))
    assert farthest.k_center(POINTS, POINTS[:0], 1)[0].tolist() == [centre]


def test_skactiveml_badge_distances() -> None:
    """Their embedding is formed, ours stays factorised; the squared distances are the same."""
    module = loaded("skactiveml.pool._badge")
    a = gradients.residual(MEAN)
    formed = np.einsum("nc,nd->ncd", a, POINTS).reshape(200, -1)
    near = np.full(200, np.inf)
    for row in (3, 77, 150):
        near = module._d_2(formed, [row], near)
    outer = Outer(a, POINTS)
    ours = np.min([outer.distances_to(row) for row in (3, 77, 150)], axis=0)
    np.testing.assert_allclose(ours, near, atol=1e-9)


def test_skactiveml_typicality() -> None:
    """Agree but for what keeps the mean distance from 0: they add 1e-7 to the sum of 20, we 1e-5 to the mean."""
    module = loaded("skactiveml.pool._typi_clust")
    theirs = module._typicality(POINTS, np.arange(200), 20)
    np.testing.assert_allclose(1 / neighbours.typicality(POINTS, 20) - 1e-5, 1 / theirs - 1e-7 / 20, rtol=1e-9)
    crowd = np.zeros((30, 2))
    assert module._typicality(crowd, np.arange(30), 20).max() > 1e8 and neighbours.typicality(crowd, 20).max() < 1.1e5, "ours is bounded"


# ==== batchbald-redux ====


def test_batchbald_redux_scores_and_first_picks() -> None:
    torch, module = loaded("torch"), loaded("batchbald_redux.batchbald")
    logs = torch.from_numpy(np.log(PROBS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = module.get_batchbald_batch(logs, 4, 10_000, dtype=torch.double)
        top = module.get_bald_batch(logs, 10, dtype=torch.double)
    ours = joint.greedy(PROBS, 4, joint.Joint(12, 10_000, stream(0, 1, "select")), 0.0, 2.0)
    assert ours.rows.tolist() == theirs.indices
    np.testing.assert_allclose(np.cumsum(ours.gains), theirs.scores, rtol=1e-6)
    best = np.argsort(-information.bald(PROBS), kind="stable")[:10]
    assert best.tolist() == list(top.indices)
    np.testing.assert_allclose(information.bald(PROBS)[best], top.scores, rtol=1e-6)


def test_batchbald_redux_goes_on_beyond_what_the_samples_can_tell_and_ours_stops() -> None:
    torch, module = loaded("torch"), loaded("batchbald_redux.batchbald")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = module.get_batchbald_batch(torch.from_numpy(np.log(PROBS[:, :3])), 6, 10_000, dtype=torch.double)
    assert len(theirs.indices) == 6 and max(theirs.scores) <= np.log(3) + 1e-6
    view = FakeView.random(n=200, k=3, c=4, labelled=0, pending=0)
    chosen = catalogue.acquisition("batchbald").select(view.filled("probs", PROBS[:, :3]), 200, stream(0, 1, "select"))
    assert any("tell no more" in note for note in chosen.note)


# ==== baal ====


@pytest.mark.parametrize(("theirs", "ours"), [("BALD", information.bald), ("Entropy", information.entropy)])
def test_baal_scores(theirs: str, ours: Any) -> None:
    module = loaded("baal.active.heuristics")
    np.testing.assert_allclose(ours(PROBS), getattr(module, theirs)().compute_score(PROBS.transpose(0, 2, 1)), atol=1e-9)


def test_baal_margin_is_the_other_way_round() -> None:
    """They sort the difference of the two best classes upwards, we 1 - difference downwards: the same order."""
    module = loaded("baal.active.heuristics")
    np.testing.assert_allclose(1.0 - information.margin(PROBS), module.Margin().compute_score(PROBS.transpose(0, 2, 1)), atol=1e-9)


def test_baal_takes_softmax_of_what_is_no_distribution_and_we_refuse() -> None:
    """Rows that do not sum to 1 are logits to them, without a word; `select` names the row."""
    import querist
    from querist.core.errors import StatisticError

    module = loaded("baal.active.heuristics")
    halved = PROBS.transpose(0, 2, 1) * 0.5
    shifted = np.exp(halved) / np.exp(halved).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(module.BALD().compute_score(halved), information.bald(shifted.transpose(0, 2, 1)), atol=1e-9)
    with pytest.raises(StatisticError, match="row 0 of probs is no distribution"):
        querist.select("bald", 3, probs=PROBS * 0.5)


# ==== scikit-learn ====


def test_sklearn_kmeans_plusplus_is_less_random_and_no_worse() -> None:
    """Theirs tries 2 + log k draws a time and keeps the best, ours draws once as published: with one try, equal potentials on average."""
    cluster = loaded("sklearn.cluster")

    def potential(rows: Any) -> float:
        return float(geometry.nearest_squared(POINTS, POINTS[np.asarray(rows)]).sum())

    seeds = range(60)
    one = [potential(cluster.kmeans_plusplus(POINTS, 8, random_state=seed, n_local_trials=1)[1]) for seed in seeds]
    several = [potential(cluster.kmeans_plusplus(POINTS, 8, random_state=seed)[1]) for seed in seeds]
    ours = [potential(seeding.kmeans_pp(Vectors(POINTS), 8, stream(seed, 1, "select"))[0]) for seed in seeds]
    error = np.sqrt((np.var(one) + np.var(ours)) / len(seeds))
    assert abs(np.mean(one) - np.mean(ours)) < 4 * error
    assert np.mean(several) < np.mean(ours)
