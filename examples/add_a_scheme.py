"""A training scheme of your own in one small file; nothing has to be registered.

Train with it, under any strategy, by its import path, from the folder above this one:

    querist run digits --scheme examples.add_a_scheme:Turned --method margin --seeds 5

To test a scheme, inherit the contract:

    class TestTurned(querist.testing.SchemeContract):
        @pytest.fixture
        def scheme(self):
            return Turned()
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.training import carried_out
from querist.nets.base import Network, initialise
from querist.tasks.classification.learning import ClassificationHead


@dataclass(frozen=True)
class Turned:
    """The network must also tell by how many quarters an unlabelled image was turned (Gidaris et al. 2018, arXiv 1803.07728).

    Attributes:
        inner: The scheme that it is added to.
        weight: Of the further loss.
    """

    inner: Programmed = Supervised()
    weight: float = 0.5

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with one more term, one more module and an unlabelled batch in every step."""
        quarters = nn.Linear(setting.network.last.in_features, 4)
        initialise(quarters, setting.generator(0))

        def turned(step: Step) -> Tensor:
            turns = torch.randint(0, 4, (len(step.unlabelled),), generator=step.noise)
            x = torch.stack([torch.rot90(image, int(turn), (1, 2)) for image, turn in zip(step.unlabelled, turns, strict=True)])
            return functional.cross_entropy(quarters(step.outputs(x).features), turns, reduction="none")

        programme = self.inner.programme(setting).joined(Term("turned", turned, self.weight, unlabelled=True), modules={"quarters": quarters})
        return programme.with_stage(dataclasses.replace(programme.stage(), unlabelled=64))

    def fit(self, network: Network, task: ClassificationHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def around(self, scheme: Any) -> Turned:
        """The same around another scheme: that of the recipe."""
        return dataclasses.replace(self, inner=scheme)
