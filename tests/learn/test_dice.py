"""Overlap as a loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams, stream
from querist.kernels.overlap import dice
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.dice import Dice, soft_dice
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import MLP
from querist.nets.unet import UNet
from querist.tasks.classification.learning import ClassificationHead
from querist.tasks.classification.measures import Classes
from querist.tasks.dense.learning import DenseHead
from querist.tasks.dense.runs import NOBODY


def test_of_sure_answers_it_is_the_overlap_of_masks() -> None:
    rng = stream(0, 0, "oracle")
    said, true = rng.integers(0, 3, size=(2, 4, 6, 5))
    probs = torch.from_numpy(np.moveaxis(np.eye(3)[said], -1, 1))
    expected = 1 - (dice(said == 1, true == 1) + dice(said == 2, true == 2)) / 2
    np.testing.assert_allclose(soft_dice(probs, torch.from_numpy(true.astype(np.uint8))).numpy(), expected)
    hidden = true.astype(np.uint8)
    hidden[:, 3:] = NOBODY
    part = 1 - (dice(said[:, :3] == 1, true[:, :3] == 1) + dice(said[:, :3] == 2, true[:, :3] == 2)) / 2
    np.testing.assert_allclose(soft_dice(probs, torch.from_numpy(hidden)).numpy(), part)


def test_small_objects_are_learnt_sooner() -> None:
    maps = np.zeros((24, 12, 12), dtype=np.uint8)
    places = stream(1, 0, "oracle").integers(0, 10, size=(24, 2))
    for row, (top, left) in enumerate(places):
        maps[row, top : top + 2, left : left + 2] = 1
    x = torch.from_numpy((maps + stream(2, 0, "oracle").normal(scale=0.4, size=maps.shape)).astype(np.float32))[:, None]
    inner, task, found = Supervised(Steps(0.0, 70, 70), batch=8, rate=0.01, smoothing=0.0), DenseHead(("ground", "dot")), []
    for scheme in (inner, Dice(inner, weight=3.0)):
        network = UNet((4, 8), dropout=0.0).make((1, 12, 12), 2, torch.Generator().manual_seed(0))
        scheme.fit(network, task, TrainingSet(x, maps), Streams(0, 1), no_report)
        with torch.no_grad():
            found.append(1 - float(soft_dice(task.predict(network.eval()(x)), torch.from_numpy(maps)).mean()))
    assert found[1] > found[0] + 0.05, found


def test_what_has_no_map_is_refused() -> None:
    task, network = ClassificationHead(Classes(("a", "b"))), MLP().make((3,), 2, torch.Generator())
    with pytest.raises(UsageError, match="class maps"):
        Dice().fit(network, task, TrainingSet(torch.zeros(4, 3), np.array([0, 1, 0, 1])), Streams(0, 1), no_report)
