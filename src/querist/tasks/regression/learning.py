"""Regression on the learner's side: squared error of one or several numbers per item, any of which may be missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.errors import LabelError, UsageError
from querist.core.sites import Sites


@dataclass(frozen=True)
class RegressionHead:
    """Numbers with an expected range. The network's outputs are in units in which the range is [-1, 1]; targets are as people say them.

    Attributes:
        names: Of the numbers.
        low: Lower ends of the expected ranges; a target may lie outside.
        high: Upper ends.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        ranges = list(zip(self.low, self.high, strict=True))
        if not self.names or len(ranges) != len(self.names) or not all(low < high and math.isfinite(high - low) for low, high in ranges):
            raise UsageError("each number needs a range", got=str(ranges), wanted=f"low < high for each of {', '.join(self.names) or 'at least one'}")

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""
        return len(self.names)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.float32]:
        """Numbers (n, c), NaN where one is missing; a value is a mapping name → number, or a number alone where there is one name.

        Raises:
            LabelError: for anything else.
        """
        rows = np.full((len(labelled), self.outputs), np.nan, dtype=np.float32)
        for row, (item, value) in enumerate(labelled.items()):
            said = value if isinstance(value, Mapping) else {self.names[0]: value} if self.outputs == 1 else {"": value}
            for name, number in said.items():
                real = isinstance(number, float | int | np.number) and not isinstance(number, bool) and math.isfinite(number)
                if name not in self.names or not (real or number is None):
                    raise LabelError(item, value, "finite numbers for " + ", ".join(self.names))
                if number is not None:
                    rows[row, self.names.index(name)] = number
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (c,) inverse to the variance of each number in units, mean 1; 1 where nothing varies."""
        spread = np.array([np.var(column[~np.isnan(column)]) if (~np.isnan(column)).any() else 0.0 for column in self._units(targets.astype(np.float64)).T])
        inverse = np.where(spread > 0, 1.0 / np.maximum(spread, 1e-12), np.nan)
        mean = np.nanmean(inverse) if (spread > 0).any() else 1.0
        return np.where(spread > 0, inverse / mean, 1.0).astype(np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Squared error (n,) in units, the mean over the numbers that an item has; 0 for an item without any.

        Args:
            output: (n, c) in units.
            target: (n, c) as people say them, NaN where missing.
            smoothing: Passed over: a number is no choice.
            weights: (c,) or None.
        """
        there = ~torch.isnan(target)
        wanted = self._units(torch.where(there, target, torch.zeros_like(target)))
        squares = (output - wanted).square() if weights is None else weights * (output - wanted).square()
        return torch.where(there, squares, torch.zeros_like(squares)).sum(dim=-1) / there.sum(dim=-1).clamp(min=1)

    def predict(self, output: Tensor) -> Tensor:
        """Outputs as people say them, same shape."""
        low, high = self._ends(output)
        said: Tensor = (output + 1.0) / 2.0 * (high - low) + low
        return said

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The prediction (n, c), and exp(-doubt) (n,): a single number says nothing of its own error but that it is impossible."""
        return self.predict(output.detach()), torch.exp(-self.doubt(output))

    def doubt(self, output: Tensor) -> Tensor:
        """How far a prediction lies outside its range at most, in units (n,); 0 within."""
        return torch.relu(output.detach().abs() - 1.0).amax(dim=-1)

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared distance (n,) in units."""
        return (output - reference).square().mean(dim=-1)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """Every item as one site with its numbers, as people say them."""
        return Sites(np.arange(len(output) + 1), values=self.predict(output).numpy())

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `measured`, of the mean over samples."""
        parts = [np.asarray(part.values).mean(axis=1, dtype=np.float64) for part in said]
        return self.measured(np.concatenate(parts) if parts else np.empty((0, self.outputs)), targets)

    def measured(self, probs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """Root mean squared error and mean absolute error over all numbers that are there, in the targets' units. Empty without any.

        Args:
            probs: Predictions (n, c).
            targets: (n, c), NaN where missing.
        """
        errors = (probs - targets)[~np.isnan(targets)].astype(np.float64)
        return {"rmse": float(np.sqrt(np.square(errors).mean())), "mae": float(np.abs(errors).mean())} if len(errors) else {}

    def _units(self, values: Any) -> Any:
        low, high = self._ends(values)
        return 2.0 * (values - low) / (high - low) - 1.0

    def _ends(self, like: Any) -> tuple[Any, Any]:
        if isinstance(like, Tensor):
            return torch.tensor(self.low, dtype=like.dtype), torch.tensor(self.high, dtype=like.dtype)
        return np.array(self.low), np.array(self.high)
