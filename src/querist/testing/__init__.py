"""Shipped contract tests: subclass one, give it a fixture, and every promise of that contract is checked for your class."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from querist.testing.acquisition_contract import AcquisitionContract
    from querist.testing.box_view import BoxView
    from querist.testing.fake_view import FakeView

_PUBLIC = {
    "AcquisitionContract": "querist.testing.acquisition_contract",
    "BoxView": "querist.testing.box_view",
    "FakeView": "querist.testing.fake_view",
    "HeadContract": "querist.testing.head_contract",
    "InferenceContract": "querist.testing.inference_contract",
    "LabelContract": "querist.testing.label_contract",
    "PoolContract": "querist.testing.pool_contract",
    "ProjectContract": "querist.testing.project_contract",
    "SchemeContract": "querist.testing.scheme_contract",
    "StoreContract": "querist.testing.store_contract",
    "TaskContract": "querist.testing.task_contract",
}

__all__ = ["AcquisitionContract", "BoxView", "FakeView"]


def __getattr__(name: str) -> Any:
    """Load a contract on first use: the pool contract needs no torch, the scheme contract does."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'querist.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
