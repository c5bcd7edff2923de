"""What the platform costs beside plain PyTorch: ratios of CPU time in one run, one thread.

python benchmarks/learning.py [--quick] [--out DIR]
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from common import Row, finish, options
from torch import Tensor, nn

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.augment import Augment
from querist.learn.inference.base import Inference
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inference.mc_dropout import MCDropout
from querist.learn.inputs import ArrayInputs
from querist.learn.layout import arranged
from querist.learn.learner import Fitted
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import Network
from querist.nets.cnn import SmallCNN
from querist.tasks.classification.learning import ClassificationHead

CLASSES = 10
SAMPLES = 20
NETWORK = SmallCNN((32, 64, 64), hidden=256, dropout=0.3)  # that of the recipe fashion-cnn
BATCH, RATE, DECAY, SMOOTHING, WARMUP = 64, 4e-3, 0.05, 0.1, 0.25


def made(seed: int = 0) -> Network:
    return arranged(NETWORK.make((1, 28, 28), CLASSES, torch.Generator().manual_seed(seed)))


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds of one run. The collector waits, as in timeit."""
    gc.collect()
    began = time.process_time()
    run()
    return time.process_time() - began


def ratios(ours: Callable[[], object], theirs: Callable[[], object], times: int) -> tuple[list[float], list[float]]:
    """CPU seconds of both, taken in turns, so that a slow minute meets both."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) if turn % 2 else (seconds(theirs), seconds(ours))[::-1] for turn in range(times)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def middle(values: list[float]) -> float:
    return float(np.median(values))


def scorer(inputs: ArrayInputs, network: Network, inference: Inference) -> Callable[[], Any]:
    """The platform's pass over the pool: loading by id, standardising, network, softmax, features, checks."""
    ids = list(inputs._pool.ids())
    fitted = Fitted([network], inference, inputs, Streams(0, 1), ())
    return lambda: fitted.score(ids)


def plain_pass(x: Tensor, network: nn.Module, batch: int, order: torch.memory_format) -> Callable[[], Tensor]:
    """A careful engineer's pass: inputs ready in memory, one memory order, softmax of every batch."""
    model = network.to(memory_format=order).eval()

    def run() -> Tensor:
        with torch.inference_mode():
            return torch.cat([torch.softmax(model(part.contiguous(memory_format=order)), dim=1) for part in x.split(batch)])

    return run


def scoring_rows(items: int, times: int, quick: bool) -> list[Row]:
    images = np.random.default_rng(0).integers(0, 256, size=(items, 28, 28), dtype=np.uint8)
    inputs = ArrayInputs(ArrayPool(images))
    x = inputs.batch(list(inputs._pool.ids()))
    network = made().eval()
    one, twenty = scorer(inputs, network, Deterministic()), scorer(inputs, network, MCDropout(SAMPLES))
    sampled, single = ratios(twenty, one, times)
    grid = {}
    for order in (torch.contiguous_format, torch.channels_last):
        for batch in (64, 512) if quick else (16, 32, 64, 128, 256, 512, 1024, 4096):
            grid[order, batch] = seconds(plain_pass(x[: items // 8], made(), batch, order))
    order, batch = min(grid, key=lambda setting: grid[setting])
    ours, best = ratios(one, plain_pass(x, made(), batch, order), times)
    name = str(order).removeprefix("torch.")
    return [
        Row(
            f"probs, {SAMPLES} samples of MC dropout / one pass", middle(sampled) / middle(single), "×", 1.5,
            note=f"{middle(sampled):.2f} and {middle(single):.2f} CPU s for {items:,} images",
        ),
        Row(
            "scoring speed / best eager float32", middle(best) / middle(ours), "×", 0.9, at_least=True,
            note=f"{items / middle(ours):,.0f} images/s; best plain: {items / middle(best):,.0f}, batch {batch}, {name}",
        ),
        Row("slowest plain setting / best", max(grid.values()) / min(grid.values()), "×"),
    ]  # fmt: skip


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Flip with probability one half, then shift by up to one pixel, repeating the border."""
    n, channels, h, w = x.shape
    x = torch.where((torch.rand(n, generator=generator) < 0.5)[:, None, None, None], x.flip(3), x)
    down, right = torch.randint(-1, 2, (n, 1), generator=generator), torch.randint(-1, 2, (n, 1), generator=generator)
    rows = (torch.arange(h) + down).clamp(0, h - 1)[:, None, :, None].expand(n, channels, h, w)
    columns = (torch.arange(w) + right).clamp(0, w - 1)[:, None, None, :].expand(n, channels, h, w)
    return x.gather(2, rows).gather(3, columns)


def plain_training(x: Tensor, y: Tensor, steps: int) -> Network:
    """The same training written down as one loop."""
    network = made()
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1, pct_start=WARMUP, cycle_momentum=False)
    criterion = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    generator = torch.Generator().manual_seed(0)
    order = torch.cat([torch.randperm(len(y), generator=generator) for _ in range(-(-steps * BATCH // len(y)))])
    network.train()
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        batch = augmented(x[rows], generator).contiguous(memory_format=torch.channels_last)
        loss = criterion(network(batch), y[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return network


def training_rows(labels: int, steps: int, times: int) -> list[Row]:
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.normal(size=(labels, 1, 28, 28)).astype(np.float32))
    y = rng.integers(0, CLASSES, size=labels)
    schema = {"kind": "classification", "version": 1, "classes": [{"id": f"c{n}", "name": str(n), "retired": False} for n in range(CLASSES)]}
    task = ClassificationHead.of(schema)
    scheme = Supervised(Steps(0, steps, steps), BATCH, RATE, WARMUP, DECAY, SMOOTHING, Augment(flip=True, shift=1))

    def platform() -> object:
        return scheme.fit(made(), task, TrainingSet(x, y), Streams(0, 1), no_report)

    ours, plain = ratios(platform, lambda: plain_training(x, torch.from_numpy(y), steps), times)
    note = f"{middle(ours):.2f} and {middle(plain):.2f} CPU s for {steps} steps of {BATCH}"
    return [Row("training / plain loop of the same steps", middle(ours) / middle(plain), "×", 1.1, note=note)]


def main() -> None:
    given = options(__doc__).parse_args()
    torch.set_num_threads(1)
    items, labels, steps, times = (2_000, 200, 10, 1) if given.quick else (60_000, 1_000, 150, 3)
    rows = scoring_rows(items, times, given.quick) + training_rows(labels, steps, times)
    finish("learning", rows, given, {"images": items, "labels": labels, "steps": steps, "repeats": times, "threads": torch.get_num_threads()})


if __name__ == "__main__":
    main()
