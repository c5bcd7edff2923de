"""The selections of `farthest` and `seeding` on torch tensors: on a CUDA device nothing waits for the host between two picks of a block.

Used only when a tensor on a device comes or when it is asked for. The picks are those of the NumPy kernels: passes are float32
products under the bound of `rows.py`, what decides are differences in float64; proposals come from the same stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from querist.kernels.budget import current
from querist.kernels.clustering import RELATIVE_ZERO
from querist.kernels.rows import TINY, slack
from querist.kernels.seeding import PATIENCE, PROPOSALS, SUMS

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any  # importing this file loads no torch, like every file of the kernels

BLOCK = 512
"""Rows whose true distances are kept at a time; one wait for the host per block."""

ROOM = 2**26
"""Elements of a product of the pool with centres at a time."""


def _groups(rows: Tensor, size: int) -> list[Tensor]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]


class _Pool:
    """Rows about a shift; upper bounds on squared distances; which of them are exact."""

    def __init__(self, x: Tensor, given: Tensor) -> None:
        import torch

        self.x, self.given = x, given
        self.n, self.d = x.shape
        self.shift = x[:: max(1, self.n // 4096)].double().mean(dim=0).float().double()
        self.step = max(1, ROOM // max(512, self.d))
        self.norms = torch.cat([((part.double() - self.shift) ** 2).sum(dim=1) for part in _groups(x, self.step)])
        largest = float(self.norms.max())
        # Outside float32's comfortable range, for very wide rows, and where products may be rounded to TF32, passes are float64 too.
        comfortable = (
            torch.get_float32_matmul_precision() == "highest" and slack(self.d, 2.0**-24) <= 1 / 250 and (largest == 0 or 2.0**-40 <= largest <= 2.0**40)
        )
        far = bool(len(given)) and float(((given.double() - self.shift) ** 2).sum(dim=1).max()) > 2.0**40
        self.dtype = torch.float32 if comfortable and not far else torch.float64
        self.e = slack(self.d, 2.0**-24 if self.dtype == torch.float32 else 2.0**-53)
        self.upper = torch.full((self.n,), torch.inf, dtype=torch.float64, device=x.device)

    def tighten(self, centres: Tensor) -> None:
        """Lower the bounds by centres (p, d) in float64."""
        import torch

        for group in _groups(centres, 512):
            b = group - self.shift
            own = (1 + 2 * self.e) * (b**2).sum(dim=1)
            right = (-2.0 * b).to(self.dtype)
            for start in range(0, self.n, self.step):
                part = slice(start, start + self.step)
                a = (self.x[part].double() - self.shift).to(self.dtype)
                low = torch.addmm(own.to(self.dtype), a, right.T).amin(dim=1).double()
                bound = (low + (1 + 2 * self.e) * self.norms[part] + TINY).clamp_min(0.0)
                self.upper[part] = torch.minimum(self.upper[part], bound)

    def exact(self, rows: Tensor, centres: Tensor) -> Tensor:
        """True distances of rows to their nearest centre."""
        import torch

        out = torch.full((len(rows),), torch.inf, dtype=torch.float64, device=self.x.device)
        for start in range(0, len(rows), 4096):
            a = self.x[rows[start : start + 4096]].double()
            for centre in _groups(centres, max(1, ROOM // (4096 * self.d))):
                gaps = ((a[:, None] - centre[None]) ** 2).sum(dim=2).amin(dim=1)
                out[start : start + 4096] = torch.minimum(out[start : start + 4096], gaps)
        return out

    def largest(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows of the largest bounds in ascending order, the largest bound outside and the first row that has it."""
        import torch

        values, rows = torch.sort(self.upper, descending=True, stable=True)
        if self.n > size:
            return rows[:size].sort().values, values[size], rows[size]
        return rows.sort().values, values.new_tensor(-torch.inf), rows.new_tensor(self.n)


def k_center(x: Tensor, centres: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """See `farthest.k_center`; rows (p,) and squared distances (p,) on the device of x."""
    import torch

    budget, k = current(), min(k, len(x))
    picks, values = x.new_empty(0, dtype=torch.int64), x.new_empty(0, dtype=torch.float64)
    if k <= 0:
        return picks, values
    pool = _Pool(x, centres)
    if not len(centres):
        mean = x.double().mean(dim=0) if pool.n <= pool.step else sum(part.double().sum(dim=0) for part in _groups(x, pool.step)) / pool.n
        gaps = torch.cat([((part.double() - mean) ** 2).sum(dim=1) for part in _groups(x, pool.step)])
        picks = (gaps <= gaps.min() * (1 + 1e-9)).to(torch.uint8).argmax()[None]
        values = values.new_full((1,), torch.inf)
    known = torch.cat([centres.double(), x[picks].double()])
    pool.tighten(known)
    while len(picks) < k:
        pool.upper[picks] = -torch.inf
        rows, outside, first = pool.largest(BLOCK)
        near = pool.exact(rows, known).where(pool.upper[rows] > -torch.inf, -torch.inf)
        new, new_values, near = _from_block(pool.x[rows].double(), rows, near, outside, first, k - len(picks))
        pool.upper[rows] = near
        if len(new):
            picks, values = torch.cat([picks, new]), torch.cat([values, new_values])
            known = torch.cat([known, x[new].double()])
            pool.tighten(x[new].double())
        else:
            unclear = torch.nonzero(pool.upper >= near.max())[:, 0]
            pool.upper[unclear] = pool.exact(unclear, known)
        budget.picked(len(picks), k)
    return picks, values


def _from_block(a: Tensor, rows: Tensor, near: Tensor, outside: Tensor, first: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pick from a block while its best beats all others; the host waits once per 64 picks."""
    import torch

    picks: list[Tensor] = []
    values: list[Tensor] = []
    alive = torch.ones((), dtype=torch.bool, device=a.device)
    while len(picks) < min(k, len(rows)):
        for _ in range(min(64, k - len(picks), len(rows) - len(picks))):
            i = near.argmax()
            alive = alive & ((near[i] > outside) | ((near[i] == outside) & (rows[i] < first)))
            picks.append(torch.where(alive, rows[i], -1))
            values.append(near[i].clone())
            closer = torch.minimum(near, ((a - a[i]) ** 2).sum(dim=1))
            closer[i] = -torch.inf
            near = torch.where(alive, closer, near)
        if not bool(alive):
            break
    found = torch.stack(picks)
    return found[found >= 0], torch.stack(values)[found >= 0], near


class _Factors:
    """One factor (vectors) or two (outer products); squared distances in float64 blocks."""

    def __init__(self, factors: tuple[Tensor, ...]) -> None:
        self.factors = factors
        self.n = len(factors[0])
        self.step = max(1, ROOM // max(512, *(one.shape[1] for one in factors)))
        one = factors[0]
        # The origin of a feature space means nothing; that of gradients does.
        self.shift: Any = sum(part.double().sum(dim=0) for part in _groups(one, self.step)) / self.n if len(factors) == 1 else 0.0

    def take(self, part: Any) -> tuple[list[Tensor], Tensor]:
        rows = [one[part].double() for one in self.factors]
        rows[0] = rows[0] - self.shift
        squares = (rows[0] ** 2).sum(dim=1)
        for other in rows[1:]:
            squares = squares * (other**2).sum(dim=1)
        return rows, squares

    @staticmethod
    def between(left: tuple[list[Tensor], Tensor], right: tuple[list[Tensor], Tensor]) -> Tensor:
        dot = left[0][0] @ right[0][0].T
        for a, b in zip(left[0][1:], right[0][1:], strict=True):
            dot = dot * (a @ b.T)
        return (left[1][:, None] + right[1] - 2.0 * dot).clamp_min(0.0)


def kmeans_pp(factors: tuple[Tensor, ...], k: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """See `seeding.kmeans_pp`; factors are (x,) for vectors or (a, h) for outer products."""
    import torch

    points, budget = _Factors(factors), current()
    n, k = points.n, min(k, points.n)
    cuts = [slice(start, start + points.step) for start in range(0, n, points.step)]
    norms = torch.cat([points.take(cut)[1] for cut in cuts])
    zero = RELATIVE_ZERO * norms.max()
    picks = norms.argmax()[None]
    values, weights, fresh, refused, total = norms[picks], torch.full_like(norms, torch.inf), 0, 10**12, 1.0
    while len(picks) < k:
        if refused >= max(PROPOSALS, n // PATIENCE):
            for centres in _groups(picks[fresh:], 512):
                right = points.take(centres)
                for cut in cuts:
                    closest = points.between(points.take(cut), right).amin(dim=1)
                    weights[cut] = torch.minimum(weights[cut], closest.where(closest > zero, 0.0))
            weights[picks] = 0.0
            fresh, refused = len(picks), 0
            sums = torch.nn.functional.pad(weights, (0, -n % SUMS)).view(-1, SUMS).sum(dim=1).cumsum(dim=0)
            total = float(sums[-1])
            if not total > 0:
                break
        uniform = torch.from_numpy(rng.random((PROPOSALS, 2))).to(weights.device)
        rows = _proposed(weights, sums, uniform[:, 0])
        new, new_values, used = _kept(points, rows, weights[rows], picks[fresh:], picks, uniform[:, 1], zero, k - len(picks))
        picks, values = torch.cat([picks, new]), torch.cat([values, new_values])
        refused += used - len(new)
        budget.picked(len(picks), k)
    if len(picks) < k:
        free = torch.ones(n, dtype=torch.bool)
        free[picks.cpu()] = False
        rest = torch.from_numpy(rng.permutation(np.flatnonzero(free.numpy()))[: k - len(picks)]).to(picks.device)
        picks, values = torch.cat([picks, rest]), torch.cat([values, values.new_zeros(len(rest))])
    return picks[:k], values[:k]


def _proposed(weights: Tensor, sums: Tensor, uniform: Tensor) -> Tensor:
    """Rows with probability ∝ weight, by a block and a row in it."""
    import torch

    at = uniform * sums[-1]
    block = torch.searchsorted(sums, at, right=True).clamp_max(len(sums) - 1)
    rest = at - torch.where(block > 0, sums[(block - 1).clamp_min(0)], 0.0)
    places = block[:, None] * SUMS + torch.arange(SUMS, device=weights.device)
    inside = torch.where(places < len(weights), weights[places.clamp_max(len(weights) - 1)], 0.0).cumsum(dim=1)
    row = torch.searchsorted(inside, rest[:, None], right=True)[:, 0]
    last = torch.searchsorted(inside, inside[:, -1:].contiguous())[:, 0]
    return block * SUMS + torch.minimum(row, last)


def _kept(points: _Factors, rows: Tensor, weights: Tensor, since: Tensor, picks: Tensor, uniform: Tensor, zero: Tensor, k: int) -> tuple[Tensor, Tensor, int]:
    """Proposals that are kept, their D², and how many were looked at; one wait for the host."""
    import torch

    taken = points.take(rows)
    near = weights.clone()
    for group in _groups(since, 512):
        near = torch.minimum(near, points.between(taken, points.take(group)).amin(dim=1))
    table, gone = points.between(taken, taken), torch.isin(rows, picks)
    kept, found = [], []
    for i in range(len(rows)):
        keep = ~gone[i] & (near[i] > zero) & (uniform[i] * weights[i] < near[i])
        kept.append(keep)
        found.append(near[i])
        gone = gone | (keep & (rows == rows[i]))
        near = torch.where(keep, torch.minimum(near, table[i]), near)
    places = torch.nonzero(torch.stack(kept))[:k, 0]
    return rows[places], torch.stack(found)[places], len(rows)
