"""Named data sets: one table of rows, one small loader each. Nothing downloads."""

from querist.data.datasets.named import NamedPool, NamedSet, named
from querist.data.datasets.registry import Entry, entries, register

__all__ = ["Entry", "NamedPool", "NamedSet", "entries", "named", "register"]
