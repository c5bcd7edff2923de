"""Bayesian sample queries: of what the model is unsure of, what is typical of the pool but not of what is labelled.

Reference:
    Ozdemir et al. 2019, arXiv 1912.10493.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.groups import settled_rows
from querist.acquire.ranked import MARGIN, ranked, whole
from querist.acquire.selectors import selection
from querist.core.contracts import Acquisition, PoolView
from querist.core.records import Selection
from querist.kernels.ranking import top_k
from querist.kernels.tail_ratio import log_rho, moments, tail


@dataclass(frozen=True)
class SampleQueries:
    """Of the `wide · k` candidates the method wants most, those with the lowest Σ log tail(labelled) - Σ log tail(pool) of their codes.

    Attributes:
        inner: The method.
        wide: Length of the short list in batches.
    """

    inner: Acquisition = MARGIN
    wide: int = 4

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `codes`."""
        return self.inner.needs | {"codes"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; with nothing labelled, what is most typical of the pool."""
        m = whole(self.wide, "wide") * max(k, 0)
        found = ranked(self.inner, view, m, rng)
        z = finite(_wide(view.stat("codes")), view.candidates, "codes")
        known = [_wide(part) for part in settled_rows(view, "codes")]
        pool = moments(np.concatenate([z, *known]))
        listed = z[found.rows[:m]]
        rho = log_rho(listed, moments(np.concatenate(known)), pool) if known else -np.log(tail(listed, *pool)).sum(axis=1)
        places = top_k(-rho, k)
        why = [f"log ratio of tails {rho[place]:.4g}; {found.reason(int(place))}" for place in places]
        return selection(view, found.rows[places], -rho[places], why)


def _wide(codes: np.ndarray) -> np.ndarray:
    return np.asarray(codes, dtype=np.float64).reshape(len(codes), -1)
