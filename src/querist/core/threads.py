"""How many threads one process computes with.

On a few busy cores two intra-op threads that spin on each other are several times slower than one, so an own process
(worker, update on the command line) takes half the cores, at most four, unless the user has said otherwise.
"""

from __future__ import annotations

import os

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def threads() -> int:
    """What `limit_threads` would set: the user's own OMP_NUM_THREADS, else half the cores, from 1 to 4."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) > 0 else min(max((os.cpu_count() or 1) // 2, 1), 4)


def limit_threads() -> None:
    """Set the libraries' thread counts for this process; to be called before the first of them is imported."""
    count = str(threads())
    for variable in VARIABLES:
        os.environ.setdefault(variable, count)
