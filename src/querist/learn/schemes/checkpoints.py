"""Checkpoint ensembles: weights that training passes through anyway are kept as the members of an ensemble.

Reference:
    Chitta, Alvarez, Haussmann & Farabet 2019, "Training data subset search with ensemble active learning", arXiv 1905.12737.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.learn.programme import Hook, Programme, Programmed, Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.statistics.checkpoint_moments import PREFIX
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network


@dataclass(frozen=True)
class Checkpoints:
    """The inner scheme, keeping some of the weights that it passes through; it provides `checkpoint_moments`.

    Attributes:
        inner: What trains the network; it trains as it would alone.
        every: Times in the training stage at which weights are kept, at even distances.
        last: How many are kept in the end, the final ones among them; ≤ `every`, so that none is from before the first step.
    """

    inner: Programmed = Supervised()
    every: int = 20
    last: int = 10
    provides: ClassVar[frozenset[str]] = frozenset({"checkpoint_moments"})

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with places for weights.

        Raises:
            UsageError: for more checkpoints than there are times to keep them.
        """
        if not 1 <= self.last <= self.every:
            raise UsageError("checkpoints are kept at some of the times", got=f"last={self.last}, every={self.every}", wanted="1 ≤ last ≤ every")
        made = self.inner.programme(setting)

        def keep(training: Training) -> None:
            count = int(training.notes.get("checkpoints", 0))
            training.modules[f"{PREFIX}{count % self.last}"].load_state_dict(training.modules[made.answers].state_dict())
            training.notes["checkpoints"] = count + 1

        stage = made.stage()
        changed = made.with_stage(dataclasses.replace(stage, hooks=(*stage.hooks, Hook(keep, self.every))))
        places = {f"{PREFIX}{number}": copy.deepcopy(setting.network).requires_grad_(False) for number in range(self.last)}
        return dataclasses.replace(changed, modules={**changed.modules, **places}, after=(*changed.after, keep))

    def around(self, scheme: Any) -> Checkpoints:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)
