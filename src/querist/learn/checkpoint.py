"""Progress of a fit on disk: a killed update goes on where it was, with the same result as one that was not killed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from querist.learn import before

SECONDS = 30.0
"""Between two checkpoints: what a kill costs at most, and writing is seldom."""


@dataclass
class Checkpoint:
    """One file, written at most every so often.

    Attributes:
        file: Where.
        key: What is being trained on what; a file with another key is not taken up.
        seconds: Between two writes.
    """

    file: Path
    key: str
    seconds: float = SECONDS
    _last: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self._last >= self.seconds

    def save(self, state: dict[str, Tensor]) -> None:
        """Write the state; the file is complete or the one before."""
        before.save(self.file, {f"{self.key}/{name}": tensor for name, tensor in state.items()})
        self._last = time.monotonic()

    def load(self) -> dict[str, Tensor]:
        """The state saved under this key, empty if there is none."""
        prefix = f"{self.key}/"
        return {name.removeprefix(prefix): tensor for name, tensor in before.load(self.file).items() if name.startswith(prefix)}

    def done(self) -> None:
        """The fit is finished: what it left is no longer of use."""
        self.file.unlink(missing_ok=True)
