"""Regression on the learner's side: squared error of one or several numbers per item, any of which may be missing; or a Gaussian with a variance of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.errors import LabelError, UsageError
from querist.core.sites import Sites, even
from querist.tasks import label_space
from querist.tasks.regression.measures import measured
from querist.tasks.values import finite

DEEPEST: Final = 10.0
"""The logarithm of a predicted variance, in units, stays within ± this."""


@dataclass(frozen=True)
class RegressionHead:
    """Numbers with an expected range. The network's outputs are in units in which the range is [-1, 1]; targets are as people say them.

    Attributes:
        names: Of the numbers.
        low: Lower ends of the expected ranges; a target may lie outside.
        high: Upper ends.
        noise: Whether the network also says how far answers scatter (log-variances behind the numbers); the loss is then Gaussian.
        points: Whether the numbers are x and y of points in turn.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    noise: bool = False
    points: bool = False

    def __post_init__(self) -> None:
        ranges = list(zip(self.low, self.high, strict=True))
        if not self.names or len(ranges) != len(self.names) or not all(low < high and math.isfinite(high - low) for low, high in ranges):
            raise UsageError("each number needs a range", got=str(ranges), wanted=f"low < high for each of {', '.join(self.names) or 'at least one'}")

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> RegressionHead:
        """The head for a label-space schema."""
        ranges: Mapping[str, tuple[float, float]] = getattr(label_space(schema), "ranges")  # noqa: B009
        low, high = zip(*ranges.values(), strict=True)
        return cls(tuple(ranges), low, high, bool(schema["noise"]), schema["form"] == "points")

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""
        return len(self.names) * (2 if self.noise else 1)

    @property
    def squared(self) -> bool:
        """Whether losses are squared errors; with noise they are log-losses."""
        return not self.noise

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.float32]:
        """Numbers (n, d), NaN where one is missing; a value is a mapping name → number, or a number alone where there is one name.

        Raises:
            LabelError: for anything else.
        """
        rows = np.full((len(labelled), len(self.names)), np.nan, dtype=np.float32)
        for row, (item, value) in enumerate(labelled.items()):
            said = value if isinstance(value, Mapping) else {self.names[0]: value} if len(self.names) == 1 else {"": value}
            for name, number in said.items():
                if name not in self.names or not (number is None or finite(number)):
                    raise LabelError(item, value, "finite numbers for " + ", ".join(self.names))
                if number is not None:
                    rows[row, self.names.index(name)] = number
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (d,) inverse to the variance of each number in units, mean 1; 1 where nothing varies."""
        spread = np.array([np.var(column[~np.isnan(column)]) if (~np.isnan(column)).any() else 0.0 for column in self._units(targets.astype(np.float64)).T])
        inverse = np.where(spread > 0, 1.0 / np.maximum(spread, 1e-12), np.nan)
        mean = np.nanmean(inverse) if (spread > 0).any() else 1.0
        return np.where(spread > 0, inverse / mean, 1.0).astype(np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Squared error (n,) in units, the mean over the numbers that an item has; 0 for an item without any.

        With noise the Gaussian negative log-likelihood, shifted so that it is never negative.

        Args:
            output: (n, outputs) in units.
            target: (n, d) as people say them, NaN where missing.
            smoothing: Passed over: a number is no choice.
            weights: (d,) or None.

        Reference:
            Nix & Weigend 1994 (estimating mean and variance).
        """
        there = ~torch.isnan(target)
        mean, logs = self._parts(output)
        losses = (mean - self._units(torch.where(there, target, torch.zeros_like(target)))).square()
        if logs is not None:
            losses = 0.5 * (losses * torch.exp(-logs) + logs + DEEPEST)
        losses = losses if weights is None else weights * losses
        return torch.where(there, losses, torch.zeros_like(losses)).sum(dim=-1) / there.sum(dim=-1).clamp(min=1)

    def predict(self, output: Tensor) -> Tensor:
        """The numbers (…, d) as people say them."""
        mean, _ = self._parts(output)
        low, high = self._ends(mean)
        said: Tensor = (mean + 1.0) / 2.0 * (high - low) + low
        return said

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The prediction (n, d), and exp(-doubt) (n,)."""
        return self.predict(output.detach()), torch.exp(-self.doubt(output))

    def doubt(self, output: Tensor) -> Tensor:
        """How far a prediction lies outside its range at most, in units (n,), and with noise the mean deviation that is predicted beside it."""
        mean, logs = self._parts(output.detach())
        outside = torch.relu(mean.abs() - 1.0).amax(dim=-1)
        return outside if logs is None else outside + torch.exp(0.5 * logs).mean(dim=-1)

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared distance (n,) of the numbers in units."""
        return (self._parts(output)[0] - self._parts(reference)[0]).square().mean(dim=-1)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """The items themselves, with numbers (and their variance) as people say them; `extra` has half the range of each as `scale` (s, d)."""
        _, logs = self._parts(output)
        scale = (np.array(self.high) - np.array(self.low)) / 2.0
        noise = None if logs is None else (logs.exp().numpy() * np.square(scale)).astype(np.float32)
        return even(len(output), 1, values=self.predict(output).numpy(), noise=noise, extra={"scale": np.tile(scale, (len(output), 1))})

    def says(self, said: Sites) -> list[tuple[Any, float]]:
        """The numbers of each item, a number alone where there is one; and exp(-spread), where the samples spread by so much in units, on average."""
        values = np.asarray(said.values, dtype=np.float64)
        spread = values.std(axis=1) * 2.0 / np.subtract(self.high, self.low)
        means = [dict(zip(self.names, row, strict=True)) for row in values.mean(axis=1).tolist()]
        return [(mean if len(self.names) > 1 else mean[self.names[0]], float(np.exp(-away))) for mean, away in zip(means, spread.mean(axis=1), strict=True)]

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.measured`, of the mean over samples; the variance is that between samples too."""
        values, spreads = [], []
        for part in said:
            numbers = np.asarray(part.values, dtype=np.float64)
            values.append(numbers.mean(axis=1))
            spreads.append(None if part.noise is None else np.asarray(part.noise, dtype=np.float64).mean(axis=1) + numbers.var(axis=1))
        if not values:
            return {}
        noise = np.concatenate([spread for spread in spreads if spread is not None]) if self.noise else None
        return measured(np.concatenate(values), targets.astype(np.float64), np.subtract(self.high, self.low), noise, points=self.points)

    def _parts(self, output: Tensor) -> tuple[Tensor, Tensor | None]:
        """Numbers in units, and the logarithms of their variances."""
        if not self.noise:
            return output, None
        mean, logs = output.chunk(2, dim=-1)
        return mean, DEEPEST * torch.tanh(logs / DEEPEST)

    def _units(self, values: Any) -> Any:
        low, high = self._ends(values)
        return 2.0 * (values - low) / (high - low) - 1.0

    def _ends(self, like: Any) -> tuple[Any, Any]:
        if isinstance(like, Tensor):
            return torch.tensor(self.low, dtype=like.dtype), torch.tensor(self.high, dtype=like.dtype)
        return np.array(self.low), np.array(self.high)
