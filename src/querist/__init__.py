"""Querist: deep active learning. The labels worth having, and proof that they were.

Everything public is here and loaded on first use; `import querist` itself loads neither torch nor SQLAlchemy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from querist import testing
    from querist.acquire.arrays import select
    from querist.bench.simulate import simulate
    from querist.core import errors
    from querist.core.catalogue import acquisition as method
    from querist.core.catalogue import rows as methods
    from querist.data.pools import ArrayPool, FolderPool, HFPool, TablePool, TorchPool
    from querist.project.project import Project

__version__ = "0.1.0"

_PUBLIC = {
    "ArrayPool": "querist.data.pools:ArrayPool",
    "FolderPool": "querist.data.pools:FolderPool",
    "HFPool": "querist.data.pools:HFPool",
    "Project": "querist.project.project:Project",
    "TablePool": "querist.data.pools:TablePool",
    "TorchPool": "querist.data.pools:TorchPool",
    "errors": "querist.core.errors",
    "method": "querist.core.catalogue:acquisition",
    "methods": "querist.acquire.served:methods",
    "select": "querist.acquire.arrays:select",
    "simulate": "querist.bench.simulate:simulate",
    "testing": "querist.testing",
}

__all__ = ["ArrayPool", "FolderPool", "HFPool", "Project", "TablePool", "TorchPool", "errors", "method", "methods", "select", "simulate", "testing"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'querist' has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    loaded = importlib.import_module(module)
    value = getattr(loaded, attribute) if attribute else loaded
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names."""
    return sorted([*__all__, "__version__"])
