"""A module of your own under any strategy: what is in front of its last linear layer is the trunk, that layer is the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from querist.core.errors import UsageError
from querist.nets.base import Network, drawn_from
from querist.nets.own import function_of


@dataclass(frozen=True)
class Plain:
    """Any `nn.Module` whose forward ends in a linear layer with one output for each class.

    Attributes:
        make_with: Import path `module:function` of what makes it, given the number of outputs.
        dropout: Rate before the last layer, for strategies that want samples; 0 changes nothing about the module.
    """

    make_with: str
    dropout: float = 0.0

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """The module as a network for inputs of `shape`; its weights are drawn as its own layers draw them.

        Raises:
            UsageError: for a path that leads nowhere, or a module that does not end in such a layer.
        """
        with drawn_from(generator):
            module = function_of(self.make_with)(outputs)
        path = next((name for name, layer in list(module.named_modules())[::-1] if isinstance(layer, nn.Linear)), None)
        last = None if path is None else module.get_submodule(path)
        if not path or not isinstance(last, nn.Linear) or last.out_features != outputs:
            raise UsageError(f"{self.make_with} does not end in a linear layer", got=last, wanted=f"nn.Linear(…, {outputs}) inside it")
        whole = module.eval()(torch.zeros(2, *shape))
        parent, _, name = path.rpartition(".")
        setattr(module.get_submodule(parent), name, nn.Identity())
        network = Network(module, nn.Sequential(nn.Dropout(self.dropout), last)).eval()
        with torch.no_grad():
            hidden = module(torch.zeros(2, *shape))
            if hidden.shape != (2, last.in_features) or not torch.equal(network(torch.zeros(2, *shape)), whole):
                raise UsageError(f"{self.make_with} does more behind its last linear layer", got=f"shape {tuple(hidden.shape)}", wanted="that layer at the end")
        return network.train()
