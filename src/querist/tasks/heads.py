"""The learner's side of every task kind: which class learns it, and which statistics a learner of the kind can give."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from querist.core.contracts import STATISTICS, Acquisition, lacking
from querist.core.errors import UsageError

if TYPE_CHECKING:
    from querist.learn.task import TaskHead

STREAMED: Final = frozenset({"sites", "values"})
"""What is read through `fold`, never kept."""

_WHOLE: Final = frozenset(
    {
        "probs", "head_samples", "boundary_distance", "iterative_distance", "word_gradient", "mix_flip",
        "view_uncertainty", "checkpoint_moments", "inconsistency", "critic", "labelled_look",
    }
)  # fmt: skip
"""Statistics of an item that is its own only site."""


@dataclass(frozen=True)
class Kind:
    """How a task kind is learned.

    Attributes:
        head: `"module:class"` with `of(schema)`.
        sites: What its sites hold: `probs` of the item itself, `sites` with classes, or `values`.
        metric: The measure that curves show unless a study says otherwise; higher is better.
        aggregator: How scores of its sites become a score of the item unless somebody says otherwise; a name in `kernels.ragged.AGGREGATORS`.
        without: Statistics that its sites do not give.
    """

    head: str
    sites: str
    metric: str
    aggregator: str = "mean"
    without: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether an item is its own only site."""
        return self.sites == "probs"

    def provided(self, able: frozenset[str]) -> frozenset[str]:
        """What of a learner's statistics there is for this kind.

        Args:
            able: What the learner can compute of items that have one class each.
        """
        return able | {"sites"} if self.whole else (able - _WHOLE - self.without) | {self.sites}


HEADS: Final[Mapping[str, Kind]] = {
    "classification": Kind("querist.tasks.classification.learning:ClassificationHead", "probs", "accuracy"),
    "pair": Kind("querist.tasks.pair.learning:PairHead", "probs", "f1"),
    "multi_output": Kind("querist.tasks.multi_output.learning:MultiOutputHead", "sites", "micro_f1"),
    "regression": Kind("querist.tasks.regression.learning:RegressionHead", "values", "r2", "sum"),
    "tagging": Kind("querist.tasks.tagging.learning:TaggingHead", "sites", "span_f1"),
    "dense": Kind("querist.tasks.dense.learning:DenseHead", "sites", "miou"),
    "detection": Kind("querist.tasks.detection.learning:DetectionHead", "sites", "ap50", "sum"),
    "instance": Kind("querist.tasks.instance.learning:InstanceHead", "sites", "mask_ap50", "sum"),
    # The input of the last layer is the same at every entity: the mean of its gradients over thousands of them would say nothing of which.
    "link": Kind("querist.tasks.link.learning:LinkHead", "sites", "mrr", without=frozenset({"gradients"})),
    "sequence": Kind("querist.tasks.sequence.learning:SequenceHead", "sites", "exact"),
}


def kind(name: str) -> Kind:
    """How the kind of this name is learned.

    Raises:
        UsageError: for a name that is none.
    """
    if name not in HEADS:
        raise UsageError("unknown task kind", got=name, wanted=", ".join(HEADS))
    return HEADS[name]


def served(acquisition: Acquisition, restricted: Sequence[str] = ()) -> tuple[str, ...]:
    """The kinds that an acquisition can choose for, by what it needs and what learners of each kind can give.

    Args:
        acquisition: Any.
        restricted: Of these kinds only, where what trains for it is made for some alone.
    """
    every = frozenset(STATISTICS) - STREAMED
    return tuple(name for name, found in HEADS.items() if not lacking(acquisition, found.provided(every)) and (not restricted or name in restricted))


def head(schema: Mapping[str, Any]) -> TaskHead:
    """The learner's side of a label-space schema.

    Raises:
        UsageError: for an unknown kind.
    """
    module, _, name = kind(str(schema.get("kind"))).head.partition(":")
    made: TaskHead = getattr(importlib.import_module(module), name).of(schema)
    return made
