"""Labels that nobody gave reach nothing: poisoned pool targets, poisoned test targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from two_rounds import CLASSES, TEST, digits, project, rounds

from querist.core.records import Query, RoundJob
from querist.project.oracles import Simulated

X, IDS, ANSWERS = digits()
TRUTH = {item: ANSWERS[item] for item in IDS[-TEST:]}
LIES = {item: CLASSES[(int(value) + 1) % 10] for item, value in TRUTH.items()}


@pytest.fixture(scope="module")
def honest() -> list[dict[str, Any]]:
    with project(X, IDS, TRUTH) as made:
        return rounds(made, ANSWERS)


def test_poisoned_test_labels_change_metrics_only(honest: list[dict[str, Any]]) -> None:
    with project(X, IDS, LIES) as made:
        poisoned = rounds(made, ANSWERS)
    for true, lied in zip(honest, poisoned, strict=True):
        assert {key for key in true if true[key] != lied[key]} == {"metrics"}


class Poisoned(Mapping[str, str]):
    """True for what was asked; reading anything else is what a leak would do."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, item: str) -> str:
        return ANSWERS[item] if item in self.asked else "garbage"

    def __iter__(self) -> Iterator[str]:
        return iter(ANSWERS)

    def __len__(self) -> int:
        return len(ANSWERS)


def test_poisoned_targets_of_unlabelled_items_change_nothing() -> None:
    class Careful(Simulated):
        def answer(self, query: Query) -> Any:
            assert isinstance(self.targets, Poisoned)
            self.targets.asked.update(query.ids)
            return super().answer(query)

    picked = []
    for oracle in (Simulated(ANSWERS), Careful(Poisoned())):
        with project(X, IDS, TRUTH) as made:
            for _ in range(2):
                query = made.ask(20)
                made.tell_many([(answer.item, answer.value) for answer in oracle.answer(query)])
                made.update()
            picked.append((made.ranking(1), made.ranking(2), made.snapshot(2)["info"]["model"]))
    assert picked[0] == picked[1]


def test_the_runtime_gets_no_target_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RoundJob] = []
    with project(X, IDS, TRUTH) as made:
        runtime = made._bound()
        own = type(runtime).train_score_select

        def watching(self: Any, job: RoundJob, report: Any) -> Any:
            seen.append(job)
            return own(self, job, report)

        monkeypatch.setattr(type(runtime), "train_score_select", watching)
        asked = rounds(made, ANSWERS, n=1)[0]["asked"]
    assert dict(seen[0].labelled) == {item: ANSWERS[item] for item in sorted(asked, key=IDS.index)}
    assert dict(seen[0].test) == TRUTH
    assert not set(seen[0].candidates) & (set(asked) | set(TRUTH)) and len(seen[0].candidates) == len(IDS) - TEST - 20
    assert all(isinstance(item, str) for item in seen[0].candidates), "ids and nothing else"
