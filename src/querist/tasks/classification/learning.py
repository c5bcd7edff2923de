"""Classification on the learner's side: unreduced loss, probabilities, metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.sites import Sites, one_each
from querist.tasks.classification.measures import Classes, class_weights


@dataclass(frozen=True)
class ClassificationHead:
    """Single-label classification over the active classes of a schema.

    Attributes:
        classes: Targets and metrics; a class's position there is its output position in this round.
    """

    classes: Classes

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> ClassificationHead:
        """The head for a label-space schema."""
        return cls(Classes.of(schema))

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""
        return len(self.classes.names)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.int64]:
        """See `Classes.targets`."""
        return self.classes.targets(labelled)

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (c,) of the classes, inverse to their frequency; see `class_weights`."""
        return class_weights(targets, self.outputs)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy (n,), unreduced, in nats; its mean is the usual loss.

        Args:
            output: Logits (n, c).
            target: Class positions (n,).
            smoothing: Label smoothing in [0, 1).
            weights: Class weights (c,) or None; applied per item.
        """
        losses = functional.cross_entropy(output, target, reduction="none", label_smoothing=smoothing)
        return losses if weights is None else losses * weights[target]

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities of logits, same shape."""
        return torch.softmax(output, dim=-1)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """What the network would answer (n,), a target like those of people, and how sure it is of it (n,) in [0, 1]."""
        sure, target = torch.softmax(output.detach(), dim=-1).max(dim=-1)
        return target, sure

    def doubt(self, output: Tensor) -> Tensor:
        """Entropy (n,) in nats of the class probabilities."""
        logs = torch.log_softmax(output.detach(), dim=-1)
        entropy: Tensor = torch.special.entr(logs.exp()).sum(dim=-1)
        return entropy

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """How far two outputs (n, c) for the same items are apart (n,): the mean squared difference of their probabilities; 0 where they agree."""
        return (torch.softmax(output, dim=-1) - torch.softmax(reference, dim=-1)).square().mean(dim=-1)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """The items themselves, with their classes."""
        return one_each(torch.softmax(output, dim=-1).numpy())

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `Classes.metrics`, of the mean over samples."""
        parts = [np.asarray(part.probs).mean(axis=1, dtype=np.float64) for part in said]
        return self.classes.metrics(np.concatenate(parts) if parts else np.empty((0, self.outputs)), targets)
