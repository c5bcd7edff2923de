"""Members of a committee on resamples of the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.learn.schemes import bootstrap
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.bootstrap import Bootstrap
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import MLP
from querist.tasks.classification.learning import ClassificationHead
from querist.tasks.classification.measures import Classes


def test_every_member_sees_its_own_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    y = np.arange(30) % 2
    data = TrainingSet(x, y, tuple(f"item-{row}" for row in range(30)))
    task = ClassificationHead(Classes(("a", "b")))
    seen: list[Any] = []
    carried = bootstrap.carried_out
    monkeypatch.setattr(bootstrap, "carried_out", lambda scheme, setting, report: seen.append(setting.data) or carried(scheme, setting, report))
    scheme = Bootstrap(Supervised(Steps(0.0, 3, 3)))
    for member in (0, 1, 0):
        network = MLP().make((4,), 2, torch.Generator().manual_seed(0))
        assert scheme.fit(network, task, data, Streams(0, 1).of(member), no_report).steps == 3
    first, other, again = seen
    assert first.ids == again.ids != other.ids and len(first.ids) == 30
    assert len(set(first.ids)) < 30 and set(first.ids) <= set(data.ids)
    rows = [data.ids.index(item) for item in first.ids]
    assert torch.equal(first.x, x[rows]) and np.array_equal(first.y, y[rows])
    shares = [len(set(part.ids)) / 30 for part in (first, other)]
    assert all(0.45 < share < 0.85 for share in shares), "about 1 - 1/e of the items"


def test_it_goes_around_other_schemes() -> None:
    inner = Supervised(Steps(0.0, 7, 7))
    assert Bootstrap().around(inner) == Bootstrap(inner)
