"""What a stage leaves that is carried out once in a project, and parts of modules by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import nn

from querist.learn.before import Before
from querist.learn.keepers import State, weights

if TYPE_CHECKING:
    from querist.learn.programme import Stage


def part(modules: Mapping[str, nn.Module], name: str) -> nn.Module:
    """A module, or what follows a dot in it: `network.trunk`."""
    whole, _, rest = name.partition(".")
    return modules[whole].get_submodule(rest)


def result(stage: Stage, modules: Mapping[str, nn.Module]) -> State:
    """What the next round has to remember of a stage; nothing of one that is carried out in every round."""
    if stage.once is None:
        return {}
    return {_place(stage, name) + key: tensor for name in stage.once.modules for key, tensor in weights(part(modules, name)).items()}


def recalled(stage: Stage, modules: Mapping[str, nn.Module], before: Before | None) -> State | None:
    """Give the modules what an earlier round got from the stage, and return it; None, and nothing is changed, if there is nothing that fits."""
    if stage.once is None or before is None:
        return None
    wanted = result(stage, modules)
    kept = {name: before.memory[name] for name in wanted if name in before.memory}
    if kept.keys() != wanted.keys() or any(kept[name].shape != tensor.shape for name, tensor in wanted.items()):
        return None
    for name in stage.once.modules:
        own = _place(stage, name)
        if not (before.continued and name.partition(".")[0] == "network"):
            part(modules, name).load_state_dict({key.removeprefix(own): tensor for key, tensor in kept.items() if key.startswith(own)})
    return kept


def _place(stage: Stage, module: str) -> str:
    assert stage.once is not None
    return f"once/{stage.name}/{stage.once.key}/{module}/"
