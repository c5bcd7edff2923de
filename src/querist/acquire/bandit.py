"""Active learning by learning: a bandit that finds out which of several methods to follow, from what their picks brought.

The weights are learnt from round to round: a selection carries a memory, and the next round's view hands it back (decision 10).

Reference:
    Hsu & Lin 2015 (AAAI), "Active Learning by Learning"; an ensemble of queries under a bandit is also what DALAUP asks anchor users with
    (Cheng et al. 2019, arXiv:1906.07318).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np

from querist.acquire.compose import Compose, Random
from querist.acquire.ranked import CORESET, MARGIN, needs, rows_of_ids, whole
from querist.acquire.scores import Entropy
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.core.statistic import memory_of
from querist.kernels import bandits
from querist.kernels.information import predictive

Reward = Literal["accuracy", "surprise"]
ARMS: Final[tuple[Acquisition, ...]] = (Random(), MARGIN, Compose(score=Entropy()), CORESET)


@dataclass(frozen=True)
class Bandit:
    """Every place of a batch goes to the next pick of a method that is drawn by how much it is trusted.

    Attributes:
        arms: The methods; one of them should draw at random, so that the measured accuracy covers the pool.
        reward: `accuracy`: of the present model on everything that the bandit asked, each item weighed by 1 / the probability with which it was drawn, the same
            for all picks of a batch. `surprise`: 1 for a pick whose label the model that asked had wrong, else 0.
        horizon: T, the picks that are expected in all; the more there are, the more slowly it learns.
        delta: The published bound holds with probability 1 - δ.
        fade: What is left of earlier trust in every round: 1 keeps all of it, less lets recent rewards weigh more.
    """

    arms: tuple[Acquisition, ...] = ARMS
    reward: Reward = "accuracy"
    horizon: int = 500
    delta: float = 0.1
    fade: float = 1.0

    @property
    def needs(self) -> frozenset[str]:
        """What the methods need, and probabilities to measure with."""
        return needs(*self.arms) | {"probs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; scores count down the batch, every note says whose pick it is and by what chance.

        Raises:
            UsageError: for no arms, a reward that there is not, or numbers out of their ranges.
        """
        self._check()
        k = min(k, len(view.candidates))
        least = bandits.least_chance(len(self.arms), self.horizon)
        kept = self._remembered(view, least)
        logs = np.asarray(kept["logs"])
        if not k:
            return Selection((), (), memory=kept)
        chance = bandits.chances(logs, least)
        guesses = predictive(np.asarray(view.stat("probs"))).argmax(axis=1)
        orders = np.stack([rows_of_ids(view.candidates, arm.select(view, k, rng).ids) for arm in self.arms])
        taken, heads, doubt = np.zeros(len(view.candidates), dtype=bool), np.zeros(len(self.arms), dtype=np.int64), np.zeros(len(self.arms))
        ids, why, asked = [], [], dict(kept["asked"])
        for _ in range(k):
            offered = bandits.offers(orders, taken, heads)
            arm = int(rng.choice(len(self.arms), p=chance))
            row = int(offered[arm])
            odds = (offered[:, None] == offered) @ chance
            doubt += 1.0 / odds
            taken[row] = True
            item = view.candidates[row]
            ids.append(item)
            why.append(f"pick of method {arm + 1} of {len(self.arms)} (chance {chance[arm]:.2f}; {kept['known']})")
            advised = [int(one) for one in np.flatnonzero(offered == row)]
            asked[item] = {"odds": float(odds[arm]), "advised": advised, "guess": int(guesses[row]), "new": True}
        memory = {**kept, "asked": asked, "doubt": doubt.tolist()}
        return Selection(tuple(ids), tuple(float(k - place) for place in range(k)), tuple(why), memory)

    def _remembered(self, view: PoolView, least: float) -> dict[str, Any]:
        """What earlier rounds left, with the labels that have come since counted in."""
        memory = memory_of(view)
        if memory is None or len(memory["logs"]) != len(self.arms):
            return {"logs": [0.0] * len(self.arms), "doubt": [0.0] * len(self.arms), "asked": {}, "known": "no rewards yet"}
        label = dict(zip(view.labelled, view.labels, strict=False))
        waits = set(view.pending)
        asked: dict[str, Any] = {item: one for item, one in memory["asked"].items() if item in label or item in waits}
        news = [item for item, one in asked.items() if one["new"] and item in label]
        if not news:
            return {**memory, "asked": asked}
        rewards = self._rewards(view, asked, news, label)
        advised = np.array([[arm in asked[item]["advised"] for arm in range(len(self.arms))] for item in news])
        logs = bandits.learnt(
            self.fade * np.asarray(memory["logs"]), advised, np.array([asked[item]["odds"] for item in news]), rewards,
            np.asarray(memory["doubt"]), least, self.horizon, self.delta,
        )  # fmt: skip
        asked |= {item: {**asked[item], "new": False} for item in news}
        return {**memory, "logs": logs.tolist(), "asked": asked, "known": f"{self.reward} {rewards.mean():.2f} of {len(news)} labels before"}

    def _rewards(self, view: PoolView, asked: Mapping[str, Any], news: list[str], label: Mapping[str, int]) -> np.ndarray:
        if self.reward == "surprise":
            return np.array([float(asked[item]["guess"] != label[item]) for item in news])
        rows = np.array([row for row, item in enumerate(view.labelled) if item in asked], dtype=np.int64)
        right = predictive(np.asarray(view.stat("probs", "labelled")))[rows].argmax(axis=1) == np.asarray(view.labels)[rows]
        weight = np.array([1.0 / asked[view.labelled[row]]["odds"] for row in rows])
        return np.full(len(news), float(right @ weight / weight.sum()))

    def _check(self) -> None:
        if not self.arms:
            raise UsageError("a bandit needs methods to choose from", got="no arms", wanted="at least one")
        whole(self.horizon, "horizon")
        if self.reward not in get_args(Reward):
            raise UsageError("a bandit has no such reward", got=self.reward, wanted=" or ".join(get_args(Reward)))
        if not (0.0 < self.delta < 1.0 and 0.0 <= self.fade <= 1.0):
            raise UsageError("these trusts cannot be learnt", got=f"delta={self.delta:g}, fade={self.fade:g}", wanted="0 < delta < 1, 0 ≤ fade ≤ 1")
