"""What a selection may use and what it tells: the bytes of its buffers, its progress, its passes, where to resume.

Selectors call kernels through several hands, so these reach the kernels by a context and not by parameters:

    with budget.limit(max_bytes=2**26, report=show) as spent:
        select(…)
    spent.passes, spent.peak_bytes

Neither changes what is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from querist.core.errors import UsageError

BUFFERS = 2**24
"""Bytes of a kernel's buffers when nobody says otherwise: 16 MiB, a few chunks that stay in cache."""


@dataclass(frozen=True)
class State:
    """Where a selection stands: enough to go on later, in another process, with the same picks.

    The distances to what is picked are not kept: one blocked pass finds them again.

    Attributes:
        kernel: Name of the kernel that made it.
        size: Rows of the pool, to catch a state of another one.
        picks: Rows picked so far, in order.
        values: One value per pick, as the kernel returns them.
        extra: What else the kernel needs: plain numbers and texts (the state of its random stream), and arrays that may not change later.
        call: Which of the kernels called under the budget it is, from 1; those before it are run again.
    """

    kernel: str
    size: int
    picks: tuple[int, ...]
    values: tuple[float, ...]
    extra: dict[str, Any] = field(default_factory=dict)
    call: int = 1


@dataclass
class Budget:
    """What is allowed and what was spent. Made by `limit`.

    Attributes:
        max_bytes: Bound on the buffers of a kernel; the input and a few numbers per row come on top.
        report: Called with (picks done, picks wanted).
        save: Called with a `State` between blocks of picks.
        resume: A `State` for the kernel that made it, None once used.
        call: How many kernels that can be resumed were called so far.
        passes: Rows of the pool read so far, as a multiple of its length.
        peak_bytes: The most memory that a kernel held beside its input.
    """

    max_bytes: int = BUFFERS
    report: Callable[[int, int], None] | None = None
    save: Callable[[State], None] | None = None
    resume: State | None = None
    call: int = 0
    passes: float = 0.0
    peak_bytes: int = 0

    def rows(self, row_bytes: int, most: int = 4096) -> int:
        """How many rows of so many buffer bytes fit; at least one."""
        return max(1, min(most, self.max_bytes // max(row_bytes, 1)))

    def read(self, rows: int, n: int) -> None:
        """Count rows read of a pool of n."""
        self.passes += rows / max(n, 1)

    def hold(self, bytes_held: int) -> None:
        """Note the memory held beside the input."""
        self.peak_bytes = max(self.peak_bytes, bytes_held)

    def picked(self, done: int, of: int) -> None:
        """Tell the progress."""
        if self.report is not None:
            self.report(done, of)

    def commit(self, state: Callable[[], State]) -> None:
        """Offer the state as it is now to whoever keeps it; it is made only if somebody does."""
        if self.save is not None:
            self.save(replace(state(), call=self.call))

    def resumed(self, kernel: str, size: int) -> State | None:
        """The state to go on from, once. Every kernel that can be resumed asks, at its start.

        Raises:
            UsageError: if it is another kernel's or another pool's.
        """
        self.call += 1
        if self.resume is None or self.resume.call != self.call:
            return None
        state, self.resume = self.resume, None
        if (state.kernel, state.size) != (kernel, size):
            wanted = f"{kernel} over {size} rows"
            raise UsageError("this selection cannot go on from that state", got=f"{state.kernel} over {state.size} rows", wanted=wanted)
        return state


_current: ContextVar[Budget | None] = ContextVar("querist_kernel_budget", default=None)


def current() -> Budget:
    """The budget in force; a fresh one with the defaults outside `limit`."""
    return _current.get() or Budget()


@contextmanager
def limit(
    max_bytes: int | None = None,
    report: Callable[[int, int], None] | None = None,
    save: Callable[[State], None] | None = None,
    resume: State | None = None,
) -> Iterator[Budget]:
    """Bound, watch or resume the kernels called inside; yields the `Budget`, which counts what they spend.

    Args:
        max_bytes: Bound on the buffers of a kernel, 16 MiB by default. Numbers per row (about 30 bytes) come on top.
        report: Called with (picks done, picks wanted); may raise to stop the selection.
        save: Called with a small `State` between blocks of picks.
        resume: The last `State` saved: the kernel that made it goes on from it.
    """
    if max_bytes is not None and max_bytes < 1:
        raise UsageError("max_bytes must be positive", got=max_bytes, wanted="a number of bytes")
    budget = Budget(BUFFERS if max_bytes is None else max_bytes, report, save, resume)
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)
