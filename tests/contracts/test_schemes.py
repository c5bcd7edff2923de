"""Every scheme of the catalogue keeps the scheme contract, in each of its variants; and the reference scheme's own promises."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from querist.core import catalogue
from querist.core.spec import build
from querist.learn.augment import Augment
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.schemes.vaal import VAAL
from querist.testing import SchemeContract

SCHEMES = [str(row["name"]) for row in catalogue.rows("scheme")]
FEW = Steps(per_label=0.0, low=30, high=30)
SHORTER: dict[str, dict[str, Any]] = {
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
    return dataclasses.replace(scheme, **inner, **({"steps": FEW} if "steps" in names else {}))


VARIANTS: dict[str, dict[str, Any]] = {
    "weighted, averaged, augmented": {"weighted": True, "average": 0.25, "augment": Augment(shift=1)},
    "validated": {"validation": 0.3},
}


@pytest.mark.parametrize("name", SCHEMES)
class TestSchemes(SchemeContract):
    @pytest.fixture
    def scheme(self, name: str) -> Any:
        return short(dataclasses.replace(build(catalogue.row(name, "scheme")["scheme"]), **SHORTER.get(name, {})))


@pytest.mark.parametrize("variant", VARIANTS)
class TestVariants(SchemeContract):
    @pytest.fixture
    def scheme(self, variant: str) -> Any:
        return dataclasses.replace(build(catalogue.row("supervised", "scheme")["scheme"]), steps=FEW, **VARIANTS[variant])
