"""Targets and metrics of classification on arrays. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import LabelError


@dataclass(frozen=True)
class Classes:
    """The active classes of a schema, in order.

    Attributes:
        names: A class's position here is its output position in this round.
    """

    names: tuple[str, ...]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Classes:
        """Those of a label-space schema (retired classes have no output)."""
        return cls(tuple(str(row["name"]) for row in schema["classes"] if not row.get("retired", False)))

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.int64]:
        """Class positions (n,) of a mapping item → class name, in the mapping's order.

        Raises:
            LabelError: for a value that is no active class.
        """
        position = {name: index for index, name in enumerate(self.names)}
        for item, value in labelled.items():
            if value not in position:
                raise LabelError(item, value, ", ".join(self.names))
        return np.fromiter((position[value] for value in labelled.values()), dtype=np.int64, count=len(labelled))

    def metrics(self, probs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """Accuracy, balanced accuracy (mean recall of the classes present), NLL in nats. Empty without targets.

        Args:
            probs: (n, c) probabilities.
            targets: (n,) class positions.
        """
        if not len(targets):
            return {}
        hits = probs.argmax(axis=1) == targets
        recalls = [float(hits[targets == c].mean()) for c in np.unique(targets)]
        likelihood = np.maximum(probs[np.arange(len(targets)), targets].astype(np.float64), 1e-38)
        return {"accuracy": float(hits.mean()), "balanced_accuracy": float(np.mean(recalls)), "nll": float(-np.log(likelihood).mean())}


def class_weights(targets: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Weights (c,) inverse to class frequency, mean 1 over the items; classes without items get 1."""
    counts = np.bincount(targets, minlength=classes).astype(np.float64)
    present = counts > 0
    weights = np.ones(classes)
    weights[present] = len(targets) / (present.sum() * counts[present])
    return weights.astype(np.float32)
