"""Scores of items whose sites are the steps of one sequence (tokens of a text, characters of a line), and words as the price of a label.

References:
    Shen et al. 2018, arXiv 1707.05928 (MNLP, budgets in words, BALD by word); Siddhant & Lipton 2018, arXiv 1808.05697 (BALD by sequence).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from querist.acquire.ranked import MARGIN
from querist.acquire.sites import probs_of
from querist.core.contracts import Acquisition, Fold, PoolView
from querist.core.records import Selection
from querist.core.sites import Sites
from querist.core.statistic import Over, fold_of
from querist.kernels import ragged, sequences
from querist.kernels.ranking import tie_broken


def logprob_of(said: Sites) -> np.ndarray:
    """Mean log-probability (n,) over samples of the likeliest sequence; where the task does not give it, sites are taken as independent."""
    told = said.items.get("sequence_logprob")
    if told is not None:
        return np.asarray(np.mean(told, axis=1, dtype=np.float64))
    best = np.maximum(probs_of(said).max(axis=2).astype(np.float64), np.finfo(np.float64).tiny)
    return ragged.total(np.log(best).mean(axis=1), said.offsets)


def decoded_of(said: Sites) -> np.ndarray:
    """What each sample says at each site (s, k), in its likeliest sequence if the task gives it."""
    told = said.extra.get("decoded")
    return np.asarray(told) if told is not None else probs_of(said).argmax(axis=2)


def _mnlp(said: Sites) -> np.ndarray:
    lengths = said.items.get("sequence_length")
    if lengths is None:
        return sequences.mnlp(logprob_of(said), np.diff(said.offsets))
    # Samples decode to texts of different lengths: each is divided by its own, one without characters by 1.
    each = sequences.mnlp(np.ravel(said.items["sequence_logprob"]), np.maximum(np.ravel(lengths), 1))
    return np.asarray(each.reshape(np.shape(lengths)).mean(axis=1))


def _lc(said: Sites) -> np.ndarray:
    return sequences.least_confident(logprob_of(said))


def _by_word(said: Sites) -> np.ndarray:
    return sequences.word_disagreement(decoded_of(said), said.offsets)


def _by_sequence(said: Sites) -> np.ndarray:
    # Few samples have few votes; the published code breaks ties by MNLP.
    unsure = np.maximum(_mnlp(said), 0.0)
    return tie_broken(sequences.sequence_disagreement(decoded_of(said), said.offsets), unsure, float(np.log(probs_of(said).shape[2])))


@dataclass(frozen=True)
class _OfSequence:
    """A number per item from what is said at its sites. It folds them itself, so another aggregator changes nothing."""

    of: ClassVar[Fold]
    folds: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`, of the sites where an item has many."""
        return frozenset({"probs"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        return fold_of(view, "sites", type(self).of)


@dataclass(frozen=True)
class MNLP(_OfSequence):
    """Maximum normalised log-probability, negated: how unlikely the best sequence is, per token."""

    of: ClassVar[Fold] = staticmethod(_mnlp)


@dataclass(frozen=True)
class LeastConfidentSequence(_OfSequence):
    """1 - P(best sequence): prefers long ones."""

    of: ClassVar[Fold] = staticmethod(_lc)


@dataclass(frozen=True)
class WordDisagreement(_OfSequence):
    """Mean over tokens of the share of samples that do not give the modal tag; needs k > 1 posterior samples."""

    of: ClassVar[Fold] = staticmethod(_by_word)


@dataclass(frozen=True)
class SequenceDisagreement(_OfSequence):
    """Share of samples that do not decode to the modal sequence, ties by MNLP; needs k > 1 posterior samples."""

    of: ClassVar[Fold] = staticmethod(_by_sequence)


@dataclass(frozen=True)
class PricedBySites:
    """A method that reads `costs`, told that a label costs so much per site (word, slot, box that the model finds), and so much per item.

    Attributes:
        inner: The method, such as `until_spent`.
        site: Of one site.
        item: Of an item, whatever it holds; more than 0, for an item without sites is no gift.
    """

    inner: Acquisition = MARGIN
    site: float = 1.0
    item: float = 1e-3

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs but `costs`, and `probs`, of the sites where an item has many."""
        return (self.inner.needs - {"costs"}) | {"probs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        return self.inner.select(_Priced(view, self.site, self.item), k, rng)


class _Priced(Over):
    """The view with prices."""

    def __init__(self, view: PoolView, site: float, item: float) -> None:
        super().__init__(view)
        self._site, self._item = site, item

    def stat(self, name: str, of: str = "candidates") -> Any:
        """The view's statistic; prices from its sites."""
        if name != "costs":
            return self._view.stat(name, of)
        return fold_of(self._view, "sites", lambda said: self._item + self._site * np.diff(said.offsets), of)
