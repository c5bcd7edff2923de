"""Recordings from the numbers in ids, where frames are named in order and all recordings are equally long."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from querist.acquire.apart import Apart
from querist.acquire.ranked import whole
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.core.statistic import Over, part_of

READ = frozenset({"recording", "moment"})


@dataclass(frozen=True)
class NumberedFrames:
    """A method that reads `recording` and `moment`, told that item number i (the last number in its id) is frame i mod `frames` of recording i div `frames`.

    Attributes:
        inner: The method, such as `apart`.
        frames: Of every recording.
    """

    inner: Acquisition = Apart()
    frames: int = 8

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs but these two."""
        return self.inner.needs - READ

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`.

        Raises:
            UsageError: for an id without a number.
        """
        return self.inner.select(_Numbered(view, whole(self.frames, "frames")), k, rng)


class _Numbered(Over):
    """The view with recordings and moments."""

    def __init__(self, view: PoolView, frames: int) -> None:
        super().__init__(view)
        self._frames = frames

    def stat(self, name: str, of: str = "candidates") -> Any:
        """The view's statistic; recordings and moments from its ids."""
        if name not in READ:
            return self._view.stat(name, of)
        numbers = _numbers({"candidates": self.candidates, "labelled": self.labelled, "pending": self.pending}[of])
        return (numbers // self._frames if name == "recording" else numbers % self._frames).astype(np.float64)

    def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
        """Some rows of a statistic."""
        return self.stat(name, of)[places] if name in READ else part_of(self._view, name, places, of)


def _numbers(ids: Sequence[str]) -> np.ndarray:
    found = [re.findall(r"\d+", item) for item in ids]
    for item, numbers in zip(ids, found, strict=True):
        if not numbers:
            raise UsageError("frames are numbered", got=item, wanted="an id with a number, such as frame-00017")
    return np.array([int(numbers[-1]) for numbers in found], dtype=np.int64)
