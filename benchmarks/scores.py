"""Scores of class probabilities against one read of them, and BatchBALD.

python benchmarks/scores.py [--quick] [--out DIR]

CPU seconds of one thread. A score row is what the public call costs: the check that every row is a distribution, the scores,
the check that they are finite, the best 1,000 with their ids. BatchBALD looks at every candidate for every pick.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from common import Row, finish, options

from querist import select
from querist.core.rng import stream
from querist.kernels.joint import Joint, greedy
from querist.kernels.simplex import first_improper

TIMES = 9
REDUX = 23.7  # CPU s of batchbald-redux 2.0.5 for the full size, recorded where it could be installed


def seconds(run: Callable[[], object], times: int = TIMES) -> float:
    """Median CPU seconds, after one run that warms caches."""
    run()
    gc.collect()
    spent = []
    for _ in range(times):
        began = time.process_time()
        run()
        spent.append(time.process_time() - began)
    return float(np.median(spent))


def probabilities(n: int, k: int, c: int) -> np.ndarray:
    """Softmax of a random linear layer of 16 features, weights that vary around a mean."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 16), dtype=np.float32)
    weights = rng.standard_normal((1, 16, c), dtype=np.float32) + 0.3 * rng.standard_normal((k, 16, c), dtype=np.float32)
    out = (x @ weights.transpose(1, 0, 2).reshape(16, k * c)).reshape(n, k, c)
    np.exp(out, out=out)
    out /= out.sum(axis=2, keepdims=True)
    return out


def score_rows(items: int, sampled: int) -> list[Row]:
    rows = []
    for probs, methods in ((probabilities(items, 1, 10), ("margin", "entropy")), (probabilities(sampled, 20, 10), ("bald",))):
        read, check = seconds(probs.sum), seconds(lambda probs=probs: first_improper(probs))
        size = " × ".join(f"{length:,}" for length in probs.shape)
        for name in methods:
            whole = seconds(lambda probs=probs, name=name: select(name, 1000, probs=probs))
            note = f"{1000 * whole:.1f} ms; one read {1000 * read:.1f} ms, the check alone {1000 * check:.1f} ms"
            rows.append(Row(f"querist.select('{name}', 1000) of {size} / one read", whole / read, "×", 8, note=note))
    return rows


def joint_rows(items: int, quick: bool) -> list[Row]:
    probs = probabilities(items, 20, 10)
    found = []

    def run() -> None:
        found.append(greedy(probs, 10, Joint(20, 1000, stream(0, 1, "select")), full=2.0, lazy=False))

    ours = seconds(run, 1 if quick else 3)
    last, size = found[-1], f"{items:,} × 20 × 10, 10 picks, 1,000 configurations"
    note = f"{last.exact} picks exact, joint score {last.gains.sum():.3f} of {np.log(20):.3f} nats"
    rows = [Row(f"BatchBALD of {size}", ours, "s", note=note)]
    if quick:
        return rows
    if find_spec("batchbald_redux") is None:
        return [*rows, Row("BatchBALD / batchbald-redux as recorded", ours / REDUX, "×", 0.1, note=f"{REDUX} CPU s on another day, same sizes")]
    theirs, picks = redux(probs)
    same = int(np.argmin(np.append(last.rows == picks, False)))
    return [*rows, Row("BatchBALD / batchbald-redux", ours / theirs, "×", 0.1, note=f"{theirs:.1f} CPU s; the first {same} picks are the same")]


def redux(probs: np.ndarray) -> tuple[float, np.ndarray]:
    """batchbald-redux on the same probabilities: CPU seconds and picks."""
    import torch
    from batchbald_redux import batchbald

    torch.set_num_threads(1)
    logs = torch.from_numpy(np.log(np.maximum(probs.astype(np.float64), 1e-300)))
    began = time.process_time()
    batch = batchbald.get_batchbald_batch(logs, 10, 1000, dtype=torch.double)
    return time.process_time() - began, np.array(batch.indices)


def main() -> None:
    given = options(__doc__).parse_args()
    items, sampled, pool = (50_000, 5_000, 500) if given.quick else (1_000_000, 200_000, 10_000)
    rows = score_rows(items, sampled) + joint_rows(pool, given.quick)
    finish("scores", rows, given, {"items": items, "items with 20 samples": sampled, "BatchBALD": pool, "repeats": TIMES})


if __name__ == "__main__":
    main()
