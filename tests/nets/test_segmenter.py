"""Segmenters of others: models of segmentation-models-pytorch where it is installed, and plain modules."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from querist.core.errors import UsageError
from querist.core.rng import Streams, stream
from querist.core.spec import build, spec
from querist.data.arrays import ArrayPool
from querist.learn.inference.mc_dropout import MCDropout
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import Network
from querist.nets.segmenter import Segmenter
from querist.tasks.dense.learning import DenseHead
from querist.tasks.dense.runs import to_runs

SHAPE = (1, 32, 32)
NAMES = ("ground", "square", "disc")


class Plain(nn.Module):
    """Down, up, and out."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.ReLU())
        self.up = nn.Sequential(nn.Dropout2d(0.3), nn.Upsample(scale_factor=4), nn.Conv2d(12, classes, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.up(self.down(x))
        return out


class Smp(nn.Module):
    """The parts that a model of segmentation-models-pytorch has."""

    def __init__(self, classes: int) -> None:
        super().__init__()

        class Encoder(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.one, self.two = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 10, 3, stride=4, padding=1)

            def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
                return [x, one := self.one(x).relu(), self.two(one).relu()]

        class Decoder(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.mix = nn.Conv2d(16, 7, 1)

            def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
                out: torch.Tensor = self.mix(torch.cat([maps[1], nn.functional.interpolate(maps[2], scale_factor=4)], dim=1))
                return out

        self.encoder, self.decoder, self.segmentation_head = Encoder(), Decoder(), nn.Conv2d(7, classes, 3, padding=1)


def dressed(kind: str, seed: int = 0) -> Network:
    return Segmenter(f"{__name__}:{kind}").make(SHAPE, 3, torch.Generator().manual_seed(seed))


@torch.no_grad()
@pytest.mark.parametrize(("kind", "width"), [("Plain", 12), ("Smp", 10)])
def test_a_module_of_your_own(kind: str, width: int) -> None:
    network = dressed(kind).eval()
    x = torch.randn(2, *SHAPE)
    read = network.trunk(x)
    assert network(x).shape == (2, 3, 32, 32) and network.describe is not None and network.describe(read).shape == (2, width)
    assert read.deepest.shape == (2, width, 8, 8) and torch.equal(network(x), dressed(kind).eval()(x))
    assert not torch.equal(network(x), dressed(kind, 1).eval()(x))
    told = MCDropout(3).prepare([network], np.random.default_rng(0))(x)
    assert not torch.equal(told.logits[:, 0], told.logits[:, 1])
    said = DenseHead(NAMES).sites(told.logits, x, told.hidden)
    assert said.count == 2 * 32 * 32 and (said.features is None) == (kind == "Plain")
    assert build(spec(Segmenter("a:b"))) == Segmenter("a:b")


def test_it_trains_like_any_other() -> None:
    rng = stream(0, 0, "oracle")
    maps = np.zeros((12, 32, 32), dtype=np.uint8)
    for row in range(12):
        top, left = rng.integers(0, 16, size=2)
        maps[row, top : top + 14, left : left + 14] = 1
    ids = [str(row) for row in range(12)]
    values = {item: to_runs(one, NAMES) for item, one in zip(ids, maps, strict=True)}
    inputs, head = ArrayInputs(ArrayPool((maps + rng.normal(scale=0.2, size=maps.shape)).astype(np.float32), ids)), DenseHead(NAMES)
    learner = Learner(Segmenter(f"{__name__}:Smp"), Supervised(Steps(0.0, 60, 60), batch=8, rate=0.02, smoothing=0.0))
    made = learner.fit(inputs, head, values, Streams(0, 1), None, lambda *told: None)
    with made.reading(head) as reading:
        found = head.metrics((said.sites for said in reading(ids, lambda done: None)), head.targets(values))
    assert found["dice"] > 0.8


def wide(classes: int) -> nn.Module:
    return nn.Conv2d(1, classes, 3)


def nothing(classes: int) -> int:
    return classes


@pytest.mark.parametrize("path", ["nowhere:make", f"{__name__}:missing", f"{__name__}:nothing", f"{__name__}:wide"])
def test_what_is_no_segmenter_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        Segmenter(path).make(SHAPE, 3, torch.Generator())
    with pytest.raises(UsageError):
        Segmenter(f"{__name__}:Plain").make((7,), 3, torch.Generator())


def test_the_example_makes_a_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[2] / "examples" / "your_segmenter.py"
    assert len([line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("    ")]) < 15
    pytest.importorskip("segmentation_models_pytorch")
    monkeypatch.syspath_prepend(str(path.parent))
    network = Segmenter("your_segmenter:make").make((1, 64, 64), 4, torch.Generator().manual_seed(0)).eval()
    x = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        told = MCDropout(2).prepare([network], np.random.default_rng(0))(x)
    assert told.logits.shape == (2, 2, 4, 64, 64) and "your_segmenter" in sys.modules
    said = DenseHead(("a", "b", "c", "d")).sites(told.logits, x, told.hidden)
    assert said.features is not None and said.features.shape == (2 * 64 * 64, 8) and told.features.ndim == 2
