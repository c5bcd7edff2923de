"""What every training scheme promises, as tests. Subclass, return an instance from the `scheme` fixture, done.

Example:
    class TestMine(SchemeContract):
        @pytest.fixture
        def scheme(self):
            return Mine()
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from querist.acquire.compose import Compose, Random
from querist.acquire.scores import Margin
from querist.core.contracts import STATISTICS, no_report
from querist.core.errors import PoolError, TrainingError
from querist.core.records import RoundJob, RoundResult
from querist.core.rng import Streams, stream, torch_seed
from querist.core.spec import build, digest, spec
from querist.data.arrays import ArrayPool
from querist.learn.checkpoint import Checkpoint
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.base import Fit, Scheme, TrainingSet
from querist.learn.statistics.question import Question
from querist.learn.statistics.registry import compute
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import Network, NetworkFactory
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

CLASSES = ("a", "b", "c")
NETWORK = SmallCNN(channels=(4,), hidden=8, dropout=0.3)
SHAPE = (1, 6, 6)
MARGIN = Compose(score=Margin())


def images(n: int, seed: int = 0) -> np.ndarray:
    """Noise (n, 6, 6) in which one row is brighter: row 0, 2 or 4 for class 0, 1 or 2 of item i, which is i mod 3."""
    x = stream(seed, 0, "oracle").normal(size=(n, 6, 6)).astype(np.float32)
    x[np.arange(n), 2 * (np.arange(n) % 3)] += 2.0
    return x


def weights_hash(network: torch.nn.Module) -> str:
    """Over all weights and buffers."""
    found = hashlib.sha256()
    for tensor in network.state_dict().values():
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


class SchemeContract:
    """Promises about determinism, about what is left alone, and about what cannot be seen."""

    @pytest.fixture
    def scheme(self) -> Scheme:
        """The scheme under test. Give it few steps: it is run some twenty times."""
        raise pytest.UsageError("give the contract a `scheme` fixture")

    @pytest.fixture
    def data(self) -> TrainingSet:
        """Eighteen labelled images of three classes."""
        return TrainingSet(torch.from_numpy(images(18))[:, None], np.arange(18) % 3, tuple(str(item) for item in range(18)))

    @pytest.fixture
    def pooled(self, data: TrainingSet) -> TrainingSet:
        """The same with twenty-one unlabelled images."""
        return dataclasses.replace(data, pool=self.unlabelled())

    def unlabelled(self) -> Unlabelled:
        """Twenty-one images, three of them past reading."""
        x = torch.from_numpy(images(39))[:, None]

        def load(ids: Sequence[str]) -> torch.Tensor:
            if broken := {"20", "27", "33"} & set(ids):
                raise PoolError(f"item {min(broken)!r} cannot be read")
            return x[[int(item) for item in ids]]

        return Unlabelled([str(item) for item in range(18, 39)], load, lambda ids: [item for item in ids if item not in ("20", "27", "33")])

    def network(self, scheme: Scheme) -> NetworkFactory:
        """What the scheme trains: a small convolutional network unless it needs another."""
        return NETWORK

    def fit(self, scheme: Scheme, data: TrainingSet, seed: int = 0) -> tuple[Network, Fit]:
        """A fresh network, fitted with the streams of a seed; its initial weights are always the same."""
        network = self.network(scheme).make(SHAPE, len(CLASSES), generator(torch_seed(stream(0, 1, "model_init"))))
        return network, scheme.fit(network, self.task(), data, Streams(seed, 1), no_report)

    def task(self) -> ClassificationHead:
        """Three classes."""
        return ClassificationHead.of(new_space("classification", CLASSES).schema())

    def test_is_its_configuration(self, scheme: Any) -> None:
        assert dataclasses.is_dataclass(scheme)
        assert build(spec(scheme)) == scheme and digest(build(spec(scheme))) == digest(scheme)

    def test_same_streams_same_weights(self, scheme: Scheme, data: TrainingSet) -> None:
        first, second = self.fit(scheme, data), self.fit(scheme, data)
        assert weights_hash(first[0]) == weights_hash(second[0]) and first[1] == second[1]

    def test_another_seed_gives_other_weights(self, scheme: Scheme, data: TrainingSet) -> None:
        assert weights_hash(self.fit(scheme, data)[0]) != weights_hash(self.fit(scheme, data, seed=1)[0])

    def test_it_learns(self, scheme: Scheme, data: TrainingSet) -> None:
        network, fit = self.fit(scheme, data)
        with torch.no_grad():
            hits = (network(data.x).argmax(dim=1).numpy() == data.y).mean()
        assert fit.steps > 0 and np.isfinite(fit.loss)
        assert hits > 0.6, "three classes, told apart by a bright row"

    def test_unlabelled_inputs_same_streams_same_weights(self, scheme: Scheme, pooled: TrainingSet) -> None:
        first, second = self.fit(scheme, pooled), self.fit(scheme, pooled)
        assert weights_hash(first[0]) == weights_hash(second[0]) and first[1] == second[1]
        assert all(torch.isfinite(tensor).all() for tensor in first[0].state_dict().values())

    def test_killed_and_resumed_equals_unbroken(self, scheme: Scheme, pooled: TrainingSet, tmp_path: Path) -> None:
        whole = self.fit(scheme, pooled)
        saves = self._killed(scheme, pooled, tmp_path, math.inf)
        for at in sorted({0, saves // 2, saves - 1} if saves else ()):
            self._killed(scheme, pooled, tmp_path, at)
            resumed = self.fit(scheme, dataclasses.replace(pooled, checkpoint=Checkpoint(tmp_path / "training.safetensors", "a")))
            assert weights_hash(resumed[0]) == weights_hash(whole[0]) and resumed[1] == whole[1]

    def _killed(self, scheme: Scheme, data: TrainingSet, folder: Path, at: float) -> int:
        """Fit until the save of this number, then die; how many saves there were."""
        saves = []

        class Dies(Checkpoint):
            def save(self, state: dict[str, torch.Tensor]) -> None:
                super().save(state)
                saves.append(1)
                if len(saves) > at:
                    raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            self.fit(scheme, dataclasses.replace(data, checkpoint=Dies(folder / "training.safetensors", "a", 0.0)))
        return len(saves)

    def test_what_it_provides_is_there(self, scheme: Scheme, tmp_path: Path) -> None:
        inputs = ArrayInputs(ArrayPool(images(39)))
        labelled = {str(item): CLASSES[item % 3] for item in range(18)}
        items = [str(item) for item in range(18, 39)]
        learner = Learner(self.network(scheme), scheme)
        fitted = learner.fit(inputs, self.task(), labelled, Streams(0, 1), None, no_report, items, tmp_path)
        fitted.save(tmp_path)
        again = learner.restore(inputs, self.task(), tmp_path, Streams(0, 1))
        assert again is not None
        for name in sorted(getattr(scheme, "provides", ())):
            assert name in STATISTICS and name in learner.provides
            values = [self._statistic(name, one, order) for one, order in ((fitted, items), (again, items), (fitted, items[::-1]))]
            assert len(values[0]) == len(items) and np.isfinite(values[0]).all()
            assert np.array_equal(values[0], values[1]), "the same from the folder"
            np.testing.assert_allclose(values[0], values[2][::-1], rtol=1e-4, atol=1e-5, err_msg="row i depends on item i alone")

    def _statistic(self, name: str, fitted: Fitted, items: Sequence[str]) -> np.ndarray:
        def anchors() -> tuple[np.ndarray, Sequence[int]]:
            known = [str(item) for item in range(18)]
            return fitted.score(known).features, [item % 3 for item in range(18)]

        return np.asarray(compute(name, fitted, Question(items, lambda: fitted.score(items).features, anchors)))

    def test_ends_in_eval_mode(self, scheme: Scheme, data: TrainingSet) -> None:
        network, _ = self.fit(scheme, data)
        assert not any(module.training for module in network.modules())

    def test_changes_no_data(self, scheme: Scheme, data: TrainingSet) -> None:
        x, y = data.x.clone(), data.y.copy()
        self.fit(scheme, data)
        assert torch.equal(x, data.x) and np.array_equal(y, data.y)

    def test_leaves_global_streams_alone(self, scheme: Scheme, data: TrainingSet) -> None:
        network = self.network(scheme).make(SHAPE, len(CLASSES), generator(0))
        before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
        scheme.fit(network, self.task(), data, Streams(0, 1), no_report)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (np.random.get_state()[1] == before[1]).all()  # type: ignore[index]  # noqa: NPY002

    def test_global_streams_do_not_enter(self, scheme: Scheme, data: TrainingSet) -> None:
        first = weights_hash(self.fit(scheme, data)[0])
        torch.rand(3)
        assert weights_hash(self.fit(scheme, data)[0]) == first

    def test_steps_depend_on_the_number_of_labels_alone(self, scheme: Scheme, data: TrainingSet) -> None:
        other = TrainingSet(data.x.flip(0) * 0.5, (data.y + 1) % 3)
        assert self.fit(scheme, data)[1].steps == self.fit(scheme, other, seed=5)[1].steps

    def test_progress_ends_at_one(self, scheme: Scheme, data: TrainingSet) -> None:
        seen: list[float] = []
        network = self.network(scheme).make(SHAPE, len(CLASSES), generator(0))
        scheme.fit(network, self.task(), data, Streams(0, 1), lambda phase, fraction, extra: seen.append(fraction))
        assert seen == sorted(seen) and 0 <= seen[0] and seen[-1] == 1.0

    def test_a_frozen_trunk_stays(self, scheme: Scheme, data: TrainingSet) -> None:
        network = self.network(scheme).make(SHAPE, len(CLASSES), generator(0))
        network.trunk.requires_grad_(False)
        trunk, head = weights_hash(network.trunk), weights_hash(network.head)
        scheme.fit(network, self.task(), data, Streams(0, 1), no_report)
        assert weights_hash(network.trunk) == trunk, "BatchNorm's running statistics count too"
        assert weights_hash(network.head) != head

    @pytest.mark.parametrize("labels", [1, 2, 3])
    def test_very_few_labels(self, scheme: Scheme, data: TrainingSet, labels: int) -> None:
        network, _ = self.fit(scheme, TrainingSet(data.x[:labels], data.y[:labels]))
        assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())

    def test_divergence_is_an_error(self, scheme: Scheme, data: TrainingSet) -> None:
        broken = data.x.clone()
        broken[0, 0, 0, 0] = torch.inf
        with pytest.raises(TrainingError, match="diverged"):
            self.fit(scheme, TrainingSet(broken, data.y))

    def test_test_targets_change_metrics_only(self, scheme: Scheme, tmp_path: Path) -> None:
        told = {str(item): CLASSES[item % 3] for item in range(30, 39)}
        lies = {item: CLASSES[(int(item) + 1) % 3] for item in told}
        true, poisoned = self._round(scheme, told, tmp_path / "true"), self._round(scheme, lies, tmp_path / "lies")
        assert true.ranking == poisoned.ranking and true.info["model"] == poisoned.info["model"]
        assert true.metrics != poisoned.metrics

    def test_unlabelled_items_have_no_targets_to_see(self, scheme: Scheme, tmp_path: Path) -> None:
        """A label told for an item that is no part of the job's labels reaches nothing: the job has no place for it."""
        names = {field.name for field in dataclasses.fields(RoundJob)}
        assert names == {"round", "seed", "labelled", "test", "candidates", "pending", "batch", "reserve", "schema", "previous", "workdir", "outside"}
        random = self._round(scheme, {}, tmp_path / "random", acquisition=Random())
        assert random.info["model"] == self._round(scheme, {}, tmp_path / "margin").info["model"], "and the method changes no training"

    def _round(self, scheme: Scheme, test: Mapping[str, str], folder: Path, acquisition: Any = MARGIN) -> RoundResult:
        folder.mkdir()
        inputs = ArrayInputs(ArrayPool(images(39)))
        job = RoundJob(
            round=1, seed=0, labelled={str(item): CLASSES[item % 3] for item in range(12)}, test=test, candidates=[str(item) for item in range(12, 30)],
            pending=(), batch=5, reserve=0, schema=new_space("classification", CLASSES).schema(), previous=None, workdir=str(folder),
        )  # fmt: skip
        return LearnerRuntime(inputs, inputs, Learner(self.network(scheme), scheme), acquisition).train_score_select(job, no_report)
