"""What the low-budget methods cost on a large pool: CPU seconds and largest memory of a process that selects, one thread.

python benchmarks/coverage.py [--quick] [--out DIR] [--method NAME ...]
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from common import Row, finish, options, process

from querist import select

METHODS = ("typiclust", "probcover", "dcom", "maxherding", "uherding", "facility_location", "fass")
CLASSES, LABELLED = 10, 100


def pool(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of a mixture of fifty anisotropic Gaussians with a power-law spectrum, and the softmax of a random linear layer."""
    rng = np.random.default_rng(0)
    spectrum = (np.arange(1, d + 1) ** -0.6).astype(np.float32)
    centres = rng.standard_normal((50, d), dtype=np.float32) * spectrum * np.float32(1.2)
    x = rng.standard_normal((n, d), dtype=np.float32)
    x *= spectrum
    x += centres[rng.integers(50, size=n)]
    logits = x @ rng.standard_normal((d, CLASSES), dtype=np.float32)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    return x, probs / probs.sum(axis=1, keepdims=True)


def one(name: str, n: int, d: int, k: int) -> None:
    """Select in this process; print the CPU seconds of the selection."""
    x, probs = pool(n, d)
    labelled = np.arange(n) < LABELLED
    began = time.process_time()
    chosen = select(name, k, features=x, probs=probs, labelled=labelled)
    print(time.process_time() - began, len(set(chosen.ids)), sum("nothing left" in why for why in chosen.note))


def rows(names: tuple[str, ...], n: int, d: int, k: int) -> list[Row]:
    """One process each, and one that only makes the pool."""
    table = []
    for name in names:
        spent = process([sys.executable, __file__, "--one", name, *map(str, (n, d, k))])
        seconds, picks, rest = spent.out.split()
        note = f"wall {spent.wall:.0f} s with making the pool; {picks} distinct picks, {rest} of them farthest-first"
        table.append(Row(f"{name}: CPU seconds", float(seconds), "s", 120, note=note))
        table.append(Row(f"{name}: largest memory", spent.megabytes, "MB", 4096, note=f"the input is {4 * n * (d + CLASSES) / 2**20:.0f} MB"))
    return table


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--method", nargs="+", choices=METHODS, default=METHODS, help="these only")
    parser.add_argument("--one", nargs=4, metavar=("NAME", "N", "D", "K"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one[0], *map(int, given.one[1:]))
        return
    n, d, k = (3_000, 32, 20) if given.quick else (200_000, 256, 500)
    finish("coverage", rows(tuple(given.method), n, d, k), given, {"items": n, "features": d, "picks": k, "labelled": LABELLED})


if __name__ == "__main__":
    main()
