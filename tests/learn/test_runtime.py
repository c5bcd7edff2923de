"""One round: what is reported, what is resumed, what is never touched."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learn_parts import Progress, clouds, ids, job, label
from learn_short import SHORT

from querist.core import catalogue
from querist.core.contracts import GUESSES, Report, no_report
from querist.core.records import RoundJob, RoundResult
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.runtime import MARK, LearnerRuntime, subpool
from querist.nets.base import MLP
from querist.tasks import label_space, new_space

LEARNER = Learner(MLP(hidden=(8,)), SHORT)
INPUTS = ArrayInputs(ArrayPool(clouds()))


@dataclasses.dataclass(frozen=True)
class Counting(Learner):
    """A learner that counts its fits."""

    fits: list[int] = dataclasses.field(default_factory=list, compare=False, init=False)

    def fit(self, *args: Any, **kwargs: Any) -> Fitted:
        self.fits.append(1)
        return super().fit(*args, **kwargs)


@dataclasses.dataclass(frozen=True)
class Dying:
    """An acquisition at which the process dies."""

    needs: frozenset[str] = frozenset({"probs"})

    def select(self, view: Any, k: int, rng: np.random.Generator) -> Any:
        raise KeyboardInterrupt


def run(work: RoundJob, learner: Learner = LEARNER, method: Any = "margin", report: Report = no_report, size: int = 0) -> RoundResult:
    return LearnerRuntime(INPUTS, INPUTS, learner, catalogue.acquisition(method), size).train_score_select(work, report)


def test_a_round_says_what_it_did(tmp_path: Path) -> None:
    progress = Progress()
    result = run(job(tmp_path), report=progress)
    assert len(result.ranking) == 5 and result.scored == 30 and result.quarantined == {}
    assert result.seconds.keys() == {"features", "train", "score", "select"} and all(value >= 0 for value in result.seconds.values())
    assert result.info["steps"] == [20] and result.info["labels"] == 12 and result.info["tested"] == 16 and result.info["note"] == ""
    assert result.metrics["accuracy"] > 0.6
    assert progress.phases() == ["train", "evaluate", "score", "select"]
    assert all(0 <= fraction <= 1 for _, fraction, _ in progress.seen)


def test_a_round_killed_after_training_does_not_train_again(tmp_path: Path) -> None:
    whole = run(job(tmp_path / "whole"))
    learner = Counting(LEARNER.network, LEARNER.scheme)
    with pytest.raises(KeyboardInterrupt):
        run(job(tmp_path / "killed"), learner, Dying())
    assert learner.fits == [1]
    progress = Progress()
    second = run(job(tmp_path / "killed"), learner, report=progress)
    assert learner.fits == [1] and "train" not in progress.phases() and second.info["steps"] == whole.info["steps"] != []
    assert second.info["model"] == whole.info["model"] and second.ranking == whole.ranking and second.metrics == whole.metrics


@pytest.mark.parametrize(
    "change",
    [{"labelled": {item: label(item) for item in ids(0, 11)}}, {"labelled": dict.fromkeys(ids(0, 12), "a")}, {"seed": 1}, {"round": 2}],
)
def test_what_was_trained_for_another_input_is_not_taken_up(tmp_path: Path, change: dict[str, Any]) -> None:
    run(job(tmp_path))
    learner = Counting(LEARNER.network, LEARNER.scheme)
    result = run(job(tmp_path, **change), learner)
    assert learner.fits == [1]
    assert result.info["model"] == run(job(tmp_path / "fresh", **change)).info["model"]


def test_half_saved_weights_are_trained_again(tmp_path: Path) -> None:
    run(job(tmp_path))
    (tmp_path / MARK).unlink()
    learner = Counting(LEARNER.network, LEARNER.scheme)
    run(job(tmp_path), learner)
    assert learner.fits == [1], "no mark: the process died while it saved"


def test_leased_items_are_not_ranked_again(tmp_path: Path) -> None:
    everything = run(job(tmp_path / "a", batch=99))
    assert set(everything.ranking.ids) == set(ids(12, 42))


def test_the_sub_pool_is_the_same_for_every_method_of_a_seed(tmp_path: Path) -> None:
    rest = [*ids(0, 12), *ids(42, 44)]  # what the job has labelled and leased
    drawn = subpool(ids(12, 42), 10, Streams(0, 1), rest)
    assert drawn == sorted(drawn, key=int) and len(set(drawn)) == 10
    for method in ("margin", "coreset", "random"):
        result = run(job(tmp_path / method, batch=99), method=method, size=10)
        assert set(result.ranking.ids) == set(drawn) and result.scored == 10
    assert subpool(ids(12, 42), 10, Streams(0, 2), rest) != drawn
    assert subpool(ids(0, 3), 10, Streams(0, 1)) == subpool(ids(0, 3), 0, Streams(0, 1)) == ids(0, 3)


def test_the_sub_pools_of_two_methods_differ_by_what_they_have_labelled_only() -> None:
    everything = ids(0, 400)
    one, other = ids(0, 40), ids(20, 60)  # what each has labelled
    mine, theirs = (subpool([item for item in everything if item not in set(labelled)], 100, Streams(3, 2), labelled) for labelled in (one, other))
    assert len(mine) == len(theirs) == 100
    both = set(everything) - set(one) - set(other)
    apart = (set(mine) ^ set(theirs)) & both  # only the last in line, which fill up for those that are labelled
    assert len(apart) <= len(set(one) ^ set(other)) * 100 / 400 + 10 and len(set(mine) & set(theirs)) >= 75


def test_the_reserve_is_ranked_behind_the_same_batch(tmp_path: Path) -> None:
    for method in ("badge", "margin"):
        bare, more = run(job(tmp_path / f"{method}-0"), method=method), run(job(tmp_path / f"{method}-1", reserve=10), method=method)
        assert more.ranking.head(5) == bare.ranking and len(set(more.ranking.ids)) == 15


def test_guesses_are_left_for_people_only(tmp_path: Path) -> None:
    run(job(tmp_path / "machine"))
    assert not (tmp_path / "machine" / GUESSES).exists()
    work = job(tmp_path / "people", reserve=10)
    result = run(work)
    guesses = json.loads((tmp_path / "people" / GUESSES).read_text())
    assert set(guesses) == set(result.ranking.ids)
    space = label_space(work.schema)
    assert all(space.decode(value) in "abc" and 1 / 3 <= confidence <= 1 for value, confidence in guesses.values())
    assert np.mean([space.decode(value) == label(item) for item, (value, _) in guesses.items()]) > 0.6


def test_rows_with_nan_are_quarantined_wherever_they_are(tmp_path: Path) -> None:
    x = clouds()
    x[[3, 20, 42, 50]] = np.nan
    inputs = ArrayInputs(ArrayPool(x))
    result = LearnerRuntime(inputs, inputs, LEARNER, catalogue.acquisition("margin")).train_score_select(job(tmp_path), no_report)
    assert set(result.quarantined) == {"3", "20", "42"}, "a test item is no pool item: it is left out and counted"
    assert result.info["labels"] == 11 and result.scored == 29 and result.info["tested"] == 15
    assert result.info["note"] == "evaluated on 15 of 16 test items"


def test_no_test_items_no_metrics_no_candidates_no_ranking(tmp_path: Path) -> None:
    assert run(job(tmp_path / "a", test={})).metrics == {}
    assert len(run(job(tmp_path / "b", candidates=[], reserve=5)).ranking) == 0


def test_a_warm_round_reads_the_files_of_the_one_before(tmp_path: Path) -> None:
    learner = dataclasses.replace(LEARNER, refit="warm")
    run(job(tmp_path / "1"), learner)
    warm = run(job(tmp_path / "2", round=2, previous=str(tmp_path / "1")), learner)
    cold = run(job(tmp_path / "3", round=2), learner)
    assert warm.info["model"] != cold.info["model"]


def test_a_schema_with_more_classes_has_more_outputs(tmp_path: Path) -> None:
    schema = new_space("classification", ["a", "b", "c", "never told"]).schema()
    assert run(job(tmp_path, schema=schema), method="auto").ranking.note[0].startswith("auto → maxherding (1 of 4 classes not seen yet)")
