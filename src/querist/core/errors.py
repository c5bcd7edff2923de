"""Errors. Every message says what came, what was wanted, and what to do; the payload is for programs."""

from __future__ import annotations


class QueristError(Exception):
    """Base of all errors that Querist raises on purpose.

    Attributes:
        message: One sentence for people.
        got: What came, shortened for display, or None.
        wanted: What would have been accepted, or None.
        hint: What to do about it, or None.
    """

    def __init__(self, message: str, *, got: object = None, wanted: object = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.got = None if got is None else _short(got)
        self.wanted = None if wanted is None else _short(wanted)
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.message]
        if self.got is not None:
            parts.append(f"got {self.got}")
        if self.wanted is not None:
            parts.append(f"wanted {self.wanted}")
        line = "; ".join(parts)
        return f"{line}. {self.hint}" if self.hint else line

    def payload(self) -> dict[str, str | None]:
        """The error as a JSON-ready mapping, as `--json` prints it."""
        return {"type": type(self).__name__, "message": self.message, "got": self.got, "wanted": self.wanted, "hint": self.hint}


class UsageError(QueristError, ValueError):
    """An argument that can never be right (k < 0, an unknown option or method)."""


class LabelError(QueristError, ValueError):
    """A value that the task's label space refuses. `item` is the item it was meant for."""

    def __init__(self, item: str, got: object, wanted: object, hint: str | None = None) -> None:
        super().__init__(f"label refused for item {item!r}", got=repr(got), wanted=wanted, hint=hint)
        self.item = item


class UnknownItemError(QueristError, LookupError):
    """An id that is not in the project, the pool or the arrays."""


class PoolError(QueristError, ValueError):
    """A pool that cannot be read: empty, duplicate ids, a broken table, a file that does not decode."""


class StatisticError(QueristError, ValueError):
    """A statistic with the wrong shape, NaN or infinite values; the message names the first bad row."""


class CapabilityError(QueristError, TypeError):
    """A method needs a statistic (or a task kind) that the learner does not provide; the message says who does."""


class StoreError(QueristError, OSError):
    """A project file that cannot be opened or written: junk, newer than this program, read-only, already there."""


class BusyError(QueristError, RuntimeError):
    """Another process holds the exclusive right to do this (a second worker, a second update)."""


class TrainingError(QueristError, RuntimeError):
    """Training or scoring failed in a way that more of it will not mend (divergence, identical posterior samples)."""


class MissingExtraError(QueristError, ImportError):
    """An optional dependency is not installed; the hint is the pip command."""


def _short(value: object, limit: int = 200) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
