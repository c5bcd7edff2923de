"""Inputs that count how often test items are read in a round, so that a record can say when a run looked at its test set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from torch import Tensor

from querist.core.contracts import Pool, Report
from querist.learn.inputs import Inputs


@dataclass
class Reads:
    """How often the test items of one round were read.

    Attributes:
        test: Their ids.
    """

    test: Set[str]
    times: Counter[str] = field(default_factory=Counter)

    def of(self, inputs: Inputs) -> Inputs:
        """The same inputs, counted."""
        return Watched(inputs, self)

    @property
    def most(self) -> int:
        """How often the item that was read most was read."""
        return max(self.times.values(), default=0)


@dataclass(frozen=True)
class Watched:
    """Inputs that tell `reads` which test items become tensors. Ids alone decide, so test items inside the pool are seen too."""

    inputs: Inputs
    reads: Reads

    @property
    def shape(self) -> tuple[int, ...]:
        """See `Inputs`."""
        return self.inputs.shape

    def batch(self, ids: Sequence[str]) -> Tensor:
        """See `Inputs.batch`."""
        self.reads.times.update(item for item in ids if item in self.reads.test)
        return self.inputs.batch(ids)

    def readable(self, ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """See `Inputs.readable`."""
        return self.inputs.readable(ids)

    def ready(self, ids: Sequence[str]) -> list[str]:
        """See `Inputs.ready`."""
        return self.inputs.ready(ids)

    def prepare(self, want: Sequence[str], report: Report) -> dict[str, str]:
        """See `Inputs.prepare`."""
        return self.inputs.prepare(want, report)

    def advance(self, seconds: float) -> bool:
        """See `Inputs.advance`."""
        return self.inputs.advance(seconds)

    def beside(self, pool: Pool, name: str = "test") -> Inputs:
        """See `Inputs.beside`."""
        return Watched(self.inputs.beside(pool, name), self.reads)
