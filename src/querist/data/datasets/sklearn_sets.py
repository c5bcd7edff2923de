"""The sets that ship inside scikit-learn."""

from __future__ import annotations

import numpy as np

from querist.core.optional import require
from querist.data.datasets.registry import Loaded


def digits(root: str | None) -> Loaded:
    """1,797 handwritten digits. Grey levels 0–16 are spread over 0–255, as in every other image set here."""
    bunch = require("sklearn.datasets", by="the data set digits").load_digits()
    return Loaded(np.rint(bunch.images * (255 / 16)).astype(np.uint8), bunch.target, tuple(map(str, bunch.target_names)))


def iris(root: str | None) -> Loaded:
    """150 flowers, 4 measures."""
    return _table("iris")


def wine(root: str | None) -> Loaded:
    """178 wines, 13 measures."""
    return _table("wine")


def breast_cancer(root: str | None) -> Loaded:
    """569 cell samples, 30 measures."""
    return _table("breast_cancer")


def _table(name: str) -> Loaded:
    bunch = getattr(require("sklearn.datasets", by=f"the data set {name}"), f"load_{name}")()
    return Loaded(bunch.data.astype(np.float32), bunch.target, tuple(map(str, bunch.target_names)))


def diabetes(root: str | None) -> Loaded:
    """442 patients, 10 measures: how far the illness has come after a year, a number from 25 to 346."""
    bunch = require("sklearn.datasets", by="the data set diabetes").load_diabetes()
    values = [float(number) for number in bunch.target]
    return Loaded(bunch.data.astype(np.float32), np.zeros(len(values), dtype=np.int64), ("progression",), values, space={"low": 25.0, "high": 346.0})
