"""A method that needs a table of words gets a learner that has one."""

from __future__ import annotations

import pytest

from querist.assemble.learners import TOKENS, options
from querist.core import catalogue
from querist.core.errors import UsageError

pytestmark = pytest.mark.torchless


def warn(line: str) -> None:
    raise AssertionError(line)


def test_indices_and_the_network_that_reads_them_come_together() -> None:
    assert options("texts", "tokens", None, None, warn) == options("texts", None, None, "text-cnn", warn) == TOKENS
    assert options("texts", "tokens", None, "text-cnn", warn) == TOKENS
    for encoder, weights, recipe in (("tokens", None, "features-head"), ("tfidf", None, "text-cnn"), ("tokens", "w.pth", None)):
        with pytest.raises(UsageError, match="belong together"):
            options("texts", encoder, weights, recipe, warn)


def test_rows_name_the_recipe_that_they_need() -> None:
    assert catalogue.recipe_name("egl_word") == TOKENS["recipe"] and catalogue.recipe_name("margin") is None
    assert catalogue.recipe_name("querist.acquire.compose:Random") is None
    named = {str(row["recipe"]) for row in catalogue.rows("strategy") if "recipe" in row}
    assert named <= {str(row["name"]) for row in catalogue.rows("recipe")}
