"""Temperature scaling as a wrapper: any acquisition, seeing probabilities that were sharpened or softened first.

Reference:
    Guo et al. 2017, arXiv 1706.04599.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from querist.acquire.checks import finite
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.core.statistic import Over, part_of
from querist.kernels import calibration, gradients, information


@dataclass(frozen=True)
class Calibrated:
    """Gives `inner` tempered probabilities p^(1/T) and the gradients that follow from them.

    With no temperature given, T is fitted on the probabilities and labels of the view's labelled items (1 where there are none).
    Those items were trained on, so the network is surer of them than it should be of others: the fit is biased towards
    small T, and hits its lower bound 0.1 where every labelled item is classified rightly. Give a temperature fitted on
    held-out items (`kernels.calibration.fit_temperature`) where there are any.

    Attributes:
        inner: The acquisition that chooses.
        temperature: T > 0, above 1 softens; None fits it.
    """

    inner: Acquisition
    temperature: float | None = None

    folds: ClassVar[bool] = False
    """Probabilities of the items themselves are read."""

    @property
    def needs(self) -> frozenset[str]:
        """What `inner` needs, and `probs`."""
        return self.inner.needs | {"probs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; every note starts with the temperature."""
        if self.temperature is not None and not 0.0 < self.temperature < np.inf:
            raise UsageError("a temperature must be positive", got=self.temperature, wanted="a number > 0")
        temperature = self.fitted(view) if self.temperature is None else self.temperature
        chosen = self.inner.select(Tempered(view, temperature), k, rng)
        return replace(chosen, note=tuple(f"temperature {temperature:.4g}: {why}" for why in chosen.note))

    def fitted(self, view: PoolView) -> float:
        """The temperature of least negative log-likelihood on the labelled items; 1 where their labels are unknown."""
        if not len(view.labels):
            return 1.0
        probs = finite(np.asarray(view.stat("probs", "labelled")), view.labelled, "probs")
        # A float32 zero for the true class would make every temperature equally impossible.
        scores = np.log(np.maximum(probs.astype(np.float64), np.finfo(np.float32).tiny))
        return calibration.fit_temperature(scores, np.asarray(view.labels, dtype=np.int64))


class Tempered(Over):
    """A view whose probabilities are those of another at a temperature."""

    def __init__(self, view: PoolView, temperature: float) -> None:
        super().__init__(view)
        self.temperature = temperature

    def stat(self, name: str, of: str = "candidates") -> Any:
        """The other view's statistic, tempered where it is made of probabilities."""
        return self._tempered(name, lambda one: self._view.stat(one, of))

    def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
        """Some rows of a statistic, only these computed; see `core.statistic.part_of`."""
        return self._tempered(name, lambda one: part_of(self._view, one, places, of))

    def _tempered(self, name: str, read: Callable[[str], Any]) -> Any:
        if name in ("probs", "head_samples"):
            return calibration.temper(np.asarray(read(name)), self.temperature)
        if name == "gradients":
            return gradients.residual(information.predictive(self._tempered("probs", read))), read(name)[1]
        return read(name)
