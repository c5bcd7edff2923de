"""What a round was made of, in one canonical JSON, and the hash chain that ties the rounds together."""

from __future__ import annotations

import functools
import hashlib
import math
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from querist.core.records import RoundJob, RoundResult
from querist.core.spec import canonical_json
from querist.store.rounds import RoundInput

_PACKAGES = ("querist", "numpy", "torch", "torchvision", "scikit-learn", "scipy", "timm", "sentence-transformers", "SQLAlchemy")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_CBWR", "CUBLAS_WORKSPACE_CONFIG")

ROOT = ""
"""What the first round's hash is chained to."""


def environment() -> dict[str, Any]:
    """The environment fingerprint: equal fingerprints promise equal bits."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "packages": dict(_versions()),
        "threads": {name: os.environ.get(name) for name in _THREADS},
    }


@functools.cache
def _versions() -> tuple[tuple[str, str | None], ...]:
    return tuple((name, _version(name)) for name in _PACKAGES)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def take(spec: Mapping[str, Any], data: Mapping[str, Any], given: RoundInput, job: RoundJob, result: RoundResult) -> dict[str, Any]:
    """The snapshot of a round. Holds nothing that differs between equal runs: no times, no paths, no owners.

    Args:
        spec: The project's resolved spec.
        data: Fingerprint and size of the pool.
        given: The recorded input.
        job: What the runtime saw.
        result: What it gave.
    """
    plain: dict[str, Any] = _finite(
        {
            "round": job.round,
            "seed": job.seed,
            "spec": spec,
            "schema": job.schema,
            "environment": environment(),
            "data": data,
            "input": {
                "annotations": given.annotation_max,
                "skips": given.skip_max,
                "items": given.item_max,
                "pending": list(job.pending),
                "labelled": len(job.labelled),
                "labelled_sha256": _digest([[item, job.labelled[item]] for item in job.labelled]),
                "candidates": len(job.candidates),
                "candidates_sha256": _digest(list(job.candidates)),
                "outside": sorted(job.outside),
            },
            "batch": job.batch,
            "ranking": [[item, score] for item, score in zip(result.ranking.ids, result.ranking.scores, strict=True)],
            "metrics": result.metrics,
            "quarantined": result.quarantined,
            "info": result.info,
        }
    )
    return plain


def link(previous: str, snapshot: str) -> str:
    """The hash of a round: sha256 of the hash before it and of its own canonical JSON."""
    return hashlib.sha256(f"{previous}|{snapshot}".encode()).hexdigest()


def first_break(chain: Sequence[tuple[int, str, str]]) -> int | None:
    """The first round whose recorded hash does not follow from its snapshot and the hash before; None if all do."""
    before = ROOT
    for n, snapshot, recorded in chain:
        if link(before, snapshot) != recorded:
            return n
        before = recorded
    return None


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """The values that are numbers: JSON has no NaN, and an undefined metric is no metric."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def _finite(plain: Any) -> Any:
    if isinstance(plain, Mapping):
        return {str(key): _finite(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_finite(value) for value in plain]
    if isinstance(plain, float):
        return float(plain) if math.isfinite(plain) else None
    return plain


def _digest(plain: Any) -> str:
    return hashlib.sha256(canonical_json(plain).encode()).hexdigest()
