"""Selection via proxy: a small network chooses, the target is trained once, on what it chose.

The small network is the recipe `proxy` (any method, any project); `rank_agreement` says whether it ranks as the target would.

Reference:
    Coleman et al. 2020, arXiv 1906.11829.
"""

from __future__ import annotations

from dataclasses import dataclass

from querist.acquire.checks import finite
from querist.acquire.scores import Score
from querist.core.contracts import PoolView
from querist.core.errors import StatisticError
from querist.kernels.agreement import spearman
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class Agreement:
    """How a proxy ranks beside its target.

    Attributes:
        spearman: Rank correlation of the scores, NaN when one side is constant.
        shared: Share of the k best of the target that are among the k best of the proxy.
    """

    spearman: float
    shared: float


def rank_agreement(score: Score, proxy: PoolView, target: PoolView, k: int) -> Agreement:
    """Compare a score under two networks on the same candidates.

    Args:
        score: The score that selects.
        proxy: View of the small network.
        target: View of the target network.
        k: Batch size of `shared`, ≥ 1.

    Raises:
        StatisticError: if the views have different candidates, or a score is not finite.

    Reference:
        Coleman et al. 2020, arXiv 1906.11829.
    """
    if list(proxy.candidates) != list(target.candidates):
        raise StatisticError("proxy and target have different candidates", got=len(proxy.candidates), wanted=f"the same {len(target.candidates)} ids")
    small, large = (finite(score(view), view.candidates, "scores") for view in (proxy, target))
    best = top_k(large, k)
    return Agreement(spearman(small, large), len(set(best.tolist()) & set(top_k(small, k).tolist())) / max(len(best), 1))
