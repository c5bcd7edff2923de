"""Exploration-P over views: entropy as a limit, the schedule, and where exploring picks come from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.exploration import ExplorationP
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.kernels.information import entropy, predictive
from querist.kernels.ranking import top_k
from querist.kernels.redundancy import centred_log_probs, explore_exploit
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def test_golden_order_and_the_naive_twin_on_a_view() -> None:
    golden, f = np.array([1, 0.98, 0.9, 0.5]), np.array([(1, 0), (0.99, 0.1), (0, 1), (-1, 0)], dtype=float)
    rows, _, _ = explore_exploit(golden, f, 3, 1.0, np.zeros(3, dtype=bool), np.arange(4), f[:0])
    assert rows.tolist() == [0, 3, 1]

    view, mixed = FakeView.random(n=60), ExplorationP(alpha=0.7, floor=0.5, horizon=1, width=2)
    chosen = mixed.select(view, 8, stream(0, 1, "select"))
    explored = [why.startswith("exploring") for why in chosen.note]
    assert 0 < sum(explored) < 8

    def embedded(of: str) -> np.ndarray:
        logs = np.log(view.stat("probs", of).mean(axis=1, dtype=np.float64))
        centred = logs - logs.mean(axis=1, keepdims=True)
        return np.asarray(centred / np.linalg.norm(centred, axis=1, keepdims=True))

    mean = view.stat("probs").mean(axis=1, dtype=np.float64)
    uncertainty, f = -(mean * np.log(mean)).sum(axis=1), embedded("candidates")
    listed = np.argsort(-uncertainty, kind="stable")[:16]
    known, picks = [*embedded("labelled"), *embedded("pending")], list[int]()
    for away in explored:
        free = [row for row in range(60) if row not in picks]
        if away:
            row = min((row for row in free if row in listed), key=lambda i: np.mean([f[i] @ g for g in (*known, *f[picks])]))
        else:
            row = max(free, key=lambda i: uncertainty[i] - 0.7 / max(len(picks), 1) * sum(f[i] @ f[j] for j in picks))
        picks.append(row)
    assert chosen.ids == tuple(view.candidates[row] for row in picks)


def test_without_redundancy_and_exploration_it_is_entropy() -> None:
    view = FakeView.random(n=120)
    plain = ExplorationP(alpha=0.0, floor=0.0, horizon=1).select(view, 15, stream(0, 1, "select"))
    wanted = catalogue.acquisition("entropy").select(view, 15, stream(0, 1, "select"))
    assert plain.ids == wanted.ids and plain.scores == pytest.approx(wanted.scores)


def test_exploring_becomes_rarer() -> None:
    schedule = [ExplorationP(horizon=10).probability(round_) for round_ in range(1, 15)]
    assert schedule[:9] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]) and schedule[9:] == [0.1] * 5
    with pytest.raises(UsageError, match="horizon"):
        ExplorationP(horizon=0).select(FakeView.random(), 3, stream(0, 1, "select"))
    shares = []
    for round_ in (1, 9):
        view = dataclasses.replace(FakeView.random(n=400), round=round_)
        notes = [why for seed in range(10) for why in ExplorationP().select(view, 40, stream(seed, 1, "select")).note]
        shares.append(np.mean([why.startswith("exploring") for why in notes]))
    assert shares[0] == pytest.approx(0.9, abs=0.06) and shares[1] == pytest.approx(0.1, abs=0.06)


def test_an_exploring_pick_is_the_listed_candidate_least_similar_to_what_is_covered() -> None:
    view = FakeView.random(n=200)
    always = ExplorationP(floor=1.0, width=5)
    first = always.select(view, 4, stream(0, 1, "select")).ids[0]
    listed = top_k(entropy(view.stat("probs")), 20)
    f = centred_log_probs(predictive(view.stat("probs")), unit=True)
    covered = centred_log_probs(np.concatenate([predictive(view.stat("probs", of)) for of in ("labelled", "pending")]), unit=True)
    similar = (f[listed] @ covered.T).mean(axis=1)
    assert first == view.candidates[sorted(listed, key=lambda row: similar[list(listed).index(row)])[0]]


def test_with_nothing_labelled_the_first_pick_exploits() -> None:
    view = dataclasses.replace(FakeView.random(n=80), labelled=[], pending=[], labels=[])
    chosen = ExplorationP(floor=1.0).select(view, 4, stream(0, 1, "select"))
    assert chosen.ids[0] == catalogue.acquisition("entropy").select(view, 1, stream(0, 1, "select")).ids[0]
    assert [why.startswith("exploring") for why in chosen.note] == [False, True, True, True]
