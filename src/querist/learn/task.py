"""What training needs of a task: losses, targets, and what a network would answer. All else about a task is its own business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray
from torch import Tensor

from querist.core.sites import Sites


class TaskHead(Protocol):
    """The learner's side of a task kind. Outputs are (n, c), or (n, …) with many sites; targets have one row per item, everything else is per item.

    Contract: one finite loss per item, its own; a target made by `pseudo` is of the kind that `targets` makes. It may also have `squared`: whether
    its losses are squared errors and not log-losses, beside which a term of a scheme with a scale of its own would outweigh everything.
    """

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[Any]:
        """Targets, rows first, of a mapping item → value, in the mapping's order.

        Raises:
            LabelError: for a value that makes no sense.
        """

    def weights(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Weights (c,) for `loss` that make up for how unequal the targets are."""

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Losses (n,), unreduced; `smoothing` is for targets that are choices, others pass it over."""

    def predict(self, output: Tensor) -> Tensor:
        """Outputs as people read them: probabilities, or values in the targets' units."""

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """What the network would answer, a target like those of people, and how sure it is of it (n,) in [0, 1]; neither has a gradient."""

    def doubt(self, output: Tensor) -> Tensor:
        """How unsure the network is of an item (n,), ≥ 0, without a gradient; 0 is certain."""

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """How far two outputs for the same items are apart (n,), ≥ 0; 0 where they agree."""

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None) -> Sites:
        """What the model says, as acquisitions and metrics see it.

        Args:
            output: (m, k, …), outputs of k functions.
            x: The inputs (m, *shape).
            hidden: Input of the last layer (m, …) where that is not the items' features.
        """

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """Measures of predictions, which come in chunks, against targets; empty without targets."""
