"""EPIG: label what tells most about the predictions that matter, not about all weights (arXiv 2304.08151)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.selectors import Selector, TopK, selection
from querist.core.contracts import PoolView
from querist.core.errors import UnknownItemError
from querist.core.records import Selection
from querist.kernels import targets as kernel


@dataclass(frozen=True)
class EPIG:
    """Expected information of a candidate's label about the labels of target inputs, in nats.

    Attributes:
        targets: How many candidates are drawn as targets; with fewer, all.
        ids: Items that stand for the inputs of interest, of any group of the view; instead of a draw.
        balance: Weigh targets so that every predicted class counts alike.
        selector: Chooses by the score, for example `Stochastic()`.

    Reference:
        Bickford Smith et al. 2023, arXiv 2304.08151.
    """

    targets: int = 100
    ids: tuple[str, ...] = ()
    balance: bool = False
    selector: Selector = TopK()

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`."""
        return frozenset({"probs"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        aims = self._given(view) if self.ids else self._drawn(view, rng)
        weights = kernel.balanced(aims) if self.balance else None
        scores = finite(kernel.epig(np.asarray(view.stat("probs")), aims, weights), view.candidates, "scores")
        picks = self.selector.choose(view, scores, None, k, rng)
        return selection(view, *picks)

    def _drawn(self, view: PoolView, rng: np.random.Generator) -> Any:
        """Probabilities (t, k, c) of targets drawn from the candidates."""
        rows = np.sort(rng.permutation(len(view.candidates))[: max(self.targets, 1)])
        return finite(np.asarray(view.stat("probs"))[rows], [view.candidates[row] for row in rows], "probs")

    def _given(self, view: PoolView) -> Any:
        """Probabilities (t, k, c) of the named targets."""
        found: dict[str, np.ndarray] = {}
        named = set(self.ids)
        for of, ids in (("candidates", view.candidates), ("labelled", view.labelled), ("pending", view.pending)):
            rows = [row for row, item in enumerate(ids) if item in named]
            if rows:
                found.update(zip((ids[row] for row in rows), np.asarray(view.stat("probs", of))[rows], strict=True))
        missing = [item for item in self.ids if item not in found]
        if missing:
            raise UnknownItemError("a target of EPIG is not in the pool", got=missing[0], wanted="ids of candidates, labelled or pending items")
        return finite(np.stack([found[item] for item in self.ids]), self.ids, "probs")
