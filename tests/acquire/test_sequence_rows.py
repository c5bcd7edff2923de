"""Scores of sequences through the catalogue: on sites by hand, and on items that are their own only sites."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from querist.acquire.apart import UntilSpent
from querist.acquire.sequences import MNLP, LeastConfidentSequence, PricedBySites, SequenceDisagreement, WordDisagreement
from querist.core import catalogue
from querist.core.contracts import lacking
from querist.core.errors import CapabilityError
from querist.core.rng import stream
from querist.core.sites import Sites, offsets_of
from querist.kernels.folding import Aggregator
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


@dataclass
class Texts:
    """A view of texts, given what is said about their tokens."""

    said: Sites
    labelled: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    classes: int = 2
    round: int = 1
    aggregator: Any = field(default_factory=Aggregator)

    @property
    def candidates(self) -> list[str]:
        return [str(row) for row in range(len(self.said))]

    def stat(self, name: str, of: str = "candidates") -> Any:
        raise CapabilityError(f"no statistic {name!r} here")

    def fold(self, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        rows = range(len(self.said)) if places is None else places
        return np.concatenate([fn(self.said.item(int(row))) for row in rows])


def texts(logs: list[list[float]]) -> Texts:
    """Texts whose tokens' best tags have these log-probabilities, each on its own."""
    best = np.exp(np.concatenate([np.array(row, dtype=np.float64) for row in logs]))
    return Texts(Sites(offsets_of(np.array([len(row) for row in logs])), probs=np.stack([best, 1 - best], axis=1)[:, None]))


def first(name: str, view: Any) -> str:
    return str(catalogue.acquisition(name).select(view, 1, stream(0, 1, "select")).ids[0])


def test_mnlp_does_not_look_at_length() -> None:
    view = texts([[-0.1, -0.1, -0.1], [-0.2]])
    assert (first("mnlp", view), first("lc_sequence", view)) == ("1", "0"), "the long text is less likely, the short one less likely per word"
    np.testing.assert_allclose(MNLP()(view), [0.1, 0.2], rtol=1e-6)
    twice = texts([[-0.1, -0.3], [-0.1, -0.3, -0.1, -0.3]])
    assert MNLP()(twice)[0] == pytest.approx(MNLP()(twice)[1]), "a text that is said twice is as sure"


def test_least_confidence_prefers_long_sequences() -> None:
    view = texts([[-0.1] * length for length in (1, 2, 5, 9)])
    scores = LeastConfidentSequence()(view)
    assert (np.diff(scores) > 0).all() and scores[3] == pytest.approx(1 - np.exp(-0.9))
    assert np.ptp(MNLP()(view)) < 1e-9
    assert first("lc_sequence", view) == "3"


def test_what_the_task_says_of_a_sequence_counts() -> None:
    said = texts([[-0.1, -0.1], [-0.2, -0.2]]).said
    told = Texts(Sites(said.offsets, probs=said.probs, items={"sequence_logprob": np.array([[-3.0, -5.0], [-0.5, -0.5]])}))
    np.testing.assert_allclose(MNLP()(told), [2.0, 0.25])
    assert first("mnlp", told) == "0", "log P of a chain is not the sum over tokens"


def test_texts_without_tokens_are_asked_for_last() -> None:
    view = texts([[], [-1e-9]])
    for name in ("mnlp", "lc_sequence", "bald_words", "bald_sequence"):
        assert catalogue.acquisition(name).select(view, 2, stream(0, 1, "select")).ids[0] == "1" or name.startswith("bald")
    assert np.isfinite(MNLP()(view)).all()


def samples() -> Texts:
    """Two texts of two words, four samples: the first word is A, A, B, A, the second always O; in the other text both words waver together."""
    decoded = np.array([[0, 0, 1, 0], [2, 2, 2, 2], [0, 0, 1, 1], [0, 0, 1, 1]])
    probs = np.full((4, 4, 3), 0.1)
    np.put_along_axis(probs, decoded[..., None], 0.8, axis=2)
    return Texts(Sites(np.array([0, 2, 4]), probs=probs, extra={"decoded": decoded}))


def test_both_disagreements_by_hand() -> None:
    view = samples()
    np.testing.assert_allclose(WordDisagreement()(view), [0.125, 0.5])
    np.testing.assert_allclose(SequenceDisagreement()(view), [0.25, 0.5], atol=1e-5)
    assert first("bald_words", view) == first("bald_sequence", view) == "1"
    without = Texts(Sites(view.said.offsets, probs=view.said.probs))
    np.testing.assert_allclose(WordDisagreement()(without), WordDisagreement()(view), err_msg="else it is what each sample holds likeliest")


def test_equal_votes_are_ordered_by_mnlp() -> None:
    decoded = np.array([[0, 1], [0, 1]])
    probs = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.4, 0.6]]])
    view = Texts(Sites(np.array([0, 1, 2]), probs=probs, extra={"decoded": decoded}))
    scores = SequenceDisagreement()(view)
    assert scores[1] > scores[0] and scores[1] - scores[0] < 1e-5


def test_items_that_are_their_own_sites() -> None:
    view = FakeView.random(n=30, k=1)
    names = catalogue.acquisition("least_confidence").select(view, 30, stream(0, 1, "select")).ids
    for name in ("mnlp", "lc_sequence"):
        assert catalogue.acquisition(name).select(view, 30, stream(0, 1, "select")).ids == names


def test_a_budget_in_words() -> None:
    view = texts([[-0.6] * 5, [-0.5] * 7, [-0.4] * 4])
    for strict, ids in ((False, ("0", "1")), (True, ("0", "2"))):
        method = PricedBySites(UntilSpent(catalogue.acquisition("mnlp"), budget=10, strict=strict), item=0.0)
        assert method.select(view, 3, stream(0, 1, "select")).ids == ids
    note = PricedBySites(UntilSpent(catalogue.acquisition("mnlp"), budget=10), item=0.0).select(view, 3, stream(0, 1, "select")).note
    assert "12 spent" in str(note)
    able = frozenset({"sites"})
    assert not lacking(method, able) and not lacking(PricedBySites(), able), "prices come from the sites"
    assert lacking(PricedBySites(UntilSpent(catalogue.acquisition("coreset"))), able) == ["features"]
