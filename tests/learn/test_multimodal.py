"""Items of several modalities, some of them missing, as one row; and a project that learns from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from querist.assemble.parts import inputs
from querist.core.contracts import no_report
from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.data.modalities import ModalityPool
from querist.data.tables import TablePool
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.multimodal import MultimodalInputs
from querist.nets.fused import Fused
from querist.project.oracles import Simulated
from querist.project.project import Project


class Mixed:
    """Items of two sensors: the class is the exclusive or of what they say, so that neither alone tells anything. Some lack one."""

    def __init__(self, n: int = 80, lacking: Sequence[str] = (), broken: Sequence[str] = ()) -> None:
        rng = np.random.default_rng(0)
        self.bits = rng.integers(0, 2, (n, 2))
        self.left = (self.bits[:, :1] * 4 - 2 + rng.normal(size=(n, 3))).astype(np.float32)
        self.right = (self.bits[:, 1:, None] * 4 - 2 + rng.normal(size=(n, 2, 2))).astype(np.float32)
        self.lacking, self.broken = set(lacking), set(broken)

    def ids(self) -> list[str]:
        return [str(row) for row in range(len(self.bits))]

    def __len__(self) -> int:
        return len(self.bits)

    def load(self, item_id: str) -> dict[str, Any]:
        if item_id not in self.ids():
            raise UnknownItemError("no such item")
        if item_id in self.broken:
            raise PoolError("broken")
        row = int(item_id)
        whole = {"left": self.left[row], "right": self.right[row]}
        return {name: value for name, value in whole.items() if f"{name}{item_id}" not in self.lacking}

    def fingerprint(self) -> str:
        return "mixed"

    def extend(self, items: Any = None) -> list[str]:
        return []


def read(pool: Any) -> MultimodalInputs:
    return MultimodalInputs.of(pool, {"left": ArrayInputs, "right": ArrayInputs})


def test_a_missing_modality_is_legal_and_counts_for_nothing() -> None:
    pool, whole = Mixed(lacking=["left3", "right5"]), Mixed()
    own = read(pool)
    assert own.shape == (1 + 3 + 1 + 4,) and dict(own.sizes) == {"left": 3, "right": 4}
    rows = own.batch(["0", "3", "5"])
    assert rows[:, 0].tolist() == [1, 0, 1] and rows[:, 4].tolist() == [1, 1, 0]
    assert not rows[1, 1:4].any() and not rows[2, 5:].any() and rows[1, 5:].all()
    left, right = ArrayInputs(ModalityPool(pool, "left")), ArrayInputs(ModalityPool(pool, "right"))
    torch.testing.assert_close(rows[0, 1:4], left.batch(["0"])[0])
    torch.testing.assert_close(rows[0, 5:], right.batch(["0"])[0].flatten())
    assert read(whole).batch(["3"])[0, 0] == 1


def test_what_is_broken_or_without_anything_is_named() -> None:
    own = read(Mixed(lacking=["left3", "right3", "left4"], broken=["79"]))
    good, bad = own.readable(["2", "3", "4", "79"])
    assert good == ["2", "4"] and bad.keys() == {"3", "79"}
    assert "none of its modalities" in bad["3"] and bad["79"].endswith("broken")
    with pytest.raises(PoolError, match="item '79' cannot be read"):
        own.batch(["2", "79"])
    with pytest.raises(UsageError, match="at least one"):
        MultimodalInputs(Mixed(), {})
    with pytest.raises(PoolError, match="no mapping of modalities"):
        ModalityPool(type("Plain", (Mixed,), {"load": lambda self, item: self.left[0]})(), "left").load("0")


def test_a_branch_is_silent_where_its_modality_is_missing() -> None:
    network = Fused((3, 4), width=5, hidden=6).make((9,), 2, generator(0)).eval()
    x = torch.randn(4, 9, generator=generator(1))
    x[:, 0], x[:, 4] = torch.tensor([1.0, 1.0, 0.0, 0.0]), 1.0
    other = x.clone()
    other[:, 1:4] += 1.0
    same = torch.isclose(network(x), network(other)).all(dim=1)
    assert same.tolist() == [False, False, True, True], "only the flag says whether the numbers count"
    with pytest.raises(UsageError, match="Fused cannot take"):
        Fused((3, 4)).make((8,), 2, generator(0))


def test_a_project_learns_what_no_single_modality_tells() -> None:
    pool = Mixed(160, [f"left{row}" for row in range(0, 160, 10)])
    truth = {item: "ab"[int(pool.bits[int(item)].sum() % 2)] for item in pool.ids()}
    test = {item: truth[item] for item in pool.ids()[100:] if int(item) % 10}
    learner = {"recipe": "mlp", "encoder": {"left": "none", "right": "none"}, "steps": 120}
    made = Project.create(
        ":memory:", pool=pool, task="classification", classes=["a", "b"], method="margin", learner=learner, initial=30, batch=20, budget=50, test=test
    )  # fmt: skip
    rounds = made.run(Simulated(truth))
    assert rounds[-1].metrics["accuracy"] > 0.8


def test_a_table_with_empty_cells(tmp_path: Path) -> None:
    rows = [
        {"id": str(row), "text": f"a {'good' if row % 2 else 'bad'} day" if row % 3 else "", "v": [float(row), 1.0] if row % 4 else None} for row in range(24)
    ]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pool = TablePool(str(tmp_path / "t.jsonl"), text="text", features="v")
    own = inputs(pool, {"encoder": {"text": "tfidf", "features": "none"}}, tmp_path / "kept")
    own.prepare(pool.ids(), no_report)
    assert set(own.ready(pool.ids())) == set(pool.ids())
    good, bad = own.readable(pool.ids())
    assert set(bad) == {"0", "12"} and len(good) == 22
    flags = own.batch(good)[:, [0, -3]]
    assert flags[:, 0].tolist() == [float(int(item) % 3 > 0) for item in good]
    assert flags[:, 1].tolist() == [float(int(item) % 4 > 0) for item in good]
    beside = own.beside(pool)
    assert beside.shape == own.shape and torch.equal(beside.batch(good[:4]), own.batch(good[:4]))
    with pytest.raises(PoolError, match="has no image"):
        pool.modality("1", "image")
