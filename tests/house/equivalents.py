from __future__ import annotations
from collections.abc import Mapping
from typing import Any
EQUIVALENT: dict[tuple[str, str, str], str] = {}
KEPT = ("random_balanced", "random_stratified", "temperature")
def demanded(name: str, row: Mapping[str, Any]) -> bool:
    if name in KEPT:
        return True
    return row["type"] == "strategy" and row["family"] not in ("policy", "baseline")
