"""Pairs on the learner's side: two classes, no and yes; cross-entropy, F1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.errors import LabelError
from querist.core.sites import Sites, one_each
from querist.tasks.classification.measures import class_weights
from querist.tasks.pair.measures import measures


@dataclass(frozen=True)
class PairHead:
    """Whether the two things of a pair are the same."""

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> PairHead:
        """The head for a label-space schema, which says nothing more."""
        return cls()

    @property
    def outputs(self) -> int:
        """Width of the network's last layer: no and yes."""
        return 2

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.int64]:
        """1 for yes, 0 for no (n,).

        Raises:
            LabelError: for anything but true and false.
        """
        for item, value in labelled.items():
            if not isinstance(value, bool):
                raise LabelError(item, value, "true (the same) or false")
        return np.fromiter((int(value) for value in labelled.values()), dtype=np.int64, count=len(labelled))

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (2,), inverse to how often no and yes come; see `class_weights`."""
        return class_weights(targets, self.outputs)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy (n,) in nats.

        Args:
            output: Logits (n, 2).
            target: 0 or 1 (n,).
            smoothing: Label smoothing in [0, 1).
            weights: Of no and yes (2,) or None.
        """
        losses = functional.cross_entropy(output, target, reduction="none", label_smoothing=smoothing)
        return losses if weights is None else losses * weights[target]

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities of no and yes, same shape."""
        return torch.softmax(output, dim=-1)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The likelier answer (n,), and its probability (n,), from ½ to 1."""
        sure, target = torch.softmax(output.detach(), dim=-1).max(dim=-1)
        return target, sure

    def doubt(self, output: Tensor) -> Tensor:
        """Entropy (n,) in nats."""
        logs = torch.log_softmax(output.detach(), dim=-1)
        entropy: Tensor = torch.special.entr(logs.exp()).sum(dim=-1)
        return entropy

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Squared difference of the probabilities of yes (n,)."""
        return (torch.softmax(output, dim=-1) - torch.softmax(reference, dim=-1))[..., 1].square()

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """The pairs themselves."""
        return one_each(torch.softmax(output, dim=-1).numpy())

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures`, of the mean over samples."""
        parts = [np.asarray(part.probs)[:, :, 1].mean(axis=1, dtype=np.float64) for part in said]
        return measures(np.concatenate(parts), targets) if parts else {}
