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
        whole = 1.0 if new.ndim > 1 or name.startswith("head.") else 0.5
        torch.testing.assert_close(dict(middle.named_parameters())[name], (0.1 * new + 0.4 * mine) / whole)
    other = fresh(2)
    Warm().start(other, previous)
    for name, buffer in other.named_buffers():
        assert torch.equal(dict(warm.named_buffers())[name], buffer) and torch.equal(dict(scratch.named_buffers())[name], dict(fresh(2).named_buffers())[name])
    assert float(dict(middle.named_buffers())["trunk.1.running_mean"].min()) == 2.0
    torch.testing.assert_close(dict(middle.named_buffers())["trunk.1.running_var"], torch.full((4,), 0.17))


def test_shrinking_alone_changes_no_prediction_of_a_network_with_batch_norm(tmp_path: Path) -> None:
    """Fresh running statistics would: with few steps a round they never catch up with small weights, and accuracy falls to chance."""
    old = SmallCNN(channels=(4, 8), hidden=8).make((1, 8, 8), 3, generator(1))
    x = torch.randn(64, 1, 8, 8, generator=generator(5))
    for _ in range(40):
        old.train()(x)
    save(weights_file(tmp_path, 0), dict(old.eval().state_dict()))
    network = SmallCNN(channels=(4, 8), hidden=8).make((1, 8, 8), 3, generator(2))
    ShrinkPerturb(0.4, 0.0).start(network, Before(tmp_path, 0, lambda: network))
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(x), 0.4 * old(x), rtol=1e-2, atol=1e-3)


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
