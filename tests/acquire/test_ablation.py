"""Strategies with one part taken away: which there are, that they work, and that each is what it should be."""

import numpy as np
import pytest

from querist.acquire.ablation import Even, Length, Skipping, variants
from querist.acquire.auto import Auto
from querist.acquire.compose import Compose, Random
from querist.acquire.embeddings import Features, Gradients
from querist.acquire.scores import Margin
from querist.acquire.selectors import KMeansPP, TopK
from querist.core import catalogue
from querist.core.contracts import adapted
from querist.core.errors import CapabilityError, MissingExtraError, UsageError
from querist.core.rng import stream
from querist.core.spec import spec
from querist.testing.fake_view import FakeView

pytestmark = pytest.mark.torchless


def made(name, table=None):
    return {key: catalogue.acquisition(plain) for key, plain in variants(name, table).items()}


def test_badge_loses_its_embedding_or_its_selector():
    assert made("badge") == {
        "badge-no-embed": Compose(embed=Features(), selector=KMeansPP()),
        "badge-no-selector": Compose(score=Length(Gradients()), embed=Gradients(), selector=TopK()),
    }


def test_a_prefilter_falls_with_its_score_and_alone():
    found = made("fass")
    whole = catalogue.acquisition("fass")
    assert set(found) == {"fass-no-score", "fass-no-embed", "fass-no-selector", "fass-no-prefilter"}
    assert (found["fass-no-score"].score, found["fass-no-score"].prefilter, found["fass-no-score"].selector) == (Even(), 0, whole.selector)
    assert (found["fass-no-prefilter"].score, found["fass-no-prefilter"].prefilter) == (whole.score, 0)
    assert (found["fass-no-selector"].selector, found["fass-no-selector"].score) == (TopK(), whole.score)


def test_a_wrapper_comes_off_or_loses_what_it_wraps():
    found = made("narrow", {"use": "subsample", "inner": "badge", "size": 20})
    badge = catalogue.acquisition("badge")
    assert set(found) == {"narrow-no-inner", "narrow-no-inner-embed", "narrow-no-inner-selector", "narrow-bare"}
    assert (found["narrow-no-inner"].inner, found["narrow-no-inner"].size) == (Random(), 20)
    assert found["narrow-bare"] == badge and found["narrow-no-inner-embed"].inner == Compose(embed=Features(), selector=KMeansPP())


def test_every_voice_of_a_vote_and_every_stage_of_a_chain():
    vote, chain = made("vote"), made("chain")
    assert [one == Random() for one in vote["vote-no-voters-1"].voters] == [True, False]
    assert [one == Random() for one in vote["vote-no-voters-2"].voters] == [False, True]
    assert {"chain-no-first", "chain-no-then", "chain-no-then-selector"} <= set(chain) and "chain-bare" not in chain


def test_a_phase_of_auto_draws_at_random_and_the_others_stay():
    found = made("auto")
    assert set(found) == {f"auto-no-{phase}" for phase in Auto.phases}
    view, rule = FakeView.random(n=60), adapted(Auto(), frozenset({"probs", "features", "gradients"}))
    branch = rule.branch(view, 5).name
    for phase in Auto.phases:
        skipping = adapted(found[f"auto-no-{phase}"], frozenset({"probs", "features", "gradients"}))
        assert isinstance(skipping, Skipping) and skipping.rule == rule and skipping.needs == rule.needs
        picks = (Random() if phase == branch else rule).select(view, 5, stream(0, 1, "select"))
        assert skipping.select(view, 5, stream(0, 1, "select")) == picks


def test_what_has_one_part_has_no_variant():
    assert variants("margin") == variants("random") == {}
    with pytest.raises(UsageError, match="nothing_such"):
        variants("nothing_such")


def test_lengths_are_those_of_the_coordinates_about_their_mean_or_of_the_gradients():
    view = FakeView.random(n=30)
    x = Features().coordinates(view).astype(np.float64)
    assert Length()(view) == pytest.approx(np.linalg.norm(x - x.mean(axis=0), axis=1))
    assert Length(Gradients())(view) == pytest.approx(np.linalg.norm(Gradients().coordinates(view), axis=1), rel=1e-5)
    assert (Length().needs, Length(Gradients()).needs, Even().needs) == ({"features"}, {"gradients"}, frozenset())


@pytest.mark.parametrize("name", [row["name"] for row in (*catalogue.rows("strategy"), *catalogue.rows("wrapper")) if "acquisition" in row])
def test_every_variant_of_every_strategy_chooses(name):
    view = FakeView.random(n=40)
    for key, plain in variants(name).items():
        variant = catalogue.acquisition(plain)
        assert spec(variant) != spec(catalogue.acquisition(name)), key
        try:
            chosen = variant.select(view, 4, stream(0, 1, "select"))
        except (CapabilityError, MissingExtraError):  # statistics that this view, packages that this machine does not have
            continue
        assert len(set(chosen.ids)) == 4 and np.isfinite(chosen.scores).all(), key


def test_what_the_row_says_of_inference_holds_for_variants():
    assert catalogue.inference_name({"use": "bald"}) == catalogue.inference_name("bald") == "mc_dropout"
    assert catalogue.inference_name({"use": "querist.acquire.compose:Random"}) == "deterministic"
    assert catalogue.inference_name(variants("batchbald")["batchbald-no-selector"]) == "mc_dropout"
    assert catalogue.recipe_name({"use": "egl_word"}) == catalogue.recipe_name("egl_word") and catalogue.recipe_name("subsample") is None
    assert catalogue.acquisition(variants("batchbald")["batchbald-no-selector"]).score == catalogue.acquisition("bald").score
    assert Margin() == catalogue.acquisition({"use": "margin"}).score
