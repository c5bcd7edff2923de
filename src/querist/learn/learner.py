"""A learner: network × scheme × inference × refit. It is its own configuration; `fit` makes a `Fitted`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from querist.core.contracts import Report
from querist.core.errors import TrainingError, UsageError
from querist.core.rng import Streams, torch_seed
from querist.learn.device import generator, scoring
from querist.learn.inference.base import Inference
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inputs import Inputs
from querist.learn.layout import arranged
from querist.learn.schemes.base import Fit, Scheme, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.statistics.forward import Scored, batch_size, score
from querist.learn.statistics.registry import offered
from querist.nets.base import MLP, Network, NetworkFactory
from querist.tasks.classification.learning import ClassificationHead

REFITS = ("scratch", "warm", "head_only")


class Learns(Protocol):
    """What the runtime needs of a learner."""

    @property
    def provides(self) -> frozenset[str]: ...

    def fit(self, inputs: Inputs, task: ClassificationHead, labelled: Mapping[str, Any], streams: Streams, previous: str | None, report: Report) -> Fitted: ...

    def restore(self, inputs: Inputs, task: ClassificationHead, folder: Path, streams: Streams) -> Fitted | None: ...


@dataclass(frozen=True)
class Learner:
    """How to learn from labels.

    Attributes:
        network: Makes fresh networks.
        scheme: Trains them.
        inference: Turns them into posterior samples.
        refit: `scratch` (new weights every round), `warm` (last round's weights), `head_only` (last round's trunk, new head).
    """

    network: NetworkFactory = MLP()
    scheme: Scheme = Supervised()
    inference: Inference = Deterministic()
    refit: str = "scratch"

    @property
    def provides(self) -> frozenset[str]:
        """Statistics this learner can compute."""
        return frozenset({"probs", "features", "gradients"}) | offered(self.network)

    @property
    def frozen(self) -> bool:
        """Whether the features are the inputs themselves, so that they stay the same from round to round."""
        return bool(getattr(self.network, "linear", False))

    def fit(self, inputs: Inputs, task: ClassificationHead, labelled: Mapping[str, Any], streams: Streams, previous: str | None, report: Report) -> Fitted:
        """Train on the labelled items.

        Args:
            inputs: Where tensors come from.
            task: Loss, targets and metrics.
            labelled: Item → value, in canonical id order.
            streams: Named streams of the round.
            previous: Folder with the weights of the round before, for `warm` and `head_only`.
            report: Progress.

        Raises:
            UsageError: for an unknown refit.
            TrainingError: without labels, or when training diverges.
        """
        if self.refit not in REFITS:
            raise UsageError("unknown refit", got=self.refit, wanted=", ".join(REFITS))
        if not labelled:
            raise TrainingError("nothing to learn from", got="0 labels", wanted="at least 1", hint="Label the items that `ask` gives, then update.")
        data = TrainingSet(inputs.batch(list(labelled)), task.targets(labelled))
        networks, fits = [], []
        for member in range(self.inference.members):
            own = streams.of(member)
            network = self._fresh(inputs, task, own)
            if self.refit != "scratch" and previous is not None:
                carry_over(network, Path(previous), member, trunk_only=self.refit == "head_only")
            if self.refit == "head_only" and previous is not None:
                network.trunk.requires_grad_(False)
            fits.append(self.scheme.fit(network, task, data, own, report))
            networks.append(network)
        return Fitted(networks, self.inference, inputs, streams, tuple(fits))

    def restore(self, inputs: Inputs, task: ClassificationHead, folder: Path, streams: Streams) -> Fitted | None:
        """What `Fitted.save` wrote into a folder, or None if it is not (wholly) there."""
        networks = []
        for member in range(self.inference.members):
            network = self._fresh(inputs, task, streams.of(member))
            if not weights_file(folder, member).is_file():
                return None
            carry_over(network, folder, member, trunk_only=False)
            network.eval()
            networks.append(network)
        return Fitted(networks, self.inference, inputs, streams, ())

    def _fresh(self, inputs: Inputs, task: ClassificationHead, streams: Streams) -> Network:
        with torch.random.fork_rng(devices=[]):  # the constructors of torch's layers draw from the global stream, in vain
            return arranged(self.network.make(inputs.shape, task.outputs, generator(torch_seed(streams("model_init")))))


@dataclass(frozen=True)
class Fitted:
    """Trained networks and how to ask them."""

    networks: Sequence[Network]
    inference: Inference
    inputs: Inputs
    streams: Streams
    fits: tuple[Fit, ...]

    def score(self, ids: Sequence[str], on_batch: Callable[[int], None] = lambda done: None, inputs: Inputs | None = None) -> Scored:
        """Statistics of items by id; the same k functions for every call in a round, whatever the batches.

        Args:
            ids: The items.
            on_batch: Told how many are done.
            inputs: Where their tensors come from, if not from the pool.
        """
        source = inputs or self.inputs
        with ExitStack() as stack:
            for network in self.networks:
                stack.enter_context(scoring(network))
            sampler = self.inference.prepare(self.networks, self.streams("dropout"))
            return score(sampler, source.batch, ids, batch_size(self.networks, source.shape), on_batch)

    def save(self, folder: Path) -> None:
        """Write the weights as safetensors, one file per member, each complete or absent."""
        from safetensors.torch import save_file

        for member, network in enumerate(self.networks):
            target = weights_file(folder, member)
            partial = target.with_suffix(".part")
            save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, partial)
            partial.replace(target)

    def hash(self) -> str:
        """SHA-256 over all weights and buffers, in state-dict order."""
        digest = hashlib.sha256()
        for network in self.networks:
            for name, tensor in network.state_dict().items():
                digest.update(name.encode())
                digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()


def weights_file(folder: Path, member: int) -> Path:
    """Where a member's weights are kept."""
    return folder / f"member-{member}.safetensors"


def carry_over(network: nn.Module, folder: Path, member: int, *, trunk_only: bool) -> None:
    """Load weights where names and shapes agree (a head with another number of classes starts anew)."""
    from safetensors.torch import load_file

    file = weights_file(folder, member)
    if not file.is_file():
        return
    own = network.state_dict()
    kept = {
        name: tensor
        for name, tensor in load_file(file).items()
        if name in own and own[name].shape == tensor.shape and not (trunk_only and name.startswith("head."))
    }
    network.load_state_dict({**own, **kept})
