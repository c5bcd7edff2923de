"""What choosing costs: every selector family over a ladder of sizes, beside the plain sequential algorithm and the machine's floor.

One thread, CPU time. "Naive" is the plain algorithm in NumPy float32: one matrix-vector product per pick, an update in place, an
argmax or a cumulative sum; its time per pick is measured and multiplied by k. "Floor" is the larger of two times: all flops of the
sequential algorithm at the measured GEMM rate, and one read of the input at the measured bandwidth. Selections that skip most
distances can go below it.

python benchmarks/selection.py [--quick] [--out DIR] [--only k-center,badge] [--largest 1000000]
"""

from __future__ import annotations

import gc
import gzip
import os
import time
import tracemalloc
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Before NumPy: two spinning threads on a shared machine are slower than one.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from common import Row, finish, options

from querist.kernels import budget, farthest, gradients, information, lcmd, points, ranking, seeding

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
STEPS = 10


@dataclass(frozen=True)
class Machine:
    """Float32 GEMM in flop/s and reading in bytes/s, measured here and now."""

    gemm: float
    bandwidth: float

    def floor(self, flops: float, size: float) -> float:
        return max(flops / self.gemm, size / self.bandwidth)


@dataclass(frozen=True)
class Case:
    """One selection: its input in bytes, the flops of the sequential algorithm, our call and one step of the naive one."""

    family: str
    sizes: str
    bytes: int
    flops: float
    picks: int
    ours: Callable[[], object]
    step: Callable[[int], object]
    target: float | None = None


def spent(run: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    run()
    return time.process_time() - began


def measured() -> Machine:
    rng = np.random.default_rng(0)
    a, b = rng.random((2048, 512), dtype=np.float32), rng.random((512, 512), dtype=np.float32)
    large = rng.random(2**25, dtype=np.float32)
    gemm = min(spent(lambda: [a @ b for _ in range(10)]) for _ in range(5)) / 10
    read = float(np.median([spent(large.sum) for _ in range(9)]))
    return Machine(2 * 2048 * 512 * 512 / gemm, large.nbytes / read)


def mixture(n: int, d: int) -> np.ndarray:
    """Fifty clusters with a power-law spectrum, made in chunks."""
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, d + 1, dtype=np.float32) ** -0.5
    centres = 1.5 * rng.standard_normal((50, d), dtype=np.float32) * spectrum
    x = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, 4096):
        part = x[start : start + 4096]
        rng.standard_normal(out=part, dtype=np.float32)
        part *= spectrum
        part += centres[rng.integers(0, 50, size=len(part))]
    return x


def softmax(x: np.ndarray, c: int) -> np.ndarray:
    weights = np.random.default_rng(1).standard_normal((x.shape[1], c), dtype=np.float32) * 0.4
    logits = np.concatenate([x[start : start + 4096] @ weights for start in range(0, len(x), 4096)])
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def fashion() -> np.ndarray:
    """Features (60,000, 512) of a network of one random layer: 32 filters of 5 × 5, rectified, averaged over 6 × 6."""
    images = np.frombuffer(gzip.decompress(FASHION_MNIST.read_bytes()), dtype=np.uint8, offset=16).reshape(-1, 28, 28)
    filters = np.random.default_rng(2).standard_normal((25, 32), dtype=np.float32) / 5
    parts = []
    for start in range(0, len(images), 500):
        pixels = images[start : start + 500].astype(np.float32) / 255
        windows = np.lib.stride_tricks.sliding_window_view(pixels - pixels.mean(), (5, 5), axis=(1, 2)).reshape(-1, 25)
        maps = np.maximum(windows @ filters, 0).reshape(-1, 24, 24, 32)
        parts.append(maps.reshape(-1, 4, 6, 4, 6, 32).mean(axis=(2, 4)).reshape(len(pixels), -1))
    return np.concatenate(parts)


class Plain:
    """One pick of the plain algorithm after another, float32."""

    def __init__(self, x: np.ndarray, a: np.ndarray | None = None, clusters: bool = False, draw: bool = False) -> None:
        self.x, self.a, self.clusters, self.draw = x, a, clusters, draw
        self.norms = np.einsum("nd,nd->n", x, x)
        if a is not None:
            self.norms *= np.einsum("nc,nc->n", a, a)
        self.near = np.full(len(x), np.inf, dtype=np.float32)
        self.owner = np.zeros(len(x), dtype=np.int64)

    def __call__(self, step: int) -> object:
        row = step * (len(self.x) // STEPS)
        gap = self.x @ self.x[row]
        if self.a is not None:
            gap *= self.a @ self.a[row]
        gap *= -2
        gap += self.norms
        gap += self.norms[row]
        if self.clusters:
            closer = gap < self.near
            self.near[closer], self.owner[closer] = gap[closer], step
            heaviest = np.bincount(self.owner, self.near).argmax()
            return np.where(self.owner == heaviest, self.near, -1).argmax()
        np.minimum(self.near, gap, out=self.near)
        return np.cumsum(self.near, dtype=np.float64) if self.draw else self.near.argmax()


def target(n: int, d: int, k: int) -> float | None:
    return None if n < 50_000 or d < 512 else 4.0 if k >= 1000 else 1.5


def vector_cases(x: np.ndarray, k: int, sizes: str) -> Iterator[Case]:
    (n, d), none = x.shape, x[:0]
    flops, limit = 2.0 * n * d * k, target(n, d, k)
    yield Case("k-center", sizes, x.nbytes, flops, k, lambda: farthest.k_center(x, none, k), Plain(x), limit)
    yield Case("k-means++", sizes, x.nbytes, flops, k, lambda: seeding.kmeans_pp(points.Vectors(x), k, np.random.default_rng(0)), Plain(x, draw=True), limit)
    yield Case("LCMD", sizes, x.nbytes, flops, k, lambda: lcmd.lcmd(x, none, k), Plain(x, clusters=True))


def badge_case(x: np.ndarray, probs: np.ndarray, k: int, sizes: str) -> Case:
    a = gradients.residual(probs)
    (n, d), c = x.shape, probs.shape[1]
    ours = lambda: seeding.kmeans_pp(points.Outer(a, x), k, np.random.default_rng(0))  # noqa: E731
    return Case("BADGE", f"{sizes}, c = {c}", x.nbytes + a.nbytes, 2.0 * n * (d + c) * k, k, ours, Plain(x, a, draw=True), target(n, d, k))


def score_case(probs: np.ndarray, k: int, sizes: str) -> Case:
    """No pick depends on another: naive is the textbook line, floor one read."""
    wide = probs[:, None]

    def plain(_: int) -> object:
        return np.argsort((probs * np.log(probs + 1e-12)).sum(axis=1))[:k]

    ours = lambda: ranking.top_k(information.entropy(wide), k)  # noqa: E731
    return Case("entropy", f"{sizes}, c = {probs.shape[1]}", probs.nbytes, 0.0, 1, ours, plain)


def row_of(case: Case, machine: Machine) -> Row:
    steps = min(STEPS, case.picks)
    case.step(0)
    naive = spent(lambda: [case.step(step) for step in range(steps)]) / steps * case.picks
    with budget.limit() as used:
        ours = spent(case.ours)
    tracemalloc.start()
    case.ours()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    floor = machine.floor(case.flops, case.bytes)
    note = f"{ours:.2f} s, naive {naive:.2f}; {ours / floor:.2f} of the floor; {used.passes:.1f} passes; memory +{100 * peak / case.bytes:.1f} %"
    return Row(f"{case.family}, {case.sizes}: naive / ours", naive / ours, "×", case.target, at_least=True, note=note)


def differing(x: np.ndarray, k: int, name: str) -> Row:
    """How many picks are not those of the sequential algorithm in float64, by differences."""
    found, _ = farthest.k_center(x, x[:1], k)
    near = farthest.Vectors(x).distances_to(0)
    wrong = 0
    for pick in found.tolist():
        wrong += pick != int(np.argmax(near))
        np.minimum(near, farthest.Vectors(x).distances_to(pick), out=near)
    return Row(f"k-center, {name}: picks other than in float64", wrong, "picks", 0.0)


def cases(given: Namespace) -> Iterator[Case]:
    ladder = [2_000] if given.quick else [n for n in (10_000, 100_000, 1_000_000) if n <= given.largest]
    for n in ladder:
        for d in (64,) if given.quick else (64, 512):
            x = mixture(n, d)
            every = {c: softmax(x, c) for c in ((10,) if given.quick else (10, 100))}
            for k in (50,) if given.quick else (100, 1000):
                sizes = f"n = {n:,}, d = {d}, k = {k:,}"
                yield from vector_cases(x, k, sizes)
                for probs in every.values():
                    yield badge_case(x, probs, k, sizes)
            for probs in every.values():
                yield score_case(probs, 50, f"n = {n:,}")
    if FASHION_MNIST.is_file() and not given.quick:
        x = fashion()
        yield from vector_cases(x, 1000, "features of Fashion-MNIST, k = 1,000")
        yield badge_case(x, softmax(x * 20, 10), 1000, "features of Fashion-MNIST, k = 1,000")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--only", default="", help="families, separated by commas")
    parser.add_argument("--largest", type=int, default=1_000_000, help="largest n of the ladder")
    parser.add_argument("--match", default="", help="only cases whose sizes hold this text")
    given = parser.parse_args()
    machine = measured()
    wanted = {one.strip().lower() for one in given.only.split(",") if one.strip()}
    rows = [Row("GEMM, float32", machine.gemm / 1e9, "Gflop/s"), Row("reading", machine.bandwidth / 1e9, "GB/s")]
    for case in cases(given):
        if (not wanted or case.family.lower() in wanted) and given.match in case.sizes:
            rows.append(row_of(case, machine))
    if not wanted:
        n, k = (2_000, 50) if given.quick else (100_000, 1_000)
        rows.append(differing(mixture(n, 64), k, f"n = {n:,}, d = 64, k = {k:,}"))
    finish("selection", rows, given, {"threads": 1, "largest": given.largest})


if __name__ == "__main__":
    main()
