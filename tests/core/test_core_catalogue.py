"""Rows by name, by import path, by spec; unknown names suggest close ones."""

from __future__ import annotations

import pytest

import querist
from querist.acquire.compose import Compose, Random
from querist.acquire.scores import Margin
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.spec import spec

pytestmark = pytest.mark.torchless


@pytest.mark.parametrize(("typed", "meant"), [("margn", "margin"), ("bagde", "badge"), ("core-set", "coreset"), ("Entropy", "entropy")])
def test_unknown_names_suggest_close_ones(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"unknown strategy '{typed}'") as caught:
        catalogue.acquisition(typed)
    assert meant in str(caught.value.wanted) and caught.value.hint == "See: querist methods"


def test_a_name_of_another_type_is_unknown() -> None:
    with pytest.raises(UsageError, match="unknown strategy 'mlp'"):
        querist.method("mlp")
    with pytest.raises(UsageError, match="unknown method"):
        catalogue.row("nothing-like-it")


def test_one_acquisition_many_ways() -> None:
    wanted = Compose(score=Margin())
    assert catalogue.acquisition("margin") == catalogue.acquisition(spec(wanted)) == catalogue.acquisition(wanted) == wanted
    assert catalogue.acquisition("querist.acquire.compose:Random") == Random()


@pytest.mark.parametrize("wrong", ["querist.core.records:Selection", "querist.nowhere:Thing", "querist.acquire.compose:Nothing", {"a": 1}, 7, "json:loads"])
def test_what_is_no_acquisition_is_refused(wrong: object) -> None:
    with pytest.raises(UsageError):
        catalogue.acquisition(wrong)


def test_a_method_names_its_inference() -> None:
    assert catalogue.inference_name("bald") == "mc_dropout"
    assert catalogue.inference_name("margin") == catalogue.inference_name(Random()) == "deterministic"


def test_status_follows_from_evidence() -> None:
    assert all(catalogue.status(str(row["name"])) in {"planned", "runs", "proved"} for row in catalogue.rows())
    assert catalogue.status("no such row") == "planned" and catalogue.evidence("no such row") == {}


def test_a_wrapper_brings_what_its_inner_method_asks_for() -> None:
    wrapped = {"use": "aggregated", "inner": "bald", "by": "max"}
    assert catalogue.inference_name(wrapped) == catalogue.inference_name("bald") == "mc_dropout"
    assert catalogue.scheme_name({"use": "aggregated", "inner": {"use": "subsample", "inner": "llal"}}) == catalogue.scheme_name("llal") == "learning_loss"
    assert catalogue.scheme_name("aggregated") is None and catalogue.scheme_name({"use": "aggregated", "inner": "entropy"}) is None
