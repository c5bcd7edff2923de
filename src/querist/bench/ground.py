"""Training on a labelled set without a project: the inputs, learner, streams and measure of a run, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from querist.core.contracts import no_report
from querist.core.optional import require
from querist.core.order import canonical
from querist.core.rng import Streams
from querist.data.datasets import NamedPool, NamedSet
from querist.tasks import new_space

if TYPE_CHECKING:
    from querist.learn.inputs import Inputs
    from querist.learn.learner import Fitted, Learner
    from querist.tasks.classification.learning import ClassificationHead


def cost(learner: Learner, labels: int) -> float:
    """Optimiser steps of one training on so many labels, for progress; 1 where the scheme does not say."""
    steps = getattr(learner.scheme, "steps", None)
    return float(steps(labels)) if callable(steps) else 1.0


@dataclass(frozen=True)
class Ground:
    """A named data set, ready to be learnt from.

    Attributes:
        data: The set.
        task: Its loss, targets and metrics.
        inputs: Where the tensors of the pool come from; standardised by the pool alone.
        options: The learner options that the inputs were made under.
    """

    data: NamedSet
    task: ClassificationHead
    inputs: Inputs
    options: Mapping[str, Any]

    @classmethod
    def open(cls, data: NamedSet, options: Mapping[str, Any], folder: Path) -> Ground:
        """The ground of a data set under learner options.

        Args:
            data: The set.
            options: As `assemble.parts.learner` takes them; `encoder`, `weights` and `side` decide the inputs.
            folder: Where encoded items are kept, as a study keeps them: those of its runs are taken up.

        Raises:
            MissingExtraError: without torch.
        """
        require("torch", by="training a network here")
        from querist.assemble.features import alone, fill
        from querist.assemble.parts import inputs
        from querist.tasks.classification.learning import ClassificationHead

        pool = NamedPool(data.name, data.pool.root, "pool")
        head = ClassificationHead.of(new_space("classification", list(data.classes)).schema())
        if not options.get("encoder"):
            return cls(data, head, inputs(pool, options, folder), options)
        shared = folder / pool.fingerprint()[:16]
        with alone(shared):
            made = inputs(pool, options, shared, seconds=math.inf)
            fill(made, pool)
        return cls(data, head, made, options)

    def development(self) -> Inputs:
        """Tensors of the development split, read as the pool's are."""
        from querist.assemble.features import fill

        pool = NamedPool(self.data.name, self.data.pool.root, "dev")
        beside = self.inputs.beside(pool)
        if self.options.get("encoder"):
            fill(beside, pool)
        return beside

    def fit(self, learner: Learner, ids: Iterable[str], streams: Streams, values: Mapping[str, Any] | None = None) -> Fitted:
        """Train from scratch, exactly as a round with these labels does; to the last bit inside `working.one_thread`.

        Args:
            learner: What to train.
            ids: The labelled items, any order.
            streams: Streams of the round.
            values: What was said about them; by default what the set knows.

        Raises:
            TrainingError: when training diverges.
        """
        known = self.data.targets if values is None else values
        return learner.fit(self.inputs, self.task, {item: known[item] for item in canonical(ids)}, streams, None, no_report)

    def measure(self, fitted: Fitted, targets: Mapping[str, Any], inputs: Inputs | None = None) -> dict[str, float]:
        """Metrics of a fitted learner on items: `accuracy`, `balanced_accuracy`, `nll`.

        Args:
            fitted: From `fit`.
            targets: Item → value.
            inputs: Where the items' tensors come from, if not from the pool.
        """
        probs = fitted.score(list(targets), inputs=inputs).probs.mean(axis=1, dtype="float64")
        return self.task.classes.metrics(probs, self.task.targets(targets))
