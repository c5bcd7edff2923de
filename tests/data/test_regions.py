"""Windows as items: ids, what is loaded, targets, the pool contract, and learning from parts of images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from querist.acquire.scores import Entropy
from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.core.rng import Streams, stream
from querist.core.spec import build, spec
from querist.data.arrays import ArrayPool
from querist.data.datasets import NamedPool
from querist.data.regions import RegionPool
from querist.kernels.folding import Aggregator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.sited_view import SitedView
from querist.learn.statistics.sited import Said
from querist.nets.unet import UNet
from querist.tasks import heads, new_space
from querist.tasks.dense.runs import NOBODY, to_positions, to_runs

NAMES = ("ground", "square")


@pytest.fixture
def images() -> np.ndarray:
    return stream(0, 0, "oracle").normal(size=(3, 6, 5)).astype(np.float32)


def test_windows_tile_the_image(images: np.ndarray) -> None:
    regions = RegionPool(ArrayPool(images, ["a", "b", "c"]), (2, 2))
    assert len(regions) == 12 and regions.ids()[:4] == ("a#0,0", "a#0,1", "a#1,0", "a#1,1")
    loaded = np.stack([regions.load(item) for item in regions.ids()[:4]])
    assert loaded.shape == (4, 6, 5, 2) and loaded.dtype == np.float32 and set(np.unique(loaded[..., 1])) == {-1.0, 1.0}
    assert ((loaded[..., 1] > 0).sum(axis=0) == 1).all() and (loaded[..., 0] == images[0]).all()
    assert (loaded[3, 3:, 2:, 1] == 1).all() and (loaded[3, :3, :, 1] == -1).all()


def test_slices_and_sub_volumes() -> None:
    volumes = stream(1, 0, "oracle").normal(size=(2, 1, 4, 6, 6)).astype(np.float32)
    regions = RegionPool(ArrayPool(volumes, ["a", "b"]), (4, 1, 1))
    one = regions.load("b#2,0,0")
    assert len(regions) == 8 and one.shape == (2, 4, 6, 6) and (one[1, 2] == 1).all() and (one[1, [0, 1, 3]] == -1).all()


def test_a_region_is_true_within_its_window(images: np.ndarray) -> None:
    regions = RegionPool(ArrayPool(images, ["a", "b", "c"]), (3, 1))
    maps = stream(2, 0, "oracle").integers(0, 2, size=(3, 6, 5)).astype(np.uint8)
    maps[1, :2] = NOBODY
    values = regions.values({item: to_runs(one, NAMES) for item, one in zip("ab", maps, strict=False)}, NAMES)
    assert list(values) == ["a#0,0", "a#1,0", "a#2,0", "b#1,0", "b#2,0"], "of b#0,0 nobody said anything, of c neither"
    space, parts = new_space("dense", NAMES), []
    for item in ("a#0,0", "a#1,0", "a#2,0"):
        value = space.validate(item, values[item])
        parts.append(to_positions(value, NAMES))
        assert space.effort(value)["pixels"] == 10
    assert (np.min(parts, axis=0) == maps[0]).all() and sum((part != NOBODY).sum() for part in parts) == 30


def test_what_is_no_region_is_refused(images: np.ndarray) -> None:
    regions = RegionPool(ArrayPool(images, ["a", "b", "c"]), (2, 2))
    for item in ("a", "a#0", "a#2,0", "a#0,0,0", "a#x,0"):
        with pytest.raises(UnknownItemError):
            regions.load(item)
    with pytest.raises(UnknownItemError):
        regions.load("d#0,0")
    with pytest.raises(UsageError):
        RegionPool(regions.pool, (0, 2)).ids()
    with pytest.raises(UsageError):
        regions.extend([images[0]])
    with pytest.raises(PoolError, match="smaller"):
        RegionPool(regions.pool, (7, 1)).load("a#0,0")
    with pytest.raises(PoolError, match="no regions"):
        RegionPool(regions.pool, (1, 1, 1)).load("a#0,0,0")


def test_ids_with_the_mark_in_them_and_fingerprints(images: np.ndarray) -> None:
    odd = RegionPool(ArrayPool(images, ["a#1", "b", "c"]), (1, 2))
    assert (odd.load("a#1#0,1")[..., 0] == images[0]).all()
    assert odd.fingerprint() != RegionPool(odd.pool, (2, 1)).fingerprint()
    made = RegionPool(NamedPool("digits"), (2, 2))
    assert build(spec(made)) == made


def test_a_network_learns_from_quarters() -> None:
    rng, side, n = stream(3, 0, "oracle"), 16, 24
    maps = np.zeros((n, side, side), dtype=np.uint8)
    for row in range(n):
        top, left = rng.integers(0, side - 7, size=2)
        maps[row, top : top + 6, left : left + 6] = 1
    parents = [f"p{row:02d}" for row in range(n)]
    pool = ArrayPool((maps + rng.normal(scale=0.3, size=maps.shape)).astype(np.float32), parents)
    truth = {item: to_runs(one, NAMES) for item, one in zip(parents, maps, strict=True)}
    regions, head = RegionPool(pool), heads.head(new_space("dense", NAMES).schema())
    values = regions.values(truth, NAMES)
    labelled = list(regions.ids()[:60:2])
    learner = Learner(UNet((8, 16), window=True), Supervised(Steps(0.0, 80, 80), batch=8, rate=0.01, smoothing=0.0))
    inputs = ArrayInputs(regions)
    made = learner.fit(inputs, head, {item: values[item] for item in labelled}, Streams(0, 1), None, lambda *told: None)
    whole = RegionPool(pool, (1, 1))
    asked = {item: value for item, value in whole.values(truth, NAMES).items() if item.split("#")[0] in parents[16:]}
    with made.reading(head, inputs.beside(whole)) as reading:
        found = head.metrics((said.sites for said in reading(list(asked), lambda done: None)), head.targets(asked))
    assert found["dice"] > 0.75

    def read(ids: Any) -> Iterator[Said]:
        with made.reading(head) as reading:
            yield from reading(list(ids), lambda done: None)

    view = SitedView(list(regions.ids()[64:72]), labelled, (), read, frozenset({"sites", "features"}), Aggregator("mean"), classes=2)
    weights = view.fold("sites", lambda said: np.asarray(said.weight).reshape(len(said), -1).sum(axis=1))
    assert weights.tolist() == [64.0] * 8, "a quarter of 256 pixels counts"
    scores, features = Entropy()(view), view.stat("features")
    assert len(set(scores.round(6).tolist())) > 6 and len(np.unique(features.round(5), axis=0)) == 8, "regions of one image differ"
