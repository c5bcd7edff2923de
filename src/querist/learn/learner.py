"""A learner: network × scheme × inference × refit. It is its own configuration; `fit` makes a `Fitted`."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from querist.core.contracts import Report
from querist.core.errors import TrainingError, UsageError
from querist.core.rng import Streams, torch_seed
from querist.core.spec import digest, spec
from querist.learn.architecture import Search, kept
from querist.learn.before import LABELLED, Before, beside_file, load, save, weights_file
from querist.learn.checkpoint import Checkpoint
from querist.learn.device import generator, scoring
from querist.learn.inference.base import Inference, brought, dressed, settled
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inputs import Inputs
from querist.learn.layout import arranged
from querist.learn.programme import Setting, written
from querist.learn.refits import REFITS
from querist.learn.schemes.base import Fit, Scheme, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.statistics.forward import Scored, batch_size, score
from querist.learn.statistics.registry import offered
from querist.learn.statistics.sited import Reading
from querist.learn.task import TaskHead
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network, NetworkFactory


class Learns(Protocol):
    """What the runtime needs of a learner."""

    @property
    def provides(self) -> frozenset[str]: ...

    def fit(
        self, inputs: Inputs, task: TaskHead, labelled: Mapping[str, Any], streams: Streams, previous: str | None, report: Report,
        pool: Sequence[str] = (), folder: Path | None = None,
    ) -> Fitted: ...  # fmt: skip

    def restore(self, inputs: Inputs, task: TaskHead, folder: Path, streams: Streams) -> Fitted | None: ...


@dataclass(frozen=True)
class Learner:
    """How to learn from labels.

    Attributes:
        network: Makes fresh networks.
        scheme: Trains them.
        inference: Turns them into posterior samples.
        refit: Where a round starts, by name: see `learn.refits`.
    """

    network: NetworkFactory = MLP()
    scheme: Scheme = Supervised()
    inference: Inference = Deterministic()
    refit: str = "scratch"

    @property
    def provides(self) -> frozenset[str]:
        """Statistics this learner can compute."""
        return frozenset({"probs", "features", "gradients"}) | offered(self.network) | getattr(self.scheme, "provides", frozenset())

    @property
    def frozen(self) -> bool:
        """Whether the features are the inputs themselves, so that they stay the same from round to round."""
        return bool(getattr(self.network, "linear", False))

    def fit(
        self, inputs: Inputs, task: TaskHead, labelled: Mapping[str, Any], streams: Streams, previous: str | None, report: Report,
        pool: Sequence[str] = (), folder: Path | None = None,
    ) -> Fitted:  # fmt: skip
        """Train on the labelled items.

        Args:
            inputs: Where tensors come from.
            task: Loss, targets and metrics.
            labelled: Item → value, in canonical id order.
            streams: Named streams of the round.
            previous: Folder of the round before.
            report: Progress.
            pool: Unlabelled items, for schemes that read them.
            folder: Where progress is kept, so that a killed fit goes on; None keeps none.

        Raises:
            UsageError: for an unknown refit.
            TrainingError: without labels, or when training diverges.
        """
        if self.refit not in REFITS:
            raise UsageError("unknown refit", got=self.refit, wanted=", ".join(REFITS))
        if not labelled:
            raise TrainingError("nothing to learn from", got="0 labels", wanted="at least 1", hint="Label the items that `ask` gives, then update.")
        refit = REFITS[self.refit]
        unlabelled = Unlabelled(inputs.ready(pool), inputs.batch, lambda ids: inputs.readable(ids)[0]) if pool else None
        x, y, ids = inputs.batch(list(labelled)), task.targets(labelled), tuple(labelled)
        key = digest({"learner": spec(self), "labelled": dict(labelled), "round": streams.round, "seed": streams.seed})[:16]
        scheme = brought(self.inference, refit.around(self.scheme))

        def make(factory: NetworkFactory, own: Streams) -> Network:
            return self._fresh(inputs, task, own, factory)

        search = Search(make, scheme, task, TrainingSet(x, y, ids, unlabelled, beside=inputs.beside), streams, report, folder, key)
        found = search.run(self.network, None if previous is None else Path(previous))
        networks, befores = [], []
        for member in range(self.inference.members):
            own = streams.of(member)
            network = make(found.factory, own)
            before = None if previous is None else Before(Path(previous), member, partial(make, found.factory, own), continued=self.refit != "scratch")
            if before is not None:
                refit.start(network, before)
            networks.append(network)
            befores.append(before)
        fits: list[Fit] = []
        for member, others in self._groups(networks):
            progress = None if folder is None else Checkpoint(folder / f"training-{member}.safetensors", key)
            data = TrainingSet(x, y, ids, unlabelled, befores[member], progress, others, inputs.beside)
            fit = scheme.fit(networks[member], task, data, streams.of(member), report)
            fit = replace(fit, notes={**fit.notes, **found.notes}) if found.notes else fit
            for network in (networks[member], *others):
                settled(self.inference, network, task, data)
            fits += [fit, *(replace(fit, unlabelled=0, notes={}, modules={}, memory={}) for _ in others)]
        return Fitted(networks, self.inference, inputs, streams, tuple(fits), ids)

    def _groups(self, networks: Sequence[Network]) -> list[tuple[int, tuple[Network, ...]]]:
        """The first member of each fit, and the networks that are trained together with it."""
        if getattr(self.inference, "together", False):
            return [(0, tuple(networks[1:]))]
        return [(member, ()) for member in range(len(networks))]

    def restore(self, inputs: Inputs, task: TaskHead, folder: Path, streams: Streams) -> Fitted | None:
        """What `Fitted.save` wrote into a folder, or None if it is not (wholly) there."""
        factory = kept(folder) if hasattr(self.network, "candidates") else self.network
        networks, fits = [], []
        for member in range(self.inference.members if factory is not None else 0):
            own = streams.of(member)
            network = self._fresh(inputs, task, own, factory)
            if not weights_file(folder, member).is_file():
                return None
            network.load_state_dict(load(weights_file(folder, member)))
            network.eval()
            networks.append(network)
            fits.append(self._beside(network, task, inputs, own, load(beside_file(folder, member))))
        return Fitted(networks, self.inference, inputs, streams, tuple(fits)) if networks else None

    def _beside(self, network: Network, task: TaskHead, inputs: Inputs, streams: Streams, kept: Mapping[str, Tensor]) -> Fit:
        """What a scheme had trained beside the network."""
        modules: dict[str, nn.Module] = {}
        if any(name.startswith("module/") for name in kept):
            none = task.targets({})
            nothing = TrainingSet(torch.zeros((1, *inputs.shape)), np.zeros((1, *none.shape[1:]), dtype=none.dtype))
            programme = written(brought(self.inference, self.scheme), Setting(network, task, nothing, streams))
            modules = {name: module for name, module in programme.modules.items() if name not in programme.passing}
            for name, module in modules.items():
                own = f"module/{name}/"
                module.load_state_dict({key.removeprefix(own): tensor for key, tensor in kept.items() if key.startswith(own)})
                module.eval()
        memory = {name.removeprefix("memory/"): tensor for name, tensor in kept.items() if name.startswith("memory/")}
        return Fit(0, math.nan, modules=modules, memory=memory)

    def _fresh(self, inputs: Inputs, task: TaskHead, streams: Streams, factory: NetworkFactory) -> Network:
        with torch.random.fork_rng(devices=[]):  # the constructors of torch's layers draw from the global stream, in vain
            return arranged(dressed(self.inference, factory.make(inputs.shape, task.outputs, generator(torch_seed(streams("model_init"))))))


@dataclass(frozen=True)
class Fitted:
    """Trained networks and how to ask them."""

    networks: Sequence[Network]
    inference: Inference
    inputs: Inputs
    streams: Streams
    fits: tuple[Fit, ...]
    labelled: tuple[str, ...] = ()

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

    @contextmanager
    def reading(self, task: TaskHead, inputs: Inputs | None = None) -> Iterator[Reading]:
        """What the networks say about the sites of items, in this block; the same k functions for every call in a round.

        Args:
            task: Outputs → sites.
            inputs: Where their tensors come from, if not from the pool.
        """
        source = inputs or self.inputs
        with ExitStack() as stack:
            for network in self.networks:
                stack.enter_context(scoring(network))
            yield Reading(self.inference.prepare(self.networks, self.streams("dropout")), source.batch, task, batch_size(self.networks, source.shape))

    def save(self, folder: Path) -> None:
        """Write the weights as safetensors, one file per member, each complete or absent."""
        for member, (network, fit) in enumerate(zip(self.networks, self.fits, strict=True)):
            beside = {f"memory/{name}": tensor for name, tensor in fit.memory.items()}
            for name, module in fit.modules.items():
                beside |= {f"module/{name}/{key}": tensor for key, tensor in module.state_dict().items()}
            if beside:
                save(beside_file(folder, member), beside)
            save(weights_file(folder, member), dict(network.state_dict()))
        (folder / LABELLED).write_text(json.dumps(self.labelled), encoding="utf-8")

    def hash(self) -> str:
        """SHA-256 over all weights and buffers, in state-dict order."""
        digest = hashlib.sha256()
        for network in self.networks:
            for name, tensor in network.state_dict().items():
                digest.update(name.encode())
                digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()
