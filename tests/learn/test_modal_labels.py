"""Predicted maps of ordinary images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from querist.core.contracts import no_report
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.kernels.distance_maps import depth
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes import modal_labels
from querist.learn.schemes.modal_labels import ModalLabels, doubtful, ordinary
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.unet import UNet
from querist.tasks.dense.learning import DenseHead
from querist.tasks.dense.runs import to_runs

NAMES = ("ground", "square")
HEAD = DenseHead(NAMES)


def test_from_a_round_on_the_fullest_bin_is_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = np.zeros((30, 12, 12), dtype=np.uint8)
    maps[:, 3:8, 4:9] = 1
    ids = [f"item-{row:02d}" for row in range(30)]
    x = (maps + stream(0, 0, "oracle").normal(scale=0.3, size=maps.shape)).astype(np.float32)
    inputs, values = ArrayInputs(ArrayPool(x, ids)), {item: to_runs(one, NAMES) for item, one in zip(ids[:8], maps, strict=False)}
    learner = Learner(UNet((4, 8)), ModalLabels(Supervised(Steps(0.0, 30, 30), batch=4, rate=0.01), start=2, first=3, more=4))
    given: list[Any] = []
    give = modal_labels.give
    monkeypatch.setattr(modal_labels, "give", lambda training, seen, rows: given.append((seen, rows)) or give(training, seen, rows))
    first = learner.fit(inputs, HEAD, values, Streams(0, 1), None, no_report, ids[8:])
    first.save(tmp_path)
    assert not given and "pseudo_labels" not in first.fits[0].notes
    second = learner.fit(inputs, HEAD, values, Streams(0, 2), str(tmp_path), no_report, ids[8:])
    third = learner.fit(inputs, HEAD, values, Streams(0, 3), str(tmp_path), no_report, ids[8:])
    (seen, rows), (_, more) = given
    assert second.fits[0].notes["pseudo_labels"] == len(rows) <= 3 and third.fits[0].notes["pseudo_labels"] == len(more) <= 7
    bins = modal_labels.histogram(doubtful(HEAD.predict(seen.output)), 80)[0]
    assert len(rows) and len(set(bins[rows].tolist())) == 1


def test_spread_is_weighed_by_depth() -> None:
    pytest.importorskip("scipy")
    probs = torch.rand((2, 2, 6, 6), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    probs[:, 1] = 1 - probs[:, 0]
    found = doubtful(probs)
    for item in range(2):
        p = probs[item, 1].numpy()
        assert found[item] == pytest.approx((2 * p * (1 - p) * depth(p > 0.5)).sum())


def test_rows_of_the_fullest_bin() -> None:
    scores = np.array([0.0, 5.0, 5.1, 5.2, 10.0])
    rows = ordinary(scores, 2, 10, stream(0, 0, "select"))
    assert len(rows) == 2 and set(rows.tolist()) < {1, 2, 3} and list(rows) == sorted(rows)
    assert ordinary(scores, 9, 10, stream(0, 0, "select")).tolist() == [1, 2, 3]
    assert {row for seed in range(40) for row in ordinary(scores, 1, 10, stream(seed, 0, "select")).tolist()} == {1, 2, 3}
