"""Uncertainty scores of class probabilities, in forms that do not tie on over-confident networks.

`1 - max p` in float32 is exactly 0 for every item once the logit gap exceeds 17, and "the most uncertain" becomes the
first rows of the pool. Here the mass of the *other* classes is summed directly, which keeps its digits down to 1e-38.

Rows are read in blocks that stay in cache and turned into columns there, so that every step runs over long contiguous
vectors, whatever c is. Float32 input stays float32 in entropy and BALD, which are written as sums of terms ≥ 0 or of
deviations from the mean, so that they keep a relative accuracy of about 1e-6; all else is float64. Sums are taken in an
order that depends on k and c alone, never on the block.

What sums the mass of the other classes has the sum of the row in hand: least confidence, margin and entropy score a row
NaN whose mean is no distribution, which saves a pass over the pool beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.simplex import tolerance

BLOCK = 1 << 17
"""Probabilities in float32 handled at a time, half as many in float64: what fits into a core's cache, whatever n is."""

MANY = 32
"""Terms from which on a float32 sum is accumulated in float64."""


def predictive(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, "n c"]:
    """Mean over posterior samples, float64."""
    return np.asarray(probs.mean(axis=1, dtype=np.float64))


def least_confidence(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """1 - p(1), the mass outside the predicted class, in [0, 1 - 1/c]; NaN for what is no distribution."""

    def block(p: np.ndarray) -> np.ndarray:
        top, others, _ = _ranked(p)
        mass = np.asarray(others.sum(axis=0, dtype=np.float64))
        return _marked(mass, mass + top, others, p)

    return _rowwise(block, probs)


def margin(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """1 - (p(1) - p(2)), in [0, 1]: the order of -(p(1) - p(2)) without its ties near certainty; NaN for what is no distribution."""

    def block(p: np.ndarray) -> np.ndarray:
        top, others, _ = _ranked(p)
        mass = others.sum(axis=0, dtype=np.float64)
        return _marked(mass + others.max(axis=0, initial=0.0), mass + top, others, p)

    return _rowwise(block, probs)


def ratio(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """p(2) / p(1), in [0, 1]."""

    def block(p: np.ndarray) -> np.ndarray:
        top, others, _ = _ranked(p)
        return np.asarray(np.divide(others.max(axis=0, initial=0.0), top, dtype=np.float64))

    return _rowwise(block, probs)


def entropy(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """Predictive entropy in nats, in [0, log c]; the top class enters as log1p(-(mass of the others)); NaN for what is no distribution."""

    def block(p: np.ndarray) -> np.ndarray:
        top, others, spare = _ranked(p)
        mass = _total(others)
        sums = mass + top
        # Rows that were normalised in float32 may miss 1 by an ulp: the clip keeps log1p's argument above -1.
        mass = np.negative(np.minimum(mass, 1 - np.finfo(others.dtype).epsneg, out=mass), out=mass)
        mass = np.log1p(mass, out=mass)
        mass *= top
        mass += _total(xlogy(others, out=spare))
        return _marked(np.negative(mass, out=mass), sums, others, p)

    return _rowwise(block, probs)


def bald(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """Mutual information of label and weights in nats (Houlsby et al. 2011, arXiv 1112.5745), in [0, min(log k, log c)].

    Mean over k of KL(p_k ‖ p̄) as Σ p̄ (t log t - (t - 1)) with t = p_k / p̄: no difference of two entropies, so members that
    agree give 0 and not rounding noise, and an error of p̄ enters in second order only.
    """

    def block(p: np.ndarray) -> np.ndarray:
        m, k, c = p.shape
        t, lanes = _columns(p)
        mean = t.sum(axis=0) / t.dtype.type(k) + np.finfo(t.dtype).tiny
        t *= 1 / mean  # twice as fast as a division; that error is one of the mean as well
        if not t.min() > 0:  # twice as fast as adding it to all
            t += np.finfo(t.dtype).tiny
        gain = np.einsum("kx,kx->x", t, np.log(t), dtype=np.float64 if k > MANY else t.dtype)
        t -= 1
        gain -= _total(t)
        gain *= mean
        total = gain.reshape(c // lanes, m, lanes).sum(axis=0, dtype=np.float64)
        return np.asarray(np.maximum(sum(total[:, lane] for lane in range(lanes)) / k, 0.0))

    return _rowwise(block, probs)


def between_and_within(probs: Float[np.ndarray, "n k c"], members: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """What BALD of an ensemble of sampled networks consists of: they add up to it (chain rule of the Jensen–Shannon divergence).

    Args:
        probs: k = members · samples of each, the samples of one member side by side.
        members: Number of networks.

    Returns:
        BALD of the members' means, and the mean over members of BALD inside one.
    """
    n, k, c = probs.shape
    split = probs.reshape(n, members, k // members, c)
    within = sum((bald(split[:, member]) for member in range(members)), start=np.zeros(n)) / members
    return bald(split.mean(axis=2, dtype=np.float64)), within


def mean_std(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """Standard deviation over the k samples (ddof 0), averaged over classes, in [0, 1/2]; in two passes, so never the root of a negative number."""

    def block(p: np.ndarray) -> np.ndarray:
        samples = p.astype(np.float64)
        k = samples.shape[1]
        off = samples - (_over_samples(samples) / k)[:, None]
        return np.asarray(np.sqrt(_over_samples(off * off) / k).mean(axis=1))

    return _rowwise(block, probs)


def variation_ratio(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """1 - (votes for the modal class) / k, in [0, 1 - 1/min(k, c)]; at most k + 1 distinct values."""
    return _rowwise(lambda p: 1.0 - _votes(p).max(axis=1) / p.shape[1], probs)


def vote_entropy(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """Entropy in nats of the distribution of the k samples' votes, in [0, min(log k, log c)]."""
    return _rowwise(lambda p: -xlogy(_votes(p) / p.shape[1]).sum(axis=1), probs)


def xlogy(p: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Compute p log p elementwise, 0 at p = 0; float32 stays float32. `out` may take the result, not `p` itself."""
    # A maximum would say it better and takes four times as long; a look for zeros takes half as long as the sum.
    out = np.log(p, out=out) if p.min(initial=1.0) > 0 else np.log(np.add(p, np.finfo(p.dtype).tiny, out=out), out=out)
    out *= p
    return np.asarray(out)


def _marked(scores: np.ndarray, sums: np.ndarray, others: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The scores, NaN where the mean is no distribution."""
    least, allowed = others.min(initial=1.0), tolerance(p.dtype)
    if not (least >= 0 and sums.min() > 1 - allowed and sums.max() < 1 + allowed):
        scores[~(np.abs(sums - 1) < allowed) | ~(others >= 0).all(axis=0)] = np.nan
    return scores


def _total(x: np.ndarray) -> np.ndarray:
    """Sum over the first axis."""
    return np.asarray(x.sum(axis=0, dtype=np.float64 if len(x) > MANY else x.dtype))


def _dtype(p: np.ndarray) -> type[np.floating]:
    return np.float32 if p.dtype == np.float32 else np.float64


def _votes(p: np.ndarray) -> Int[np.ndarray, "n c"]:
    """How many samples have their (first) largest probability at each class."""
    n, _, c = p.shape
    cells = np.arange(n)[:, None] * c + p.argmax(axis=2)
    return np.bincount(cells.ravel(), minlength=n * c).reshape(n, c)


def _over_samples(x: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, "n c"]:
    """Sum over k by halves: long inner loops although c is short."""
    while x.shape[1] > 1:
        half = x.shape[1] // 2
        rest = x[:, 2 * half :]
        x = x[:, :half] + x[:, half : 2 * half]
        if rest.shape[1]:
            x[:, :1] += rest
    return x[:, 0]


def _columns(p: Float[np.ndarray, "m k c"]) -> tuple[np.ndarray, int]:
    """(k, c·m), every item a column; two neighbouring float32 travel as one number, which halves the cost: (k, c/2·m·2)."""
    m, k, c = p.shape
    flat: np.ndarray = np.ascontiguousarray(p, dtype=_dtype(p)).reshape(m, k * c)
    lanes = 2 if flat.dtype == np.float32 and c % 2 == 0 else 1
    wide = flat.view(np.float64) if lanes == 2 else flat
    return np.array(wide.T, order="C").view(flat.dtype).reshape(k, c * m), lanes


def _ranked(p: Float[np.ndarray, "n k c"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "c-1 n"], Float[np.ndarray, "c-1 n"]]:
    """The largest mean probability of each item; columns of the others in no order: who loses in a tournament; room of their size, in cache."""
    mean = p[:, 0] if p.shape[1] == 1 else _over_samples(p.astype(np.float64)) / p.shape[1]
    x = np.array(mean.T, dtype=_dtype(mean), order="C")
    losers, spare = np.empty_like(x[1:]), x[1:]
    while len(x) > 1:
        half = len(x) // 2
        first, second, done = x[:half], x[len(x) - half :], len(losers) + 1 - len(x)
        np.minimum(first, second, out=losers[done : done + half])
        np.maximum(first, second, out=first)
        x = x[: len(x) - half]
    return x[0], losers, spare


def _blocks(probs: np.ndarray) -> Iterator[slice]:
    numbers = BLOCK if probs.dtype == np.float32 else BLOCK // 2
    step = max(1, numbers // max(1, int(np.prod(probs.shape[1:]))))
    for start in range(0, len(probs), step):
        yield slice(start, start + step)


def _rowwise(block: Callable[[np.ndarray], np.ndarray], probs: np.ndarray) -> np.ndarray:
    out = np.empty(len(probs), dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN in, NaN out
        for rows in _blocks(probs):
            out[rows] = block(probs[rows])
    return out
