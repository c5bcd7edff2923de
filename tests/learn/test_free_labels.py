"""Free labels: as many of each answer, the surest, more in every round, and none in the first."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from learn_parts import CLASSES, clouds, ids, label

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.before import Before
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.programme import Setting
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.free_labels import FreeLabels, surest
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
SHORT = Supervised(steps=Steps(0.0, 30, 30), rate=0.02, batch=16)


def network() -> Network:
    return MLP(hidden=(8,), dropout=0.0).make((4,), 3, generator(0))


def given_labels(folder: Path, round_: int, scheme: FreeLabels) -> tuple[Training, Network]:
    inputs, x = ArrayInputs(ArrayPool(clouds(60))), torch.from_numpy(clouds(60))
    Learner(MLP(hidden=(8,), dropout=0.0), SHORT).fit(inputs, TASK, {item: label(item) for item in ids(0, 12)}, Streams(0, 1), None, no_report).save(folder)
    before = Before(folder, 0, network)
    pool = Unlabelled(ids(12, 60), lambda items: x[[int(item) for item in items]], list)
    data = TrainingSet(x[:12], np.arange(12) % 3, tuple(ids(0, 12)), pool, before if round_ > 1 else None)
    setting = Setting(network(), TASK, data, Streams(0, round_))
    training = Training(scheme.programme(setting), setting, no_report)
    training.run()
    assert before.network is not None
    return training, before.network


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=20), st.integers(0, 4))
def test_the_surest_of_each_answer(rows: list[tuple[int, int]], each: int) -> None:
    doubt, answers = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows], dtype=int)
    wanted = [row for answer in range(3) for row in sorted((i for i, one in enumerate(rows) if one[1] == answer), key=lambda i: (rows[i][0], i))[:each]]
    assert surest(doubt, answers, each).tolist() == sorted(wanted)


def test_every_round_has_as_many_more_of_each_answer(tmp_path: Path) -> None:
    for round_, each in ((1, 0), (2, 2), (3, 4)):
        folder = tmp_path / str(round_)
        folder.mkdir()
        training, before = given_labels(folder, round_, FreeLabels(SHORT, each=2))
        free = training.pseudo
        if not each:
            assert free is None and "pseudo_labels" not in training.notes
            continue
        assert free is not None and np.bincount(free.y.numpy(), minlength=3).tolist() == [each] * 3
        with torch.no_grad():
            assert torch.equal(before(free.x).argmax(dim=1), free.y), "what the network before would answer"
            pool = torch.from_numpy(clouds(60))[12:]
            doubt, answers = TASK.doubt(before(pool)), before(pool).argmax(dim=1)
            for answer in range(3):
                kept = TASK.doubt(before(free.x[free.y == answer])).max()
                assert int((doubt[answers == answer] < kept - 1e-6).sum()) < each, "and nothing surer was passed over"


def test_without_any_it_is_plain_training_bit_for_bit(tmp_path: Path) -> None:
    training, _ = given_labels(tmp_path, 2, FreeLabels(SHORT, each=0))
    plain = network()
    data = dataclasses.replace(training.setting.data, before=None)
    SHORT.fit(plain, TASK, data, Streams(0, 2), no_report)
    own = training.setting.network.state_dict()
    assert all(torch.equal(tensor, own[name]) for name, tensor in plain.state_dict().items())


def test_free_labels_of_the_fixture() -> None:
    """methods_c §9, Kasai K = 2: p = .9, .6, .55, .45, .2, .01; free: .9 as yes and .01 as no."""
    p = np.array([0.9, 0.6, 0.55, 0.45, 0.2, 0.01])
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    np.testing.assert_allclose(entropy, [0.325, 0.673, 0.688, 0.688, 0.500, 0.056], atol=5e-4)
    assert surest(entropy, (p >= 0.5).astype(int), 1).tolist() == [0, 5]
