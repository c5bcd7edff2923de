"""The last step of every round: let the acquisition choose, and check what it must never get wrong."""

from __future__ import annotations

import numpy as np

from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import StatisticError
from querist.core.records import RoundJob, Selection
from querist.core.rng import stream


def choose(acquisition: Acquisition, view: PoolView, job: RoundJob) -> Selection:
    """The batch and, behind it, the reserve.

    Raises:
        StatisticError: for repeated or foreign picks, a wrong number of them, or scores that are not finite.
    """
    wanted = min(job.batch + job.reserve, len(view.candidates))
    chosen = acquisition.select(view, wanted, stream(job.seed, job.round, "select"))
    if len(chosen) != wanted or len(set(chosen.ids)) != wanted or not set(chosen.ids) <= set(view.candidates):
        raise StatisticError("the acquisition broke its contract", got=f"{len(set(chosen.ids))} distinct picks", wanted=f"{wanted} distinct candidates")
    if not np.isfinite(chosen.scores).all():
        raise StatisticError("the acquisition gave scores that are not finite", wanted="finite numbers")
    return chosen
