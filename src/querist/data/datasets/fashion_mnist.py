"""Fashion-MNIST from a local folder: four idx files, as Zalando published and Debian packages them.

Reference: Xiao, Rasul, Vollgraf (2017), Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms.
"""

from __future__ import annotations

import os
from pathlib import Path

from querist.core.errors import PoolError
from querist.data.datasets.registry import Loaded, entry
from querist.data.idx import read_idx

_DEBIAN = "/usr/share/datasets/fashion-mnist"
_FEW = 12_000
_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def train(root: str | None) -> Loaded:
    """The 60,000 training images."""
    return _read(root, "train")


def train_10k(root: str | None) -> Loaded:
    """The first 12,000 of them: 10,000 to ask for and 2,000 held out, for studies of very many short runs."""
    whole = train(root)
    return Loaded(whole.x[:_FEW].copy(), whole.y[:_FEW], whole.classes)


def test(root: str | None) -> Loaded:
    """The 10,000 test images: for a final evaluation only."""
    return _read(root, "t10k")


def _read(root: str | None, part: str) -> Loaded:
    folder = Path(root or os.environ.get("QUERIST_FASHION_MNIST") or _DEBIAN)
    images = read_idx(_file(folder, f"{part}-images-idx3-ubyte"), 3)
    labels = read_idx(_file(folder, f"{part}-labels-idx1-ubyte"), 1)
    if len(images) != len(labels):
        raise PoolError(f"images and labels in {folder} do not match", got=f"{len(images)} images, {len(labels)} labels", wanted="one label per image")
    if len(labels) and labels.max() >= len(_CLASSES):
        raise PoolError(f"a label in {folder} is no class", got=int(labels.max()), wanted="0 to 9")
    return Loaded(images, labels, _CLASSES)


def _file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise PoolError(f"Fashion-MNIST is not in {folder}: there is no {name}.gz", hint=entry("fashion-mnist").get + ".")
