"""Who folds scores of sites: who says so, and wrappers of such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from querist.core.contracts import folds, lacking


@dataclass(frozen=True)
class Method:
    """Reads probabilities, and says of folding what it is told."""

    folds: Any = None
    needs: frozenset[str] = frozenset({"probs"})


@dataclass(frozen=True)
class Wrapper:
    """Says nothing of folding, and reads something of its own."""

    inner: Any
    needs: frozenset[str] = frozenset({"probs", "features"})


@dataclass(frozen=True)
class Reader(Wrapper):
    """Reads probabilities itself."""

    folds: bool = False


@pytest.mark.parametrize(("method", "so"), [(Method(True), True), (Method(False), False), (Method(), False), (Method(3), False)])
def test_a_wrapper_is_as_the_method_inside_unless_it_says_otherwise(method: Method, so: bool) -> None:
    assert folds(method) is folds(Wrapper(method)) is folds(Wrapper(Wrapper(method))) is so
    assert folds(Reader(method)) is folds(Wrapper(Reader(method))) is False


def test_scores_of_sites_stand_for_probabilities_of_items() -> None:
    provides = frozenset({"sites", "features"})
    assert lacking(Wrapper(Method(True)), provides) == [] and lacking(Wrapper(Method()), provides) == ["probs"]
    assert lacking(Wrapper(Method(True)), frozenset({"sites"})) == ["features"] and lacking(Method(True), frozenset()) == ["probs"]
