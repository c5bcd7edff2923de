"""Importance of examples: closed forms against autograd, and what it must be on points that are fitted, repeated or wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn import importance as module
from querist.learn.importance import MODES, importance
from querist.learn.inference.ensemble import Ensemble
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import MLP
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", ["a", "b", "c"]).schema())
BRIEF = Supervised(steps=Steps(0.0, 6, 6))


def fitted(x, y, network, inference=None):
    pool = ArrayPool(x)
    labelled = {item: "abc"[label] for item, label in zip(pool.ids(), y, strict=True)}
    learner = Learner(network, BRIEF) if inference is None else Learner(network, BRIEF, inference)
    return learner.fit(ArrayInputs(pool), TASK, labelled, Streams(0, 1), None, no_report), list(pool.ids())


def data(shape, n=12):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, *shape)).astype(np.float32), np.arange(n) % 3


def by_hand(network, x, y, only=None):
    """The definition: one backward pass an item."""
    norms = []
    for row, label in zip(x, y, strict=True):
        network.zero_grad()
        torch.nn.functional.cross_entropy(network(row[None]), torch.tensor([label])).backward()
        weights = network.parameters() if only is None else only(network).parameters()
        norms.append(sum(float(weight.grad.double().square().sum()) for weight in weights) ** 0.5)
    return np.array(norms)


@pytest.mark.parametrize(("shape", "network"), [((5,), MLP(hidden=(7,))), ((8, 8), SmallCNN((4,), stem=3, hidden=6)), ((8, 8), MLP(hidden=()))])
def test_norms_of_a_batch_at_once_are_those_of_autograd_item_by_item(shape, network, monkeypatch):
    x, y = data(shape)
    made, ids = fitted(x, y, network)
    inputs = made.inputs.batch(ids)
    whole = importance(made, TASK, ids, y)
    assert np.allclose(whole, by_hand(made.networks[0], inputs, y), rtol=1e-4)
    last = importance(made, TASK, ids, y, "last_layer")
    assert np.allclose(last, by_hand(made.networks[0], inputs, y, lambda net: net.last), rtol=1e-4)
    monkeypatch.setattr(module, "_known", lambda network: False)
    assert np.allclose(whole, importance(made, TASK, ids, y), rtol=1e-4), "a layer that is not known is done item by item"


def test_el2n_is_the_length_of_the_error():
    x, y = data((5,))
    made, ids = fitted(x, y, MLP(hidden=(7,)))
    error = made.score(ids).probs.mean(axis=1) - np.eye(3)[y]
    assert np.allclose(importance(made, TASK, ids, y, "el2n"), np.linalg.norm(error, axis=1), atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_a_fitted_point_counts_nothing_copies_count_alike_and_a_wrong_label_counts_most(mode):
    x, y = data((5,))
    x[1], y[1] = x[0], y[0]
    made, ids = fitted(x, y, MLP(hidden=()))
    with torch.no_grad():
        made.networks[0].last.weight.zero_()
        made.networks[0].last.bias.copy_(torch.tensor([200.0, 0.0, 0.0]))
    found = importance(made, TASK, ids, y, mode)
    assert found[0] == found[1] == 0.0
    assert (found[y != 0] > 0).all()
    flags = [part.training for part in made.networks[0].modules()]
    assert not any(flags), "the network is left in eval mode, as it came"


def test_members_are_averaged_and_an_unknown_mode_is_refused():
    x, y = data((5,))
    made, ids = fitted(x, y, MLP(hidden=(4,)), Ensemble(members=2))
    inputs = made.inputs.batch(ids)
    assert np.allclose(importance(made, TASK, ids, y), np.mean([by_hand(network, inputs, y) for network in made.networks], axis=0), rtol=1e-4)
    with pytest.raises(UsageError, match="unknown kind of importance"):
        importance(made, TASK, ids, y, "norm")
