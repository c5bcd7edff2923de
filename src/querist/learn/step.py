"""What a loss term sees: a labelled batch, an unlabelled batch (inputs only), outputs, progress and modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.learn.device import evaluating
from querist.learn.layout import layout
from querist.learn.programme import Transform
from querist.learn.task import TaskHead
from querist.nets.base import Network


@dataclass(frozen=True)
class Output:
    """A forward pass.

    Attributes:
        logits: (n, c), or (n, …) with many sites.
        features: (n, d) of the items: what the head read, where that says nothing of further sites.
        hidden: Hidden layer → its output, where the programme asks for them.
    """

    logits: Tensor
    features: Tensor
    hidden: Mapping[str, Tensor]

    def rows(self, part: slice) -> Output:
        """Of some of the inputs."""
        return Output(self.logits[part], self.features[part], {name: out[part] for name, out in self.hidden.items()})


@dataclass
class Step:
    """One repetition of one phase.

    Attributes:
        x: Labelled inputs (n, *shape), augmented.
        y: Their targets.
        weight: Their weights (n,), None for 1 each.
        rows: Their places among the items trained on; pseudo-labelled ones come after the labelled.
        progress: Of the stage, in [0, 1).
        number: Of the step in the stage.
        task: Unreduced loss.
        modules: `network` and what is trained beside it.
        aside: Carries a forward pass out with a dropout stream of its own, so that what is labelled draws what it would alone.
        raw: Reads the unlabelled batch.
        views: Name → transform.
        noise: For transforms and latent draws, apart from the labelled batch's stream.
        seen: What the hidden layers gave last.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None
    rows: Tensor
    progress: float
    number: int
    task: TaskHead
    modules: Mapping[str, nn.Module]
    aside: Callable[[Callable[[], Tensor]], Tensor]
    raw: Callable[[], Tensor]
    views: Mapping[str, Transform]
    noise: torch.Generator
    seen: Mapping[str, Tensor]

    @property
    def network(self) -> Network:
        """The network that is trained."""
        network = self.modules["network"]
        assert isinstance(network, Network)
        return network

    @cached_property
    def output(self) -> Output:
        """The network on the labelled batch, in training mode; made once in a phase."""
        return self._forward(self.network, self.x)

    @cached_property
    def unlabelled(self) -> Tensor:
        """Unlabelled inputs (m, *shape) as they are."""
        return self.raw()

    @cached_property
    def _viewed(self) -> dict[str, Tensor]:
        return {}

    def view(self, name: str) -> Tensor:
        """The unlabelled inputs under a transform, the same for every term of the phase.

        Raises:
            UsageError: for a view that the stage does not have.
        """
        if name not in self.views:
            raise UsageError(f"no view {name!r} of unlabelled inputs here", got=", ".join(self.views) or "none", wanted=name)
        if name not in self._viewed:
            self._viewed[name] = layout(self.views[name](self.unlabelled, self.noise))
        return self._viewed[name]

    def outputs(self, x: Tensor, module: str = "network") -> Output:
        """A network on other inputs, in its present mode, with dropout from a stream of its own."""
        found: list[Output] = []

        def run() -> Tensor:
            found.append(self._forward(self._named(module), layout(x)))
            return found[0].logits

        self.aside(run)
        return found[0]

    def together(self, x: Tensor) -> Output:
        """The network on these inputs, in one pass with the labelled batch: BatchNorm sees both, and the labelled batch is not passed twice.

        It is for the first term of a phase; once the labelled output is there, the inputs have a pass of their own.
        """
        if "output" in self.__dict__:
            return self.outputs(x)
        both, n = self._forward(self.network, layout(torch.cat([self.x, x]))), len(self.x)
        self.__dict__["output"] = both.rows(slice(n))
        return both.rows(slice(n, None))

    def asked(self, x: Tensor, module: str = "network") -> Output:
        """A network's answer in eval mode without gradients: no buffer moves."""
        network = self._named(module)
        with evaluating(network), torch.no_grad():
            return self._forward(network, layout(x))

    def _named(self, module: str) -> Network:
        network = self.modules[module]
        assert isinstance(network, Network)
        return network

    def _forward(self, network: Network, x: Tensor) -> Output:
        hidden = network.trunk(x)
        features = hidden if network.describe is None else network.describe(hidden)
        return Output(network.head(hidden), features, dict(self.seen) if network is self.network else {})
