"""What the labels of a batch would tell about the weights together (Kirsch et al. 2019, BatchBALD, arXiv 1906.08158).

A batch is held as label configurations: each with its mass and with the posterior over the k samples that it would leave.
The gain of one more item is the mutual information of its label and the weights, averaged over the configurations,
I(y; w | batch) = Σ_m q_m H(W_m P) - mean_k H(P_k). In this form nothing underflows, and the joint entropy is never
formed: the joint score is the sum of the gains.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from querist.core.errors import UsageError
from querist.kernels.budget import current
from querist.kernels.information import bald, xlogy
from querist.kernels.ranking import top_k

BLOCK = 1 << 16
"""Elements of configuration × item × class handled at a time."""

TALL = 1024
"""Configurations summed in the items' precision; their sums are added in float64."""

TIE = 1e-12
"""Gains this close are equal: the lower row wins. Matrix products of other shapes round otherwise."""

LAZY = 64
"""Items whose gains are computed together while bounds decide which ones are needed."""


class Joint:
    """Label configurations of the items so far: all of them while they are at most `most`, then a sample.

    Args:
        k: Posterior samples.
        most: Configurations held, at least k.
        rng: Draws the labels of the sample, a fixed number per item, whatever the pool is.

    Raises:
        UsageError: for fewer configurations than posterior samples.
    """

    def __init__(self, k: int, most: int, rng: np.random.Generator) -> None:
        if most < k:
            raise UsageError("the sample needs a configuration from every posterior sample", got=f"{most} configurations, {k} samples", wanted=f"at least {k}")
        self.exact, self._most, self._rng = True, most, rng
        self.weights = np.full((1, k), 1.0 / k)  # W (m, k): posterior over the samples
        self.mass = np.ones(1)  # q (m,)
        self._items: list[np.ndarray] = []
        self._logs = np.zeros((most // k * k, k))  # of the sampled configurations: log p(labels | sample)

    def add(self, p: Float[np.ndarray, "k c"]) -> None:
        """One more item."""
        p = p.astype(np.float64)
        self._items.append(p)
        if self.exact and len(self.mass) * p.shape[1] <= self._most:
            self._expand(p)
            return
        for late in self._items if self.exact else [p]:
            self._draw(late)
        self.exact = False
        self.weights = np.exp(self._logs - self._logs.max(axis=1, keepdims=True))
        self.weights /= self.weights.sum(axis=1, keepdims=True)
        self.mass = np.full(len(self.weights), 1.0 / len(self.weights))

    def _expand(self, p: np.ndarray) -> None:
        """Every configuration once per label; those that no sample gives drop out."""
        wide = (self.weights[:, None, :] * p.T[None]).reshape(-1, len(p))
        share = wide.sum(axis=1)
        mass = np.repeat(self.mass, p.shape[1]) * share
        held = mass > 0
        self.weights, self.mass = wide[held] / share[held, None], mass[held]

    def _draw(self, p: np.ndarray) -> None:
        """A label for every configuration, from the posterior sample it belongs to: the same number of each sample."""
        k = len(p)
        upto = np.cumsum(p, axis=1)
        level = self._rng.random((k, len(self._logs) // k, 1)) * upto[:, None, -1:]
        labels = (upto[:, None, :] <= level).sum(axis=2).ravel()
        with np.errstate(divide="ignore"):
            self._logs += np.log(p[:, labels].T)

    def gains(self, probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
        """I(y; w | batch) of each item in nats, ≥ 0; float32 items are computed in float32, others in float64."""
        dtype: type[np.floating] = np.float32 if probs.dtype == np.float32 else np.float64
        weights: np.ndarray = self.weights.astype(dtype)
        mass: np.ndarray = self.mass.astype(dtype)
        n, k, c = probs.shape
        tall = min(TALL, max(1, BLOCK // c))
        step = max(1, BLOCK // (c * min(tall, len(mass))))
        out = np.empty(n)
        for start in range(0, n, step):
            items: np.ndarray = np.ascontiguousarray(probs[start : start + step].transpose(1, 0, 2), dtype=dtype).reshape(k, -1)
            terms = np.zeros(items.shape[1])
            for low in range(0, len(mass), tall):
                terms -= mass[low : low + tall] @ xlogy(weights[low : low + tall] @ items)
            terms += xlogy(items).sum(axis=0, dtype=np.float64) / k
            out[start : start + step] = terms.reshape(-1, c).sum(axis=1)
        return np.maximum(out, 0.0)


class Greedy(NamedTuple):
    """A batch: rows in order, their gains in nats, how many of the gains are exact, and whether the samples had no more to tell."""

    rows: Int[np.ndarray, " b"]
    gains: Float[np.ndarray, " b"]
    exact: int
    full: bool


def greedy(probs: Float[np.ndarray, "n k c"], b: int, joint: Joint, start: float = 0.0, full: float = 0.95, lazy: bool = True) -> Greedy:
    """Greedy maximisation of the joint mutual information: at least 1 - 1/e of the best batch, as it is monotone and submodular.

    Args:
        probs: The candidates.
        b: Picks at most.
        joint: The state, changed in place; it may hold items already.
        start: Joint score in nats of what it holds.
        full: Stop once the joint score exceeds this share of log k, which no batch can exceed; above 1: never.
        lazy: While gains are exact, skip items whose last known gain bounds them below the best one. Same picks.

    Returns:
        Up to b picks; fewer when the joint score is at its ceiling, or no item adds anything.
    """
    n, k, _ = probs.shape
    bounds = bald(probs) + TIE
    rows: list[int] = []
    gains: list[float] = []
    exact = 0
    while len(rows) < min(b, n):
        total = start + sum(gains)
        if total >= full * np.log(k):
            return Greedy(np.array(rows, dtype=np.int64), np.array(gains), exact, True)
        row, gain = _lazily(probs, bounds, joint) if joint.exact and lazy else _best(probs, bounds, joint)
        if gain <= TIE:
            return Greedy(np.array(rows, dtype=np.int64), np.array(gains), exact, True)
        exact += int(joint.exact)
        rows.append(row)
        gains.append(gain)
        bounds[row] = -np.inf
        joint.add(probs[row])
        current().picked(len(rows), b)
    return Greedy(np.array(rows, dtype=np.int64), np.array(gains), exact, False)


def _lazily(probs: np.ndarray, bounds: np.ndarray, joint: Joint) -> tuple[int, float]:
    """The best row by exact gains; every gain that is computed becomes the row's bound, since gains only shrink."""
    order = np.lexsort((np.arange(len(bounds)), -bounds))
    known = np.full(len(bounds), -np.inf)
    best = -np.inf
    for low in range(0, len(order), LAZY):
        rows = order[low : low + LAZY]
        rows = rows[np.isfinite(bounds[rows]) & (bounds[rows] >= best - TIE)]
        if not len(rows):
            break
        known[rows] = joint.gains(probs[rows].astype(np.float64))
        best = max(best, float(known[rows].max()))
    seen = np.isfinite(known)
    bounds[seen] = np.minimum(bounds[seen], known[seen] + TIE)
    row = int(np.flatnonzero(seen & (known >= best - TIE))[0])
    return row, float(known[row])


def _best(probs: np.ndarray, bounds: np.ndarray, joint: Joint) -> tuple[int, float]:
    """The best row of all: in float32 first where the input is, then in float64 for every row that its error leaves in question."""
    left = np.isfinite(bounds)
    rough = np.where(left, joint.gains(probs), -np.inf)
    rows = np.flatnonzero(rough >= rough.max() - 2 * slack(probs))
    fine = joint.gains(probs[rows].astype(np.float64))
    first = int(np.flatnonzero(fine >= fine.max() - TIE)[0])
    return int(rows[first]), float(fine[first])


def slack(probs: Float[np.ndarray, "n k c"]) -> float:
    """How far a gain may be from its float64 value: k products and `TALL` terms of size 1 + log c, with random signs of rounding."""
    k, c = probs.shape[1:]
    return TIE if probs.dtype != np.float32 else 2.0 * float(np.finfo(np.float32).eps) * (k + c + np.sqrt(TALL)) * (1 + float(np.log(c)))


def prefiltered(scores: Float[np.ndarray, " n"], most: int) -> Int[np.ndarray, " m"]:
    """Rows of the `most` best scores, ascending; all rows for 0."""
    return np.arange(len(scores)) if most <= 0 or most >= len(scores) else np.sort(top_k(scores, most))
