"""An outside model's gradients follow from what it wrote: no third file is needed for methods that want them."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import CapabilityError
from querist.data.arrays import ArrayPool
from querist.kernels.gradients import residual
from querist.project.project import Project

IDS = [str(row) for row in range(40)]
RNG = np.random.default_rng(0)
PROBS = RNG.dirichlet(np.ones(3), size=40).astype(np.float32)
FEATURES = RNG.normal(size=(40, 5)).astype(np.float32)


def ranked(method: str, **outside: object) -> list[str]:
    with Project.create(":memory:", pool=ArrayPool(FEATURES), classes=["a", "b", "c"], method=method, batch=4) as project:
        project.tell_many({"0": "a", "1": "b", "2": "c", "3": "a"})
        project.update(no_report, outside)  # type: ignore[arg-type]
        return list(project.ranking().ids)


def test_they_are_those_that_could_have_been_given() -> None:
    statistics = {"probs": (IDS, PROBS), "features": (IDS[::-1], FEATURES[::-1])}
    given = ranked("badge", **statistics, gradients=(IDS, (residual(PROBS), FEATURES)))
    assert ranked("badge", **statistics) == given
    assert len(given) == 36


def test_only_items_with_both_sides_are_ranked() -> None:
    assert set(ranked("badge", probs=(IDS[:20], PROBS[:20]), features=(IDS[10:], FEATURES[10:]))) == set(IDS[10:20])


def test_one_side_is_not_enough() -> None:
    assert "gradients" in catalogue.acquisition("badge").needs
    with pytest.raises(CapabilityError, match="gradients"):
        ranked("badge", probs=(IDS, PROBS))
