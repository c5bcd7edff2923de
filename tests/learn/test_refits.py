"""Where a round starts."""

from __future__ import annotations

from pathlib import Path

import torch

from querist.learn.before import Before, save, weights_file
from querist.learn.device import generator
from querist.learn.refits import ShrinkPerturb, Warm
from querist.nets.base import Network
from querist.nets.cnn import SmallCNN


def fresh(seed: int, outputs: int = 3) -> Network:
    return SmallCNN(channels=(4,), hidden=8).make((1, 6, 6), outputs, generator(seed))


def before(folder: Path) -> tuple[Network, Before]:
    old = fresh(1)
    with torch.no_grad():
        old.trunk[1].running_mean.fill_(5.0)  # type: ignore[index, union-attr, operator]
    save(weights_file(folder, 0), dict(old.state_dict()))
    return old, Before(folder, 0, lambda: fresh(2))


def test_end_points_of_shrink_and_perturb_are_scratch_and_warm(tmp_path: Path) -> None:
    old, previous = before(tmp_path)
    scratch, warm, middle = fresh(2), fresh(2), fresh(2)
    ShrinkPerturb(0.0, 1.0).start(scratch, previous)
    ShrinkPerturb(1.0, 0.0).start(warm, previous)
    ShrinkPerturb(0.4, 0.1).start(middle, previous)
    for name, new in fresh(2).named_parameters():
        mine = dict(old.named_parameters())[name]
        assert torch.equal(dict(scratch.named_parameters())[name], new)
        assert torch.equal(dict(warm.named_parameters())[name], mine)
        torch.testing.assert_close(dict(middle.named_parameters())[name], 0.1 * new + 0.4 * mine)
    assert float(dict(warm.named_buffers())["trunk.1.running_mean"].max()) == 0.0, "running statistics start anew"
    Warm().start(warm, previous)
    assert float(dict(warm.named_buffers())["trunk.1.running_mean"].min()) == 5.0


def test_a_layer_of_another_shape_stays_fresh(tmp_path: Path) -> None:
    _, previous = before(tmp_path)
    wider = fresh(2, outputs=4)
    ShrinkPerturb().start(wider, previous)
    assert torch.equal(wider.last.weight, fresh(2, outputs=4).last.weight)


def test_the_network_before_is_frozen_and_there_only_if_it_fits(tmp_path: Path) -> None:
    old, previous = before(tmp_path)
    network = previous.network
    assert network is not None and not network.training and not any(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(tensor, old.state_dict()[name]) for name, tensor in network.state_dict().items())
    assert Before(tmp_path, 0, lambda: fresh(2, outputs=4)).network is None
    assert Before(tmp_path / "nowhere", 0, lambda: fresh(2)).network is None and previous.ids == frozenset() and previous.memory == {}
