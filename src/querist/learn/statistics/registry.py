"""The statistics that need the model itself, by name. A new one is a file with a `compute` and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from querist.learn.statistics import (
    boundary_distance,
    box_views,
    checkpoint_moments,
    class_quality,
    codes,
    critic,
    head_samples,
    inconsistency,
    iterative_distance,
    labelled_look,
    loss_estimate,
    mix_flip,
    view_uncertainty,
    word_gradient,
)
from querist.learn.statistics.points import OnBatch
from querist.learn.statistics.question import Question
from querist.nets.base import NetworkFactory

if TYPE_CHECKING:
    from querist.learn.learner import Fitted

Compute = Callable[["Fitted", Question, OnBatch], Any]
"""Rows in the order of the question's ids; row i depends on item i alone. Weights, buffers, modes and global streams stay as they are."""

COMPUTED: Final[Mapping[str, Compute]] = {
    "boundary_distance": boundary_distance.compute,
    "iterative_distance": iterative_distance.compute,
    "word_gradient": word_gradient.compute,
    "mix_flip": mix_flip.compute,
    "head_samples": head_samples.compute,
    "box_views": box_views.compute,
}

BY_SCHEMES: Final[Mapping[str, Compute]] = {
    "loss_estimate": loss_estimate.compute,
    "view_uncertainty": view_uncertainty.compute,
    "checkpoint_moments": checkpoint_moments.compute,
    "inconsistency": inconsistency.compute,
    "labelled_look": labelled_look.compute,
    "critic": critic.compute,
    "class_quality": class_quality.compute,
    "codes": codes.compute,
}
"""What the modules give that a scheme trains beside the network; the scheme's `provides` says which."""

ON_DEMAND: Final[Mapping[str, Compute]] = {**COMPUTED, **BY_SCHEMES}

LAZY: Final = frozenset({"boundary_distance", "iterative_distance", "word_gradient"})
"""Dear ones, many passes an item: never computed ahead for all candidates, but when and for whom an acquisition asks."""


def offered(network: NetworkFactory) -> frozenset[str]:
    """Names that a network of this factory can give: those of words only if it begins with a table of words, of boxes if it finds any."""
    lacking = {"word_gradient": "embeds", "box_views": "finds_boxes"}
    return frozenset(COMPUTED) - {name for name, trait in lacking.items() if not getattr(network, trait, False)}


def compute(name: str, fitted: Fitted, question: Question, on_batch: OnBatch = lambda done: None) -> Any:
    """The statistic of this name, of the items of the question."""
    return ON_DEMAND[name](fitted, question, on_batch)
