"""`auto`: a fixed, published rule instead of a choice that the user cannot make.

The rule reads what is labelled (how much a class, which classes not at all), the batch's share of the pool, the pool's size, and
which statistics there are. Its thresholds were chosen on development data only (docs/which-strategy.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import ClassVar, NamedTuple

import numpy as np

from querist.acquire.bait import BAIT
from querist.acquire.cluster_margin import ClusterMargin
from querist.acquire.compose import Compose
from querist.acquire.coverage import FacilityLocation
from querist.acquire.embeddings import Gradients
from querist.acquire.ranked import MARGIN, rows_of_ids
from querist.acquire.scores import Margin
from querist.acquire.selectors import KMeansPP
from querist.acquire.stochastic import Stochastic
from querist.acquire.uherding import UHerding
from querist.acquire.unit import Unit
from querist.core.contracts import Acquisition, PoolView
from querist.core.records import Selection
from querist.kernels.herding import Gaussian
from querist.kernels.information import predictive

SAMPLE = 1536
"""Candidates that cover and are covered: their similarities take 9 MB, which a worker on a small machine can spare."""
TYPICAL = Compose(embed=Unit(), selector=FacilityLocation(similarity=Gaussian(), sample=SAMPLE))
SPREAD = Compose(score=Margin(), selector=Stochastic())
BADGE = Compose(embed=Gradients(), selector=KMeansPP())
HERDING = UHerding(sample=SAMPLE)
FISHER = BAIT(expectation="top2", ridge=0.01, pca_dim=64)
MOST_CLASSES = 32
"""More would make BAIT's matrices (64 · classes wide) larger than a worker should hold."""
CLUSTERS = ClusterMargin()
SHORTLIST = 10
"""Of a huge pool the `SHORTLIST · k` smallest margins compete."""


class Branch(NamedTuple):
    """What the rule chose: a catalogue name, the acquisition, and why."""

    name: str
    acquisition: Acquisition
    reason: str


@dataclass(frozen=True)
class Auto:
    """Cover while labels are few, then lower the uncertainty of the last layer; later small margins, gradients for larger batches.

    Attributes:
        few: Labels per class below which the features are covered.
        many: Labels per class from which margins of a trained network need no help.
        small: Batch size over candidates up to which the batch need not be diverse.
        large: The same from which the smallest margins are spread over clusters.
        huge: Candidates above which only those of smallest margin compete.
        statistics: What there is to read; `given` sets it.
        frozen: Features stay the same from round to round (a linear head on a frozen encoder); `given` sets it.
    """

    phases: ClassVar[tuple[str, ...]] = ("maxherding", "uherding", "bait_top2", "margin", "badge", "cluster_margin")
    """Names of the branches where there are features and probabilities."""

    few: float = 4.0
    many: float = 10.0
    small: float = 0.02
    large: float = 0.1
    huge: int = 1_000_000
    statistics: tuple[str, ...] = ("features", "gradients", "probs")
    frozen: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """Whatever there is of probabilities, features and gradients."""
        return frozenset(self.statistics)

    def given(self, statistics: frozenset[str], *, frozen: bool = False) -> Auto:
        """The same rule for what a learner, or somebody's arrays, provide; see `core.contracts.Adaptive`."""
        there: tuple[str, ...] = tuple(name for name in ("features", "gradients", "probs") if name in statistics)
        if "probs" not in there and "sites" in statistics:
            there += ("sites",)
        return replace(self, statistics=there or ("probs",), frozen=frozen)

    def branch(self, view: PoolView, k: int) -> Branch:
        """The branch for this round."""
        if "features" not in self.statistics:
            return self._without_features(k / max(len(view.candidates), 1))
        if not {"probs", "sites"} & set(self.statistics):
            return Branch("maxherding", TYPICAL, "there are features, but no probabilities")
        if not len(view.labelled):
            return Branch("maxherding", TYPICAL, "nothing is labelled yet")
        if "probs" not in self.statistics:
            return self._sited(k / max(len(view.candidates), 1))
        scarce = self._scarce(view)
        return Branch("maxherding", TYPICAL, scarce) if scarce else self._refining(view, k)

    def _refining(self, view: PoolView, k: int) -> Branch:
        share = k / max(len(view.candidates), 1)
        per_class = len(view.labels) / max(view.classes, 1)
        enough = f"{per_class:.1f} labels per class" if len(view.labels) else "items are labelled"
        if share > self.large:
            return self._spreading(f"{enough}, the batch is {share:.1%} of the candidates")
        if self.frozen:
            return Branch("uherding", HERDING, f"{enough}, the features do not change")
        if 0 < per_class < self.many and view.classes <= MOST_CLASSES:
            return Branch("bait_top2", FISHER, f"{enough} < {self.many:g}")
        if share <= self.small:
            return Branch("margin", MARGIN, f"{enough}, the batch is only {share:.2%} of the candidates")
        if len(view.candidates) > self.huge:
            return Branch("badge", replace(BADGE, score=Margin(), prefilter=SHORTLIST), f"{enough}, more than {self.huge:,} candidates")
        return Branch("badge", BADGE, f"{enough}, the batch is {share:.1%} of the candidates")

    def _sited(self, share: float) -> Branch:
        """Items with sites of their own classes: what is aggregated are margins."""
        if share > self.large:
            return self._spreading(f"items have sites, the batch is {share:.1%} of the candidates")
        return Branch("uherding", HERDING, "items have sites, the features do not change") if self.frozen else Branch("margin", MARGIN, "items have sites")

    def _spreading(self, large: str) -> Branch:
        if find_spec("scipy") is None:
            return Branch("badge", BADGE, f"{large}; scipy, which would cluster them, is not installed")
        return Branch("cluster_margin", CLUSTERS, large)

    def _scarce(self, view: PoolView) -> str:
        """Why labels are few, or nothing where they are not or nobody gave their values."""
        if not len(view.labels):
            return ""
        unseen = view.classes - len(set(view.labels))
        if unseen > 0:
            return f"{unseen} of {view.classes} classes not seen yet"
        per_class = len(view.labels) / max(view.classes, 1)
        return f"{per_class:.1f} labels per class < {self.few:g}" if per_class < self.few else ""

    def _without_features(self, share: float) -> Branch:
        if share > self.large:
            return Branch("power margin", SPREAD, f"there are no features, the batch is {share:.1%} of the candidates")
        return Branch("margin", MARGIN, "there are no features")

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; every note starts with the branch taken and what is alarming about the batch."""
        name, acquisition, reason = self.branch(view, k)
        chosen = acquisition.select(view, k, rng)
        told = "; ".join([reason, *self._alarms(view, chosen)])
        return replace(chosen, note=tuple(f"auto → {name} ({told}): {why}" for why in chosen.note))

    def _alarms(self, view: PoolView, chosen: Selection) -> list[str]:
        """What a person should look at."""
        if "probs" not in self.statistics or len(chosen) < 5:
            return []
        probs = view.stat("probs")
        alarms = []
        if probs.shape[1] > 1 and len(probs) and bool((probs == probs[:, :1]).all()):
            alarms.append("alarm: the posterior samples are identical")
        predicted = predictive(probs).argmax(axis=1)
        batch = np.bincount(predicted[rows_of_ids(view.candidates, chosen.ids)], minlength=view.classes)
        pool = np.bincount(predicted, minlength=view.classes)
        most = int(batch.argmax())
        if batch[most] >= 0.8 * len(chosen) and pool[most] < 0.5 * len(predicted):
            alarms.append(f"alarm: {batch[most]} of {len(chosen)} picks are predicted to be of one class")
        never = int(np.count_nonzero(pool[np.setdiff1d(np.arange(len(pool)), np.asarray(view.labels, dtype=np.int64))])) if len(view.labels) else 0
        if never:
            alarms.append(f"alarm: {never} classes are predicted but were never labelled")
        return alarms
