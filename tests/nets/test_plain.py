"""A user's own module: split at its last linear layer, drawn from the stream it is given, and run by the real program."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from querist.assemble.simulate import simulation
from querist.core.errors import UsageError
from querist.learn.device import generator
from querist.nets.plain import Plain

ROOT = Path(__file__).parents[2]
MINE = "examples.your_module:Mine"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


class Twice(nn.Module):
    """Does something behind its last layer."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.last = nn.Linear(4, classes)

    def forward(self, x: Tensor) -> Tensor:
        return 2.0 * self.last(x)


def bare(classes: int) -> nn.Module:
    return nn.Linear(4, classes)


def narrow(classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(4, classes), nn.Linear(classes, 1))


def nothing(classes: int) -> nn.Module:
    return nn.ReLU()


def test_it_is_the_same_function_with_a_head() -> None:
    from examples.your_module import Mine

    network = Plain(MINE).make((1, 8, 8), 5, generator(0)).eval()
    mine = Mine(5).eval()
    mine.look.load_state_dict(network.trunk.look.state_dict())  # type: ignore[union-attr]
    mine.last.load_state_dict(network.last.state_dict())
    x = torch.randn(3, 1, 8, 8, generator=generator(1))
    assert torch.equal(network(x), mine(x)) and network.trunk(x).shape == (3, 128)
    assert Plain(MINE, 0.5).make((1, 8, 8), 5, generator(0)).head[0].p == 0.5  # type: ignore[union-attr]


def test_weights_are_a_function_of_the_generator() -> None:
    state = torch.get_rng_state()
    one, same, other = (Plain(MINE).make((1, 8, 8), 5, generator(seed)).last.weight for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(state, torch.get_rng_state()), "and the global stream is left alone"


@pytest.mark.parametrize("made", ["Twice", "bare", "narrow", "nothing", "absent"])
def test_what_does_not_end_in_a_linear_layer_is_refused(made: str) -> None:
    with pytest.raises(UsageError, match=f"{__name__}:{made}"):
        Plain(f"{__name__}:{made}").make((4,), 3, generator(0))


def test_the_example_is_at_most_fifteen_lines() -> None:
    tree = ast.parse((ROOT / "examples/your_module.py").read_text(encoding="utf-8"))
    made = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    assert made.end_lineno is not None and made.end_lineno - made.lineno + 1 <= 15


def test_the_example_runs_under_a_strategy() -> None:
    learner = {"recipe": "digits-cnn", "network": {"use": "querist.nets.plain:Plain", "make_with": MINE, "dropout": 0.2}, "steps": 40}
    project, oracle = simulation(dataset="digits", method="bald", seed=0, path=":memory:", learner=learner, initial=60, batch=20, budget=100)
    rounds = project.run(oracle)
    assert rounds[-1].labels_used == 100 and rounds[-1].metrics["accuracy"] > 0.5
