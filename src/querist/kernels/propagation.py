"""Label propagation: a graph of nearest neighbours, and what spreads over it from the labelled items.

The graph is sparse, n · k edges; the solutions are those of (I - α W) z = y by conjugate gradients, never an n × n inverse.

Reference:
    Zhou et al. 2004, "Learning with local and global consistency"; Iscen et al. 2019, arXiv 1904.04717;
    Simeoni et al. 2020, arXiv 1911.08177 (the query).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from querist.core.optional import require
from querist.kernels.information import xlogy
from querist.kernels.neighbours import blocks, unit

NEEDED_BY = "label propagation"


def graph(x: Float[np.ndarray, "n d"], k: int, power: float = 3.0) -> Any:
    """The normalised graph D^-½ (A + Aᵀ) D^-½ as a sparse matrix (n, n), symmetric, with eigenvalues in [-1, 1].

    A holds max(cosine, 0)^power of each row and the k others with the largest cosine, ties to the lower row. A row without an edge stays empty.

    Raises:
        MissingExtraError: without scipy.
    """
    sparse = require("scipy.sparse", by=NEEDED_BY)
    rows, n, k = unit(x.astype(np.float64)), len(x), min(k, len(x) - 1)
    columns, values = np.zeros((n, max(k, 0)), dtype=np.int64), np.zeros((n, max(k, 0)))
    for block in blocks(n, n) if k > 0 else ():
        near = rows[block] @ rows.T
        here = np.arange(len(near))
        near[here, here + block.start] = -np.inf
        columns[block] = _largest(near, k)
        values[block] = np.take_along_axis(near, columns[block], axis=1)
    values = np.maximum(values, 0.0) ** power
    one_way = sparse.csr_matrix((values.ravel(), columns.ravel(), np.arange(n + 1) * max(k, 0)), shape=(n, n))
    both = one_way + one_way.T
    both.eliminate_zeros()
    degree = np.asarray(both.sum(axis=1)).ravel()
    scale = sparse.diags(np.where(degree > 0, 1.0 / np.sqrt(np.where(degree > 0, degree, 1.0)), 0.0))
    return (scale @ both @ scale).tocsr()


def _largest(near: Float[np.ndarray, "b n"], k: int) -> Int[np.ndarray, "b k"]:
    """Columns of the k largest values of each row, ascending; of equal ones the lower."""
    limit = np.partition(near, near.shape[1] - k, axis=1)[:, near.shape[1] - k, None]
    chosen = near >= limit
    for row in np.flatnonzero(chosen.sum(axis=1) > k):
        tied = np.flatnonzero(near[row] == limit[row])
        spare = int(chosen[row].sum()) - k
        chosen[row, tied[len(tied) - spare :]] = False
    return np.nonzero(chosen)[1].reshape(-1, k)


def diffused(edges: Any, start: Float[np.ndarray, "n c"], alpha: float = 0.99, iterations: int = 20, tolerance: float = 1e-6) -> Float[np.ndarray, "n c"]:
    """Column by column the z of (I - α W) z = y, by at most so many steps of conjugate gradients.

    Args:
        edges: W, see `graph`.
        start: y.
        alpha: In [0, 1): how far it spreads.
        iterations: Most steps.
        tolerance: Relative residual at which it stops.

    Raises:
        MissingExtraError: without scipy.
    """
    linalg, sparse = require("scipy.sparse.linalg", by=NEEDED_BY), require("scipy.sparse", by=NEEDED_BY)
    system = sparse.identity(len(start), format="csr") - alpha * edges
    found = [linalg.cg(system, column, rtol=tolerance, maxiter=iterations)[0] for column in np.ascontiguousarray(start.T, dtype=np.float64)]
    return np.stack(found, axis=1) if found else np.zeros(start.shape)


def seeds(labels: Int[np.ndarray, " m"], n: int, classes: int) -> Float[np.ndarray, "n c"]:
    """What spreads: 1 / n_c in the column of an item's class, n_c the labelled items of that class; the labelled items are the first m rows."""
    start = np.zeros((n, classes))
    start[np.arange(len(labels)), labels] = 1.0 / np.bincount(labels, minlength=classes)[labels]
    return start


def told(spread: Float[np.ndarray, "n c"]) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The class that reached each row most, ties to the lower, and a weight in [0, 1]: 1 - entropy / log c over the largest of these.

    A row that nothing reached has weight 0.
    """
    above = np.maximum(spread, 0.0)
    total = above.sum(axis=1)
    shares = above / np.where(total > 0, total, 1.0)[:, None]
    entropy = -xlogy(shares).sum(axis=1)
    certain = np.where(total > 0, 1.0 - entropy / np.log(max(spread.shape[1], 2)), 0.0)
    most = float(certain.max(initial=0.0))
    return above.argmax(axis=1), np.clip(certain / most, 0.0, 1.0) if most > 0 else certain


def least_reached(
    edges: Any, labelled: Bool[np.ndarray, " n"], k: int, alpha: float = 0.99, iterations: int = 20
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Greedy: the row that diffusion from all labelled ones reaches least, then it counts as labelled too.

    A pick adds its own diffusion to the one before, which is what solving anew would give: the system is linear.

    Args:
        edges: See `graph`.
        labelled: Rows from which it spreads; never picked.
        k: Picks, at most the rows that are not labelled.
        alpha: See `diffused`.
        iterations: See `diffused`.

    Returns:
        Rows in order, ties to the lower one, and what had reached each when it was picked.
    """
    reached = diffused(edges, labelled[:, None].astype(np.float64), alpha, iterations)[:, 0]
    closed = labelled.copy()
    rows, values = np.empty(k, dtype=np.int64), np.empty(k)
    for place in range(k):
        row = int(np.argmin(np.where(closed, np.inf, reached)))
        rows[place], values[place] = row, reached[row]
        closed[row] = True
        if place + 1 < k:
            own = np.zeros((len(reached), 1))
            own[row] = 1.0
            reached = reached + diffused(edges, own, alpha, iterations)[:, 0]
    return rows, values
