"""The auto-encoder of the pool: what its codes are like, and that it is trained once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from querist.core.contracts import no_report
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes.codes import Codes, discrepancy
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.statistics.question import Question
from querist.learn.statistics.registry import compute
from querist.nets.cnn import SmallCNN
from querist.tasks.classification.learning import ClassificationHead
from querist.tasks.classification.measures import Classes

IDS = [f"item-{row}" for row in range(80)]


def images() -> np.ndarray:
    """A bright bar, at the left in even and at the right in odd images, of any brightness."""
    x = stream(0, 0, "oracle").normal(scale=0.1, size=(80, 12, 12))
    for row in range(80):
        x[row, :, 2:4] += (row % 2 == 0) * (1 + row / 80)
        x[row, :, 8:10] += (row % 2) * (1 + row / 80)
    return x.astype(np.float32)


def learner(steps: int = 150) -> Learner:
    return Learner(SmallCNN((4,), hidden=8), Codes(Supervised(Steps(0.0, 5, 5)), steps=steps, batch=40))


def test_discrepancy_of_samples() -> None:
    draw = torch.Generator().manual_seed(0)
    a, b = (torch.randn(200, 3, generator=draw) for _ in range(2))
    assert float(discrepancy(a, a)) == pytest.approx(0.0, abs=1e-6)
    assert 0 < float(discrepancy(a, b)) < 0.01 < float(discrepancy(a, b + 1.0))
    kernel = [[np.exp(-((x - y) ** 2).mean() / 3) for y in b[:4].numpy()] for x in a[:3].numpy()]
    own = [np.mean([[np.exp(-((x - y) ** 2).mean() / 3) for y in part] for x in part]) for part in (a[:3].numpy(), b[:4].numpy())]
    assert float(discrepancy(a[:3], b[:4])) == pytest.approx(own[0] + own[1] - 2 * np.mean(kernel), rel=1e-4)


def test_codes_are_spread_like_a_normal_and_tell_items_apart(tmp_path: Path) -> None:
    inputs, task = ArrayInputs(ArrayPool(images(), IDS)), ClassificationHead(Classes(("left", "right")))
    labelled = {item: ("left", "right")[row % 2] for row, item in enumerate(IDS[:8])}
    made = learner().fit(inputs, task, labelled, Streams(0, 1), None, no_report, IDS[8:])
    none = Question(IDS, lambda: np.empty((0, 0)), lambda: (np.empty((0, 0)), ()))
    z = compute("codes", made, none)
    assert z.shape == (80, 5) and np.isfinite(z).all()
    assert (np.abs(z.mean(axis=0)) < 0.8).all() and (0.3 < z.std(axis=0)).all() and (z.std(axis=0) < 2.5).all()
    left, right = z[::2], z[1::2]
    apart = np.linalg.norm(left.mean(axis=0) - right.mean(axis=0)) / np.sqrt(left.var(axis=0).sum() + right.var(axis=0).sum())
    assert apart > 0.5
    # The second round recalls the auto-encoder, whatever is labelled by then.
    made.save(tmp_path)
    more = labelled | {item: ("left", "right")[row % 2] for row, item in enumerate(IDS[8:16])}
    again = learner().fit(inputs, task, more, Streams(0, 2), str(tmp_path), no_report, IDS[16:])
    assert np.array_equal(compute("codes", again, none), z)
    assert not np.array_equal(compute("codes", learner(151).fit(inputs, task, more, Streams(0, 2), str(tmp_path), no_report, IDS[16:]), none), z)
