from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from querist.core.errors import PoolError, UsageError
from querist.data.datasets import Entry, entries, named, register
from querist.data.datasets.fashion_mnist import _DEBIAN

_SKLEARN = ["digits", "iris", "wine", "breast-cancer"]


def _digest(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", _SKLEARN)
def test_sets_of_scikit_learn(name: str) -> None:
    pytest.importorskip("sklearn")
    data = named(name)
    assert set(data.targets) == set(data.pool.ids())
    assert set(data.targets.values()) == set(data.classes)
    assert set(data.dev) | set(data.candidates) == set(data.pool.ids())
    assert set(data.dev) & set(data.candidates) == set()
    assert len(data.dev) == round(0.2 * len(data.pool))
    assert data.test == {item_id: data.targets[item_id] for item_id in data.dev}
    assert data.final is None
    assert data.licence and data.kind == "classification"
    assert str(data.pool.load(data.dev[0]).dtype) in data.input


def test_digits_are_pictures_of_their_targets() -> None:
    sklearn = pytest.importorskip("sklearn.datasets")
    data = named("digits")
    bunch = sklearn.load_digits()
    assert data.pool.ids()[17] == "train-00017"
    assert data.targets["train-00017"] == str(bunch.target[17])
    np.testing.assert_array_equal(np.rint(data.pool.load("train-00017") / (255 / 16)), bunch.images[17])


def test_a_split_is_part_of_the_definition() -> None:
    """A changed split would make every recorded study incomparable; this test holds it."""
    pytest.importorskip("sklearn")
    assert _digest(named("digits").dev) == "6dfd9c020ebd0087"


def test_the_miniature_of_fashion_mnist(mini_fashion: Path) -> None:
    data = named("fashion-mnist", str(mini_fashion))
    assert len(data.pool) == 60
    assert data.pool.load("train-00000").shape == (28, 28)
    assert data.targets["train-00009"] == "Ankle boot"
    assert len(data.dev) == 12
    assert set(data.test.values()) == set(data.classes)
    assert data.final is not None
    final = data.final()
    assert list(final.targets) == [f"test-{row:05d}" for row in range(20)]
    assert set(final.pool.ids()).isdisjoint(data.pool.ids())


def test_the_test_set_is_read_only_by_final(mini_fashion: Path) -> None:
    for path in mini_fashion.glob("t10k-*"):
        path.unlink()
    data = named("fashion-mnist", str(mini_fashion))
    assert len(data.candidates) + len(data.dev) == 60
    assert data.final is not None
    with pytest.raises(PoolError, match="t10k-images"):
        data.final()


def test_the_environment_names_the_folder(mini_fashion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from querist.data.datasets.fashion_mnist import train

    monkeypatch.setenv("QUERIST_FASHION_MNIST", str(mini_fashion))
    assert len(train(None).x) == 60
    with pytest.raises(PoolError, match="dataset-fashion-mnist"):
        train(str(tmp_path / "nowhere"))


def test_files_that_do_not_match_are_refused(mini_fashion: Path) -> None:
    from querist.data.datasets.fashion_mnist import train

    (mini_fashion / "train-labels-idx1-ubyte.gz").write_bytes((mini_fashion / "t10k-labels-idx1-ubyte.gz").read_bytes())
    with pytest.raises(PoolError, match="60 images, 20 labels"):
        train(str(mini_fashion))


@pytest.mark.skipif(not (Path(_DEBIAN) / "train-images-idx3-ubyte.gz").is_file(), reason="the Debian package dataset-fashion-mnist is not installed")
def test_the_real_fashion_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUERIST_FASHION_MNIST", raising=False)
    data = named("fashion-mnist")
    assert (len(data.pool), len(data.dev), len(data.candidates)) == (60_000, 10_000, 50_000)
    assert Counter(data.test.values()) == dict.fromkeys(data.classes, 1000)
    assert _digest(data.dev) == "0f2ffccca4b09f90"
    assert data.targets["train-00000"] == "Ankle boot"
    assert data.pool.take(data.candidates[:100]).shape == (100, 28, 28)
    assert named("fashion-mnist").pool.take(["train-00000"]).sum() == 76247


def test_the_first_ten_thousand(mini_fashion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("querist.data.datasets.fashion_mnist._FEW", 40)
    few, whole = named("fashion-mnist-10k", str(mini_fashion)), named("fashion-mnist", str(mini_fashion))
    assert len(few.pool) == 40
    np.testing.assert_array_equal(few.pool.load("train-00039"), whole.pool.load("train-00039"))
    assert few.final is not None and len(few.final().targets) == 20


@pytest.mark.skipif(not (Path(_DEBIAN) / "train-images-idx3-ubyte.gz").is_file(), reason="the Debian package dataset-fashion-mnist is not installed")
def test_the_real_first_ten_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUERIST_FASHION_MNIST", raising=False)
    data = named("fashion-mnist-10k")
    assert (len(data.dev), len(data.candidates)) == (2000, 10_000)
    assert set(data.test.values()) == set(data.classes)


def test_a_set_is_read_once_per_process() -> None:
    pytest.importorskip("sklearn")
    assert named("iris").targets is named("iris").targets
    assert named("iris").pool._rows is named("iris").pool._rows


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(UsageError, match="fashion-mnist"):
        named("cifar")


def test_a_named_set_does_not_grow() -> None:
    with pytest.raises(UsageError, match="does not grow"):
        named("iris").pool.extend(np.zeros((1, 4)))


def test_a_new_set_is_one_row_and_one_loader(mini_fashion: Path) -> None:
    new = Entry("mini", "querist.data.datasets.fashion_mnist:train", "classification", "uint8 image (28, 28)", "MIT", "make it", dev=0.5)
    register(new)
    try:
        assert len(named("mini", str(mini_fashion)).dev) == 30
        with pytest.raises(UsageError, match="exists"):
            register(Entry("mini", "other:loader", "classification", "", "", ""))
    finally:
        from querist.data.datasets import registry

        registry._entries().pop("mini")
    assert "mini" not in entries()
