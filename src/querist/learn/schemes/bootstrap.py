"""Each member of a committee trains on a resample of the labelled items, with replacement, so that members differ by what they saw.

Reference:
    Breiman 1996, "Bagging predictors"; Yang et al. 2017, arXiv 1706.04737.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.programme import PART, Programme, Programmed, Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network

OWN = 19 * PART
"""Added to a member's number for the stream that it resamples by."""


@dataclass(frozen=True)
class Bootstrap:
    """The inner scheme on as many labelled items as there are, drawn with replacement.

    Attributes:
        inner: What trains the network.
    """

    inner: Programmed = Supervised()

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        n = len(data.y)
        rows = streams.of(streams.member + OWN)("auxiliary").integers(n, size=n)
        rows.sort()
        ids = tuple(data.ids[row] for row in rows) if data.ids else ()
        drawn = dataclasses.replace(data, x=data.x[torch.from_numpy(rows)], y=data.y[rows], ids=ids)
        return carried_out(self, Setting(network, task, drawn, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme."""
        return self.inner.programme(setting)

    def around(self, scheme: Any) -> Bootstrap:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)
