"""DeepCluster: clusters of features, made anew, each of which counts alike."""

from __future__ import annotations

import numpy as np
import torch
from learn_parts import CLASSES, clouds, ids
from learn_short import SHORT

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.learn.device import generator
from querist.learn.programme import Setting
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.deepcluster import Clusters, DeepCluster, featured
from querist.learn.schemes.pretrained import Pretrained, width
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

SIZES: list[int] = []


def setting(of: np.ndarray) -> Setting:
    """Items of three clouds; `of` says of which."""
    base = clouds(900, 6)
    rows = np.array([np.flatnonzero(np.arange(900) % 3 == cloud)[place] for place, cloud in enumerate(of)])
    x = torch.from_numpy(base[rows])
    SIZES.clear()

    def load(some: list[str]) -> torch.Tensor:
        SIZES.append(len(some))
        return x[[int(item) for item in some]]

    task = ClassificationHead.of(new_space("classification", CLASSES).schema())
    network = MLP((16,), dropout=0.0).make((6,), 3, generator(0))
    return Setting(network, task, TrainingSet(x[:6], of[:6], pool=Unlabelled(ids(6, len(of)), load)), Streams(0, 1))


def test_clusters_are_found_and_small_ones_count_as_much() -> None:
    of = np.concatenate([np.arange(6) % 3, np.repeat([0, 1, 2], [120, 60, 12])])
    given = setting(of)
    way = DeepCluster(steps=6, batch=16, times=2, per_class=1)
    stage, modules = way.stage(given, width(given.network, (6,)))
    clusters = modules["clusters"]
    assert isinstance(clusters, Clusters) and len(clusters.centres) == 3
    training = Training(Pretrained(SHORT, way).programme(given), given, no_report)
    stage.hooks[0].run(training)
    assert given.data.pool is not None
    pool = given.data.pool.after(given.data.x)
    found = clusters.of(torch.from_numpy(featured(given.network, pool, np.arange(len(of))))).numpy()
    pairs = {(int(cloud), int(cluster)) for cloud, cluster in zip(of, found, strict=True)}
    assert len(pairs) <= 4, "a cloud is a cluster, but for a stray"
    sizes = torch.from_numpy(np.bincount(found, minlength=3)).float()
    torch.testing.assert_close(clusters.counts * sizes, torch.full((3,), len(of) / 3)), "each weighs as much as any other"
    first = clusters.layer.weight.clone()
    stage.hooks[0].run(training)
    assert int(clusters.made) == 2 and not torch.equal(first, clusters.layer.weight), "the layer begins anew"
    assert training.read == 2 * len(of)


def test_it_learns_what_is_alike_and_memory_is_bounded() -> None:
    of = np.arange(290) % 3
    given = setting(of)
    way = DeepCluster(steps=80, batch=32, times=3, per_class=2, sample=200)
    notes: list[float] = []
    Pretrained(SHORT, way).fit(given.network, given.task, given.data, given.streams, lambda phase, part, extra: notes.append(extra["loss"]))
    assert notes[1] < notes[0], "clusters can be told apart"
    assert max(SIZES) <= 256 and sum(SIZES) < 3 * 200 + 80 * 32


def test_few_items_make_few_clusters() -> None:
    given = setting(np.arange(9) % 3)
    stage, modules = DeepCluster().stage(given, 16)
    assert len(modules["clusters"].centres) == 2 and stage.unlabelled == 128  # type: ignore[arg-type]
    Pretrained(SHORT, DeepCluster(steps=3)).fit(given.network, given.task, given.data, given.streams, no_report)
