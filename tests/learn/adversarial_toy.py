"""Two clusters of points, labels in one of them; and one step of one player."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from querist.core.contracts import no_report
from querist.core.rng import Streams, stream
from querist.learn.device import generator
from querist.learn.programme import Programme, Setting, Stage
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", ("a", "b")).schema())
PLAIN = Supervised(steps=Steps(0.0, 60, 60), rate=0.01)
LABELLED, ALL = 60, 400


@dataclasses.dataclass(frozen=True)
class Toy:
    """What is trained, on what, and which items lie in the cluster without labels."""

    setting: Setting
    x: Tensor
    uncovered: np.ndarray

    @property
    def network(self) -> Network:
        return self.setting.network

    @property
    def unlabelled(self) -> Tensor:
        return self.x[LABELLED:]

    def share(self, score: Tensor, k: int = 20) -> float:
        """Of the k best unlabelled items, how many lie in the uncovered cluster."""
        return float(self.uncovered[LABELLED:][score.argsort(descending=True)[:k].numpy()].mean())

    def fit(self, scheme: Any) -> Fit:
        made: Fit = scheme.fit(self.network, TASK, self.setting.data, self.setting.streams, no_report)
        return made


def toy(seed: int = 0, dropout: float = 0.0) -> Toy:
    """Standardised points in the plane; class by the second coordinate, which both clusters share."""
    rng = stream(seed, 0, "oracle")
    far = rng.integers(0, 2, ALL) == 1
    far[:LABELLED] = False
    raw = 0.5 * rng.normal(size=(ALL, 2)) + np.where(far, 2.0, -2.0)[:, None] * np.array([1.0, 0.5])
    x = torch.from_numpy(((raw - raw.mean(axis=0)) / raw.std(axis=0)).astype(np.float32))
    y = (raw[:LABELLED, 1] > np.median(raw[:LABELLED, 1])).astype(np.int64)
    pool = Unlabelled([str(item) for item in range(LABELLED, ALL)], lambda ids: x[[int(item) for item in ids]])
    network = MLP(hidden=(16,), dropout=dropout).make((2,), 2, generator(0))
    return Toy(Setting(network, TASK, TrainingSet(x[:LABELLED], y, pool=pool), Streams(seed, 1)), x, far)


def alone(programme: Programme, stage: str, phase: str, steps: int = 1) -> Programme:
    """The same players, of whom one moves."""
    whole = programme.stage(stage)
    only: Stage = dataclasses.replace(whole, steps=steps, phases=tuple(each for each in whole.phases if each.name == phase), hooks=(), average=0.0)
    assert len(only.phases) == 1
    return dataclasses.replace(programme, stages=(only,), after=())


def moved(programme: Programme, given: Setting, stage: str, phase: str, objective: Callable[[dict[str, Any]], Tensor], steps: int = 1) -> float:
    """How much an objective of the modules changes in a player's steps; what the phase does not name is asserted to stay as it was."""
    training = Training(alone(programme, stage, phase, steps), given, no_report)
    updates = {each.name: each.updates for each in programme.stage(stage).phases}[phase]
    frozen = {name: _state(module) for name, module in training.modules.items() if name not in updates}
    with torch.no_grad():
        before = float(objective(training.modules).mean())
    training.run()
    for name, state in frozen.items():
        assert all(torch.equal(state[key], tensor) for key, tensor in training.modules[name].state_dict().items()), f"{name} moved"
    with torch.no_grad():
        return float(objective(training.modules).mean()) - before


def _state(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
