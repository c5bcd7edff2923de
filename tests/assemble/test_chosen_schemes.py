"""A scheme by name, by import path and by specification, around that of the recipe."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

pytest.importorskip("torch")

from querist.assemble.parts import learner
from querist.core.errors import UsageError
from querist.core.spec import spec
from querist.learn.schemes.domain_adversarial import DomainAdversarial
from querist.learn.schemes.free_labels import FreeLabels
from querist.learn.schemes.pretrained import Pretrained
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.source import Source


def made(scheme: Any, **options: Any) -> Any:
    return learner({"recipe": "siamese", **({} if scheme is None else {"scheme": scheme}), **options}, "margin").scheme


def test_names_and_tables_of_names_wrap_the_scheme_of_the_recipe() -> None:
    own = made(None)
    assert isinstance(own, Supervised) and made("supervised") == own
    assert made("free_labels") == made({"use": "free_labels"}) == FreeLabels(own)
    assert made({"use": "free_labels", "each": 3}) == FreeLabels(own, each=3)
    nested = {"use": "domain_adversarial", "inner": {"use": "free_labels", "each": 3}, "by": {"source": {"at": "febrl1-pairs"}, "weight": 0.0}}
    assert made(nested) == Pretrained(FreeLabels(own, each=3), DomainAdversarial(Source("febrl1-pairs"), weight=0.0))
    assert made({"use": "querist.learn.schemes.free_labels:FreeLabels"}) == FreeLabels(Supervised()), "a path says everything"


def test_a_table_changes_the_scheme_of_the_recipe() -> None:
    own = made(None)
    assert made({"use": "supervised", "batch": 7}) == dataclasses.replace(own, batch=7)
    assert made({"use": "supervised", "batch": 7}, steps=5) == dataclasses.replace(own, batch=7, steps=Steps(0.0, 5, 5))
    assert made({"use": "free_labels"}, steps=5).inner.steps == Steps(0.0, 5, 5)
    assert made(spec(FreeLabels(own))) == FreeLabels(own)


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ({"use": "free_label"}, "free_labels"),
        ({"use": "free_labels", "much": 3}, "no parameter 'much'"),
        ({"use": "supervised", "much": 3}, "no parameter 'much'"),
        ({"use": "domain_adversarial", "by": {"sauce": 1}}, "no parameter 'sauce'"),
        ({"inner": "free_labels"}, "unknown scheme"),
    ],
)
def test_what_is_misspelt_is_named(scheme: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        made(scheme)
