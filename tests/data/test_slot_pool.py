"""Slots as items: ids, what is loaded, targets, the pool contract, what the head leaves out, and learning from single answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from querist.acquire.scores import Entropy
from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.core.rng import Streams, stream
from querist.core.spec import build, spec
from querist.data.arrays import ArrayPool
from querist.data.datasets import NamedPool, named
from querist.data.slots import SlotPool
from querist.kernels.folding import Aggregator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.sited_view import SitedView
from querist.learn.statistics.sited import Said
from querist.nets.asked import Asked
from querist.nets.base import MLP
from querist.nets.slots import SlotCNN
from querist.tasks import heads, new_space
from querist.tasks.multi_output.learning import MultiOutputHead

SLOTS = ("left", "right")
HEAD = MultiOutputHead(("left", "right"), (("a", "b", "c"), ()))


def pool(n: int = 3) -> ArrayPool:
    return ArrayPool(stream(0, 0, "oracle").normal(size=(n, 5)).astype(np.float32), [f"p{row:02d}" for row in range(n)])


def test_an_item_for_every_slot() -> None:
    slots = SlotPool(pool(), SLOTS)
    assert slots.ids() == ("p00#left", "p00#right", "p01#left", "p01#right", "p02#left", "p02#right")
    one = slots.load("p01#right")
    assert one.dtype == np.float32 and (one[:5] == slots.pool.load("p01")).all() and one[5:].tolist() == [-1, 1]
    images = SlotPool(ArrayPool(np.zeros((1, 4, 6), dtype=np.uint8), ["i"]), SLOTS).load("i#left")
    assert images.shape == (4, 6, 3) and (images[..., 1] == 1).all() and (images[..., 2] == -1).all()
    whole = SlotPool(pool(), SLOTS, whole=True)
    assert whole.ids() == ("p00", "p01", "p02") and whole.load("p02")[5:].tolist() == [1, 1]
    assert len({slots.fingerprint(), whole.fingerprint(), SlotPool(pool(), ("left",)).fingerprint()}) == 3
    made = SlotPool(NamedPool("digits"), SLOTS)
    assert build(spec(made)) == made


def test_a_slot_is_true_in_one_answer() -> None:
    slots, space = SlotPool(pool(), SLOTS), new_space("multi_output", slots={"left": ["a", "b", "c"], "right": []})
    values = slots.values({"p00": {"left": "a", "right": False}, "p01": {"right": True}})
    assert values == {"p00#left": {"left": "a"}, "p00#right": {"right": False}, "p01#right": {"right": True}}
    assert all(space.effort(space.validate(item, value)) == {"items": 1, "slots": 1} for item, value in values.items())
    assert SlotPool(pool(), SLOTS, whole=True).values({"p00": {"left": "a", "right": False}}) == {"p00": {"left": "a", "right": False}}


def test_what_is_no_slot_is_refused() -> None:
    slots = SlotPool(pool(), SLOTS)
    for item in ("p00", "p00#middle", "p99#left"):
        with pytest.raises(UnknownItemError):
            slots.load(item)
    with pytest.raises(UsageError):
        SlotPool(pool(), ("left", "left")).ids()
    with pytest.raises(UsageError):
        slots.extend([np.zeros(5)])
    with pytest.raises(PoolError, match="no slots"):
        SlotPool(ArrayPool(np.zeros((1, 2, 2, 2, 2), dtype=np.float32), ["v"]), SLOTS).load("v#left")
    with pytest.raises(UsageError, match="Asked"):
        Asked(MLP(), 6).make((6,), 4, torch.Generator())


def test_the_head_leaves_out_what_is_not_asked_for() -> None:
    logits = torch.randn((4, 4), generator=torch.Generator().manual_seed(0))
    asked = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
    told = torch.cat([logits, asked], dim=1)
    target = torch.tensor([[2.0, np.nan], [np.nan, 1.0], [0.0, 0.0], [1.0, np.nan]])
    assert torch.equal(HEAD.loss(told, target), HEAD.loss(logits, target))
    assert torch.equal(HEAD.predict(told), HEAD.predict(logits))
    full, part = HEAD.sites(logits[:, None], logits), HEAD.sites(told[:, None], told)
    kept = (asked > 0).flatten().numpy()
    assert part.offsets.tolist() == [0, 1, 2, 4, 5] and part.extra["slot"].tolist() == [0, 1, 0, 1, 0]
    assert full.probs is not None and part.probs is not None and (part.probs == full.probs[kept]).all()
    assert [list(value) for value, _ in HEAD.says(part)] == [["left"], ["right"], ["left", "right"], ["left"]]
    assert [value.items() <= whole.items() for (value, _), (whole, _) in zip(HEAD.says(part), HEAD.says(full), strict=True)] == [True] * 4
    answers, sure = HEAD.pseudo(told)
    assert torch.equal(torch.isnan(answers), asked < 0) and (sure >= HEAD.pseudo(logits)[1]).all()
    assert HEAD.doubt(told)[2] == HEAD.doubt(logits)[2] and not torch.equal(HEAD.doubt(told), HEAD.doubt(logits))
    other = told + torch.tensor([5.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert HEAD.discrepancy(told, other)[1] == 0.0 and HEAD.discrepancy(told, other)[0] > 0, "of the second item the left slot is not asked for"
    everything = torch.cat([logits, torch.ones(4, 2)], dim=1)
    assert HEAD.metrics([HEAD.sites(everything[:, None], everything)], target.numpy()) == HEAD.metrics([full], target.numpy())
    assert HEAD.metrics([part], target.numpy()) == HEAD.metrics([full], target.numpy()), "what is not asked for has no target"


def test_a_network_learns_from_single_answers() -> None:
    rng, n = stream(3, 0, "oracle"), 120
    x = rng.normal(size=(n, 6)).astype(np.float32)
    parents = [f"p{row:03d}" for row in range(n)]
    truth = {item: {"left": "abc"[int(row[:3].argmax())], "right": bool(row[3] > 0)} for item, row in zip(parents, x, strict=True)}
    space = new_space("multi_output", slots={"left": ["a", "b", "c"], "right": []})
    head, rows = heads.head(space.schema()), ArrayPool(x, parents)
    slots, whole = SlotPool(rows, SLOTS), SlotPool(rows, SLOTS, whole=True)
    values = slots.values({item: truth[item] for item in parents[:80]})
    labelled = [item for place, item in enumerate(values) if place % 2 == (place // 2) % 2]  # the left slot of one parent, the right one of the next
    learner = Learner(Asked(MLP((32,), dropout=0.0), 2), Supervised(Steps(0.0, 150, 150), batch=16, rate=0.01, smoothing=0.0))
    inputs = ArrayInputs(slots)
    made = learner.fit(inputs, head, {item: values[item] for item in labelled}, Streams(0, 1), None, lambda *told: None)
    held = {item: truth[item] for item in parents[80:]}
    with made.reading(head, inputs.beside(whole)) as reading:
        found = head.metrics((said.sites for said in reading(list(held), lambda done: None)), head.targets(held))
    assert found["exact"] > 0.6

    def read(ids: Any) -> Iterator[Said]:
        with made.reading(head) as reading:
            yield from reading(list(ids), lambda done: None)

    view = SitedView(list(slots.ids()[200:208]), labelled, (), read, frozenset({"sites", "features"}), Aggregator("sum"), classes=3)
    assert view.fold("sites", lambda said: np.diff(said.offsets)).tolist() == [1] * 8, "one site an item: the slot that is asked for"
    assert len(set(Entropy()(view).round(6).tolist())) == 8


def test_features_are_those_of_the_slot_that_is_asked_for() -> None:
    network = Asked(SlotCNN(2, (4, 8), hidden=5, dropout=0.0), 2).make((3, 8, 16), 6, torch.Generator().manual_seed(0)).eval()
    x = torch.rand((2, 3, 8, 16), generator=torch.Generator().manual_seed(1))
    x[1, 0] = x[0, 0]
    x[0, 1:], x[1, 1:] = torch.tensor([1.0, -1.0])[:, None, None], torch.tensor([1.0, 1.0])[:, None, None]
    assert network.describe is not None
    one, both = network.describe(network.trunk(x))
    left, right = network.trunk(x).seen[0]
    assert one.shape == (5,) and torch.equal(one, left) and torch.allclose(both, (left + right) / 2)


def test_the_set_of_single_places() -> None:
    data = named("digit-string-slots")
    assert len(data.candidates) == 2400 and len(data.test) == 100
    assert all(len(data.targets[item]) == 1 for item in data.candidates[:50]) and all(len(value) == 6 for value in data.test.values())
