"""Every scheme of the catalogue keeps the scheme contract, in each of its variants; and the reference scheme's own promises."""

from __future__ import annotations

import atexit
import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from querist.core import catalogue
from querist.core.spec import build
from querist.data.arrays import ArrayPool
from querist.learn.augment import Augment
from querist.learn.schemes.belief import Belief
from querist.learn.schemes.deepcluster import DeepCluster
from querist.learn.schemes.domain_adversarial import DomainAdversarial
from querist.learn.schemes.pretrained import Pretrained
from querist.learn.schemes.simclr import SimCLR
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.schemes.vaal import VAAL
from querist.learn.source import Source
from querist.nets.dbn import DBN
from querist.testing import SchemeContract
from querist.testing.scheme_contract import CLASSES, images

SCHEMES = [str(row["name"]) for row in catalogue.rows("scheme") if "classification" in row.get("kinds", ["classification"])]
"""Those that train on items of one class each; what is made for other kinds alone is tested with them."""


def elsewhere() -> Source:
    """Another thirty images of the contract's classes, in a folder that stays as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="querist-source-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    x = images(30, seed=1)
    np.save(folder / "x.npy", x)
    rows = [f"{item},{CLASSES[row % 3]}" for row, item in enumerate(ArrayPool(x).ids())]
    (folder / "labels.csv").write_text("\n".join(["id,label", *rows]), encoding="utf-8")
    return Source(str(folder / "x.npy"), str(folder / "labels.csv"))


FEW = Steps(per_label=0.0, low=30, high=30)
QUICK = Supervised(rate=0.05)  # sigmoid layers learn slowly
CLUSTERED = Pretrained(by=DeepCluster(steps=15, batch=8, times=2))
SHORTER: dict[str, dict[str, Any]] = {
    **{name: {"longer": 1.0, "batch": 16} for name in ("mean_teacher", "pseudo_label", "mixmatch")},
    "fixmatch": {"longer": 1.0, "batch": 16, "threshold": 0.5, "even": 1.0},
    "belief": {"inner": QUICK},
    "deepcluster": {"by": CLUSTERED.by},
    "domain_adversarial": {"by": DomainAdversarial(elsewhere(), steps=15, batch=8)},
    "exponential": {"inner": Belief(QUICK)},
    "label_propagation": {"times": 2},
    "pool_entropy": {"inner": Belief(QUICK)},
    "pretrain_probe": {"by": SimCLR(steps=15, batch=8)},
    "pretrain_simclr": {"by": SimCLR(steps=15, batch=8)},
    "ssal": {"times": 2, "inner": CLUSTERED},
    "vaal_training": {"batch": 16},
    "aral_training": {"batch": 16},
    "waal_training": {"batch": 16},
    "ta_vaal_training": {"game": VAAL(Supervised(steps=FEW), steps=FEW, batch=16)},
}
"""Scheme → parameters of its own that make it quick."""


def short(scheme: Any) -> Any:
    """The scheme with few steps, wherever in it they are said."""
    names = {field.name for field in dataclasses.fields(scheme)}
    inner = {"inner": short(scheme.inner)} if "inner" in names else {}
    steps = {"steps": 10 if isinstance(scheme.steps, int) else FEW} if "steps" in names else {}
    return dataclasses.replace(scheme, **inner, **steps)


def believes(scheme: Any) -> bool:
    """Whether a belief network is trained somewhere in it."""
    return isinstance(scheme, Belief) or believes(getattr(scheme, "inner", None)) if scheme is not None else False


VARIANTS: dict[str, dict[str, Any]] = {
    "weighted, averaged, augmented": {"weighted": True, "average": 0.25, "augment": Augment(shift=1)},
    "validated": {"validation": 0.3},
}


@pytest.mark.parametrize("name", SCHEMES)
class TestSchemes(SchemeContract):
    @pytest.fixture
    def scheme(self, name: str) -> Any:
        return short(dataclasses.replace(build(catalogue.row(name, "scheme")["scheme"]), **SHORTER.get(name, {})))

    def network(self, scheme: Any) -> Any:
        return DBN((16,)) if believes(scheme) else super().network(scheme)


@pytest.mark.parametrize("variant", VARIANTS)
class TestVariants(SchemeContract):
    @pytest.fixture
    def scheme(self, variant: str) -> Any:
        return dataclasses.replace(build(catalogue.row("supervised", "scheme")["scheme"]), steps=FEW, **VARIANTS[variant])
