"""What every inference promises, as tests. Subclass, return an instance from the `inference` fixture, done.

Rows are compared within `CLOSE`: a matrix product may sum in another order for another number of rows, so float32
results of other batch sizes agree in all but the last bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from querist.core.errors import TrainingError
from querist.core.rng import stream
from querist.core.spec import build, spec
from querist.learn.device import generator, scoring
from querist.learn.inference.base import Inference, dressed
from querist.learn.statistics.forward import Scored, score
from querist.nets.base import Network
from querist.nets.cnn import SmallCNN
from querist.testing.scheme_contract import SHAPE, images

CLOSE = 1e-6
"""Largest difference of probabilities that other batch sizes may make."""

ITEMS = 70
WIDTH = 32
CLASSES = 3


def network(seed: int, dropout: float = 0.3) -> Network:
    """A small network with dropout before its last layer and BatchNorm statistics that are not the initial ones."""
    made = SmallCNN(channels=(4,), hidden=WIDTH, dropout=dropout).make(SHAPE, CLASSES, generator(seed))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        made.train()(torch.from_numpy(images(32, seed=7))[:, None])
    return made


class InferenceContract:
    """Promises about the k functions, about batches, and about what is left alone."""

    @pytest.fixture
    def inference(self) -> Inference:
        """The inference under test."""
        raise pytest.UsageError("give the contract an `inference` fixture")

    @pytest.fixture
    def networks(self, inference: Inference) -> Sequence[Network]:
        """As many as it has members, each with own weights."""
        return [dressed(inference, network(seed)) for seed in range(inference.members)]

    def score(self, inference: Inference, networks: Sequence[Network], rows: Sequence[int], batch: int = 64, seed: int = 0) -> Scored:
        """Statistics of rows of the common images."""
        pool = torch.from_numpy(images(ITEMS))[:, None]

        def load(ids: Sequence[str]) -> Tensor:
            return pool[[int(item) for item in ids]]

        with ExitStack() as stack:
            for one in networks:
                stack.enter_context(scoring(one))
            sampler = inference.prepare(networks, stream(seed, 1, "dropout"))
            return score(sampler, load, [str(row) for row in rows], batch, lambda done: None)

    def test_is_its_configuration(self, inference: Any) -> None:
        assert dataclasses.is_dataclass(inference)
        assert build(spec(inference)) == inference

    def test_shapes(self, inference: Inference, networks: Sequence[Network]) -> None:
        scored = self.score(inference, networks, range(ITEMS))
        assert scored.probs.shape == (ITEMS, inference.samples, CLASSES) and scored.probs.dtype == np.float32
        assert scored.features.shape == (ITEMS, WIDTH) and scored.features.dtype == np.float32
        assert np.allclose(scored.probs.sum(axis=2), 1.0, atol=1e-5)

    def test_one_sample_is_plain_prediction(self, inference: Inference, networks: Sequence[Network]) -> None:
        if inference.samples > 1:
            pytest.skip("it draws more than one sample")
        with torch.no_grad():
            plain = torch.softmax(networks[0].eval()(torch.from_numpy(images(ITEMS))[:, None]), dim=1).numpy()
        assert np.abs(self.score(inference, networks, range(ITEMS)).probs[:, 0] - plain).max() <= CLOSE

    def test_features_are_the_input_of_the_last_layer(self, inference: Inference, networks: Sequence[Network]) -> None:
        seen: list[Tensor] = []
        scored = self.score(inference, networks, range(ITEMS))
        handle = networks[0].last.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
        with torch.no_grad():
            networks[0].eval()(torch.from_numpy(images(ITEMS))[:, None])
        handle.remove()
        assert np.abs(scored.features - seen[0].numpy()).max() <= 10 * CLOSE

    @pytest.mark.parametrize("batch", [1, 7, 64])
    def test_batches_change_nothing(self, inference: Inference, networks: Sequence[Network], batch: int) -> None:
        whole, parts = self.score(inference, networks, range(ITEMS), ITEMS), self.score(inference, networks, range(ITEMS), batch)
        assert np.abs(whole.probs - parts.probs).max() <= CLOSE
        assert np.abs(whole.features - parts.features).max() <= 10 * CLOSE

    def test_order_permutes_rows(self, inference: Inference, networks: Sequence[Network]) -> None:
        order = stream(3, 0, "oracle").permutation(ITEMS)
        straight, mixed = self.score(inference, networks, range(ITEMS)), self.score(inference, networks, order.tolist())
        assert np.abs(straight.probs[order] - mixed.probs).max() <= CLOSE

    def test_same_stream_same_samples(self, inference: Inference, networks: Sequence[Network]) -> None:
        first, second = (self.score(inference, networks, range(ITEMS)) for _ in range(2))
        assert np.array_equal(first.probs, second.probs) and np.array_equal(first.features, second.features)

    def test_networks_are_left_as_they_were(self, inference: Inference, networks: Sequence[Network]) -> None:
        networks[0].train()
        flags = [module.training for one in networks for module in one.modules()]
        state = [tensor.clone() for one in networks for tensor in one.state_dict().values()]
        self.score(inference, networks, range(ITEMS))
        assert [module.training for one in networks for module in one.modules()] == flags
        assert all(torch.equal(before, after) for before, after in zip(state, (t for one in networks for t in one.state_dict().values()), strict=True))
        assert not any(module._forward_hooks or module._forward_pre_hooks for one in networks for module in one.modules())

    def test_global_stream_is_left_alone(self, inference: Inference, networks: Sequence[Network]) -> None:
        before = torch.get_rng_state()
        self.score(inference, networks, range(ITEMS))
        assert torch.equal(before, torch.get_rng_state())

    def test_samples_differ(self, inference: Inference, networks: Sequence[Network]) -> None:
        probs = self.score(inference, networks, range(ITEMS)).probs
        for first in range(inference.samples):
            for second in range(first):
                assert not np.array_equal(probs[:, first], probs[:, second])

    def test_identical_samples_are_an_error(self, inference: Inference) -> None:
        """Members that are one network, without dropout: nothing can differ."""
        if inference.samples == 1:
            pytest.skip("one sample has nothing to be identical to")
        with pytest.raises(TrainingError, match="identical"):
            self.score(inference, [network(0, dropout=0.0)] * inference.members, range(ITEMS))

    def test_a_network_that_is_certain_is_no_error(self, inference: Inference, networks: Sequence[Network]) -> None:
        for one in networks:
            with torch.no_grad():
                one.last.weight.mul_(1e-3)
                one.last.bias[1] = 500.0
        assert (self.score(inference, networks, range(ITEMS)).probs[..., 1] == 1.0).all()
