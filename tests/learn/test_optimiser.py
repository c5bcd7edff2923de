"""The optimiser: the weights of torch's classes, without what they import."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from querist.learn.optimiser import AdamW, one_cycle

SCRIPT = """
import sys, torch
from querist.learn.optimiser import AdamW
layer = torch.nn.Linear(3, 2)
layer(torch.ones(1, 3)).sum().backward()
AdamW(layer.parameters(), 0.1).step(0.1)
print("torch._dynamo" in sys.modules)
"""


def network(seed: int) -> torch.nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, 3))


@pytest.mark.parametrize(("total", "warmup"), [(7, 0.25), (60, 0.25), (60, 0.5)])
def test_the_weights_are_those_of_torch_bit_for_bit(total: int, warmup: float) -> None:
    ours, theirs = network(0), network(0)
    x, y = torch.randn(20, 5, generator=torch.Generator().manual_seed(1)), torch.arange(20) % 3
    decayed = [[p for p in theirs.parameters() if p.ndim > 1], [p for p in theirs.parameters() if p.ndim <= 1]]
    groups = [{"params": decayed[0], "weight_decay": 0.05}, {"params": decayed[1], "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(reference, 0.01, total_steps=total + 1, pct_start=warmup, cycle_momentum=False)
    mine = AdamW(ours.parameters(), 0.05)
    for step in range(total):
        assert one_cycle(step, total + 1, 0.01, warmup) == reference.param_groups[0]["lr"]
        for net, optimiser in ((ours, mine), (theirs, reference)):
            torch.nn.functional.cross_entropy(net(x), y).backward()
            if optimiser is mine:
                mine.step(one_cycle(step, total + 1, 0.01, warmup))
                mine.clear()
            else:
                reference.step()
                reference.zero_grad()
        schedule.step()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_frozen_parameters_and_those_without_a_gradient_stay() -> None:
    net = network(0)
    net[0].requires_grad_(False)
    before = [parameter.clone() for parameter in net.parameters()]
    optimiser = AdamW(net.parameters(), 0.5)
    net[3](torch.ones(4, 8)).sum().backward()
    optimiser.step(0.1)
    moved = [not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True)]
    assert moved == [False, False, False, False, True, True]


def test_the_compiler_is_not_imported() -> None:
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False", "a worker would pay 150 MB and two seconds"
