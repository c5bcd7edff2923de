"""The hash chain over the rounds of a run: what equal runs share, and nothing that differs between them (no times, no paths).

Reference:
    Evaluation protocol §4, item 10: h_t = H(h_{t−1} ‖ ids_t ‖ metrics_t ‖ model_t).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

Plain = Mapping[str, Any]

LINKED: Final = ("labels", "ids", "scores_sha256", "metrics", "model", "labels_sha256", "steps")
"""What a round's hash covers, beside the hash before it."""


def digest(plain: Any) -> str:
    """As `core.spec.digest`, of what is plain JSON already: snapshots are large."""
    return hashlib.sha256(_canonical(plain).encode()).hexdigest()


def root(method: str, seed: int, run_sha256: str) -> str:
    """What the first round of a run is chained to."""
    return digest({"method": method, "seed": seed, "run_sha256": run_sha256})


def link(before: str, row: Plain) -> str:
    """The hash of a round: SHA-256 of the hash before it and of the canonical JSON of what it covers.

    Args:
        before: Hash of the round before, or the `root`.
        row: The round, with `scores` or in their place `scores_sha256`.
    """
    covered = {key: row.get(key) for key in LINKED} | {"scores_sha256": scores_sha256(row)}
    return hashlib.sha256(f"{before}|{_canonical(covered)}".encode()).hexdigest()


def scores_sha256(row: Plain) -> str:
    """Digest of a round's scores: of the list if it is there, else as recorded."""
    return digest(row["scores"]) if row.get("scores") is not None else str(row.get("scores_sha256"))


def links(method: str, seed: int, run_sha256: str, rows: Iterable[Plain]) -> Iterator[str]:
    """The hash of every round of a run, in order."""
    before = root(method, seed, run_sha256)
    for row in rows:
        before = link(before, row)
        yield before


def first_break(method: str, seed: int, run_sha256: str, rows: Sequence[Plain]) -> int | None:
    """Place (from 0) of the first round whose recorded hash does not follow from what it holds and the hash before it; None if all do."""
    before = root(method, seed, run_sha256)
    for place, row in enumerate(rows):
        if link(before, row) != row.get("hash"):
            return place
        before = str(row["hash"])
    return None


def _canonical(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
