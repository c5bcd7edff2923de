"""Pre-training: once, without labels, and every round starts from what came of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from learn_short import SHORT
from torch import Tensor
from torch.nn import functional

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.programme import Setting
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.deepcluster import DeepCluster
from querist.learn.schemes.distorted import Distorted
from querist.learn.schemes.label_propagation import LabelPropagation
from querist.learn.schemes.learning_loss import LearningLoss
from querist.learn.schemes.pretrained import Pretrained
from querist.learn.schemes.simclr import SimCLR, contrasted
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
INPUTS = ArrayInputs(ArrayPool(clouds(60)))
SIMCLR = SimCLR(steps=12, batch=8)
WAYS = {"simclr": SIMCLR, "deepcluster": DeepCluster(steps=12, batch=8, times=2)}


def rounds(folder: Path, scheme: Any, n: int = 3, liar: bool = False) -> list[Fitted]:
    made: list[Fitted] = []
    for number in range(1, n + 1):
        here = folder / str(number)
        here.mkdir(parents=True)
        told = {item: label(str(int(item) + liar)) for item in ids(0, 9 * number)}
        learner = Learner(MLP((8,)), scheme)
        made.append(learner.fit(INPUTS, TASK, told, Streams(0, number), str(folder / str(number - 1)) if made else None, no_report, ids(9 * number, 60), here))
        made[-1].save(here)
    return made


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("way", WAYS)
def test_every_round_starts_from_the_same_trunk(tmp_path: Path, way: str) -> None:
    """Without a step of training the trunk is what each round starts from; with them only the first round pays."""
    made = rounds(tmp_path / "a", Pretrained(SHORT, WAYS[way], probe=True))
    trunks = [dict(fitted.networks[0].trunk.state_dict()) for fitted in made]
    fresh = MLP((8,)).make((4,), 3, generator(0)).trunk.state_dict()
    assert same(trunks[0], trunks[1]) and same(trunks[0], trunks[2]) and not same(trunks[0], dict(fresh))
    assert [fitted.fits[0].steps for fitted in made] == [32, 20, 20] and made[1].fits[0].unlabelled == 0
    paid = rounds(tmp_path / "b", Pretrained(SHORT, WAYS[way]))
    assert same(dict(paid[0].fits[0].memory), dict(made[0].fits[0].memory)) and same(dict(paid[2].fits[0].memory), dict(made[0].fits[0].memory))
    assert not paid[0].fits[0].modules, "what served the pre-training is not kept beside the network"


@pytest.mark.parametrize("way", WAYS)
def test_it_reads_no_label(tmp_path: Path, way: str) -> None:
    honest, lied = (rounds(tmp_path / name, Pretrained(SHORT, WAYS[way]), 1, liar=liar)[0].fits[0] for name, liar in (("a", False), ("b", True)))
    assert same(dict(honest.memory), dict(lied.memory))


def test_a_probe_holds_the_trunk(tmp_path: Path) -> None:
    """Embeddings are identical between rounds, and the head learns."""
    made = rounds(tmp_path, Pretrained(SHORT, SIMCLR, probe=True), 2)
    first, second = (fitted.score(ids(0, 60)) for fitted in made)
    assert np.array_equal(first.features, second.features) and not np.array_equal(first.probs, second.probs)
    free = rounds(tmp_path / "free", Pretrained(SHORT, SIMCLR), 1)[0].score(ids(0, 60))
    assert not np.array_equal(first.features, free.features)


def setting(pool: bool = True) -> Setting:
    x = torch.from_numpy(clouds(72, 36)).reshape(72, 1, 6, 6)
    network = SmallCNN(channels=(4,), hidden=8).make((1, 6, 6), 3, generator(0))
    unlabelled = Unlabelled(ids(12, 72), lambda some: x[[int(item) for item in some]]) if pool else None
    return Setting(network, TASK, TrainingSet(x[:12], np.arange(12) % 3, pool=unlabelled), Streams(0, 1))


def fitted(scheme: Any, pool: bool = True) -> dict[str, Tensor]:
    given = setting(pool)
    scheme.fit(given.network, given.task, given.data, given.streams, no_report)
    return dict(given.network.state_dict())


@pytest.mark.parametrize("scheme", [Pretrained(SHORT), Pretrained(SHORT, probe=True), Pretrained(SHORT, DeepCluster())])
def test_with_zero_unlabelled_it_is_the_scheme_inside(scheme: Any) -> None:
    assert same(fitted(scheme, pool=False), fitted(SHORT, pool=False))


def test_it_goes_around_and_into_other_schemes() -> None:
    inside, outside = Pretrained(LearningLoss(SHORT), SIMCLR), LearningLoss(Pretrained(SHORT, SIMCLR))
    assert inside.provides == {"loss_estimate"} and same(fitted(inside), fitted(outside))
    other = dataclasses.replace(SHORT, rate=0.5)
    wrapped = LabelPropagation(Pretrained(LearningLoss(SHORT), SIMCLR)).around(other)
    assert wrapped == LabelPropagation(Pretrained(LearningLoss(other), SIMCLR))


def test_the_contrast_is_its_naive_twin() -> None:
    z = torch.randn((10, 4), generator=generator(0))
    found = contrasted(z, 0.5)
    for row in range(10):
        own = (row + 5) % 10
        alike = [float(functional.cosine_similarity(z[row], z[other], dim=0)) / 0.5 for other in range(10)]
        expected = -alike[own] + np.log(sum(np.exp(value) for other, value in enumerate(alike) if other != row))
        assert float(found[row]) == pytest.approx(expected, abs=1e-5)


def test_looks_of_one_item_lower_the_contrast_and_a_step_does_too() -> None:
    one = torch.randn((6, 4), generator=generator(0))
    assert contrasted(torch.cat([one, 3 * one]), 0.5).mean() < contrasted(torch.cat([one, one.flip(0)]), 0.5).mean()
    z = torch.randn((12, 4), generator=generator(1), requires_grad=True)
    loss = contrasted(z, 0.5).mean()
    loss.backward()
    assert z.grad is not None and contrasted(z - 0.1 * z.grad, 0.5).mean() < loss
    assert contrasted(z[:2], 0.5).tolist() == [0.0, 0.0], "a single item has nothing to be told from"


def test_what_is_learnt_without_labels_tells_items_apart() -> None:
    """The contrast of items that were not trained on falls."""
    look = Distorted(crop=0.1, turn=5.0)
    given = setting()
    x = torch.from_numpy(clouds(102, 36)[72:]).reshape(30, 1, 6, 6)

    def contrast() -> float:
        with torch.no_grad():
            both = torch.cat([look(x, generator(0)), look(x, generator(1))])
            return float(contrasted(given.network.eval().trunk(both), 0.5).mean())

    before = contrast()
    frozen = dataclasses.replace(SHORT, rate=0.0, weight_decay=0.0)
    Pretrained(frozen, SimCLR(steps=60, batch=32, look=look)).fit(given.network, given.task, given.data, given.streams, no_report)
    assert contrast() < before - 0.1


def test_distortions_keep_shape_and_scale_and_nothing_distorts_nothing() -> None:
    x = torch.randn((40, 2, 8, 8), generator=generator(0))
    still = Distorted(crop=0.0, turn=0.0, tone=0.0, noise=0.0, swap=0.0)
    torch.testing.assert_close(still(x, generator(1)), x, atol=1e-4, rtol=1e-4)
    mirrored = dataclasses.replace(still, flip=True)(x, generator(1))
    turned = (mirrored - x.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-3
    assert 8 < int(turned.sum()) < 32 and torch.allclose(mirrored[~turned], x[~turned], atol=1e-3), "half of them"
    looked = Distorted()(x, generator(1))
    assert looked.shape == x.shape and torch.equal(looked, Distorted()(x, generator(1))) and not torch.equal(looked, Distorted()(x, generator(2)))
    assert 0.3 < float(looked.std() / x.std()) < 1.5


def test_columns_take_values_of_the_same_column() -> None:
    x = torch.arange(60.0).reshape(20, 3)
    swapped = Distorted(swap=0.5)(x, generator(0))
    assert torch.equal(swapped.long() % 3, x.long() % 3), "of the same column"
    assert 0.2 < float((swapped != x).float().mean()) < 0.7
    assert torch.equal(Distorted(swap=0.0)(x, generator(0)), x)
