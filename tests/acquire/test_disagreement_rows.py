"""Rows that score by votes or committees: what they equal, and how their ties fall."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core import catalogue
from querist.core.rng import stream
from querist.kernels import information
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def chosen(name: str, view: FakeView, k: int = 40) -> tuple[tuple[str, ...], np.ndarray]:
    selection = catalogue.acquisition(name).select(view, k, stream(0, 1, "select"))
    return selection.ids, np.array(selection.scores)


@pytest.mark.parametrize("name", ["variation_ratio", "ensemble_variation_ratio"])
def test_ensemble_variation_ratio_is_the_vote_form(name: str) -> None:
    view = FakeView.random(k=5)
    wanted, entropy = information.variation_ratio(view.stat("probs")), information.entropy(view.stat("probs"))
    order = np.lexsort((-entropy, -wanted))
    ids, scores = chosen(name, view)
    assert ids == tuple(view.candidates[row] for row in order)
    np.testing.assert_allclose(scores, wanted[order], atol=1.1e-6)


def test_one_sample_has_no_votes_against_but_is_unsure() -> None:
    """Least confidence under the name of variation ratio would give 1 - max p here."""
    view = FakeView.random(k=1)
    assert (chosen("variation_ratio", view)[1] <= 1e-6).all()
    assert chosen("variation_ratio", view)[0] == chosen("entropy", view)[0]
    assert chosen("max_prob_ratio", view)[0] == chosen("least_confidence", view)[0]


def test_a_committee_of_equal_members_is_ranked_by_entropy() -> None:
    view = FakeView.random(k=1)
    same = view.filled("probs", np.repeat(view.stat("probs"), 5, axis=1))
    assert chosen("query_by_committee", same)[0] == chosen("entropy", view)[0]
    assert (chosen("query_by_committee_kl", same)[1] < 1e-9).all()


def test_committees_by_their_definitions() -> None:
    view = FakeView.random(k=5)
    for name, kernel in (
        ("query_by_committee", information.vote_entropy),
        ("query_by_committee_soft", information.entropy),
        ("query_by_committee_kl", information.bald),
    ):
        np.testing.assert_allclose(np.sort(chosen(name, view)[1]), np.sort(kernel(view.stat("probs"))), atol=1.1e-6)


def test_committees_ask_for_ensembles() -> None:
    names = {row["name"]: row.get("inference") for row in catalogue.rows("strategy")}
    assert {names[name] for name in names if name.startswith("query_by_committee")} == {"ensemble"}
    assert names["ensemble_variation_ratio"] == "ensemble" and names["debal"] == "ensemble_mc_dropout"
