"""Named data sets: one table of rows, one small loader each, and variants of them. Nothing downloads."""

from querist.data.datasets.named import NamedPool, NamedSet, named
from querist.data.datasets.registry import Entry, entries, register
from querist.data.datasets.variants import VARIANTS, base_name

__all__ = ["VARIANTS", "Entry", "NamedPool", "NamedSet", "base_name", "entries", "named", "register"]
