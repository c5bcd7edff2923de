"""Tuning on random labelled sets: what it may see, that it goes on, and that its table makes the learner that was tried."""

from __future__ import annotations

import json
import tomllib

import pytest

from querist.assemble.parts import learner
from querist.assemble.simulate import learner_options
from querist.bench.ground import Ground
from querist.bench.search_space import applied
from querist.bench.spec import StudySpec
from querist.bench.tuning import OWN, Request, toml, tune
from querist.core.errors import TrainingError, UsageError
from querist.data.datasets import named

SMALL = Request("wine", learner={"steps": 8}, labels=(6, 15), validation=30, trials=3, sets=1, confirm=2)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    file = tmp_path_factory.mktemp("tuning") / "wine.trials.jsonl"
    return tune(SMALL, ledger=file), file


def test_every_trial_is_kept_with_its_scores(found):
    tuned, _ = found
    assert [trial.trial for trial in tuned.trials] == [0, 1, 2]
    assert tuned.trials[OWN].params == {"rate": 0.004, "weight_decay": 0.05, "smoothing": 0.05, "dropout": 0.3, "steps": 1.0}
    for trial in tuned.trials:
        assert {size: len(scores) for size, scores in trial.scores.items()} == {"6": 1, "15": 1}
        assert trial.score == pytest.approx(sum(sum(scores) for scores in trial.scores.values()) / 2)
    assert tuned.trials[tuned.best].score == max(trial.score for trial in tuned.trials)
    json.dumps(tuned.plain(), allow_nan=False)


def test_labels_are_counted_and_neither_development_nor_validation_items_are_trained_on(found, monkeypatch):
    data, trained, measured = named("wine"), set(), set()
    fit, measure = Ground.fit, Ground.measure
    monkeypatch.setattr(Ground, "fit", lambda self, made, ids, streams, values=None: (trained.update(ids), fit(self, made, ids, streams, values))[1])
    monkeypatch.setattr(Ground, "measure", lambda self, made, targets, inputs=None: (measured.update(targets), measure(self, made, targets, inputs))[1])
    monkeypatch.setattr(Ground, "development", lambda self: pytest.fail("the development split was opened"))
    tuned = tune(SMALL)
    assert tuned.trials == tuple(tuned.trials) and tuned.plain()["counted"] == found[0].plain()["counted"]
    assert not trained & measured and not (trained | measured) & set(data.dev) and trained | measured <= set(data.candidates)
    assert tuned.counted == {"validation": 30, "labelled": len(trained), "total": 30 + len(trained)}
    assert set(tuned.plain()["provenance"]["labels_seen"]["validation_ids"]) == measured


def test_a_search_that_was_cut_off_goes_on_to_the_same_result(found, tmp_path, monkeypatch):
    tuned, file = found
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(lines[:4]) + lines[4][:20], encoding="utf-8")
    made = []
    fit = Ground.fit
    monkeypatch.setattr(Ground, "fit", lambda *given: (made.append(1), fit(*given))[1])
    again = tune(SMALL, ledger=cut)
    assert len(made) == len(lines) - 4, "three fits were kept, the one cut off was not"
    assert [trial.score for trial in again.trials] == [trial.score for trial in tuned.trials] and again.learner == tuned.learner
    with pytest.raises(UsageError, match="other settings"):
        tune(Request("wine", learner={"steps": 9}, labels=(6, 15), validation=30, trials=3, sets=1, confirm=2), ledger=cut)


def test_the_table_makes_the_learner_that_was_tried(found):
    tuned, _ = found
    settings = tomllib.loads(toml(tuned, "wine.json"))
    table = settings["learner"]
    assert StudySpec.of({"dataset": "wine", **settings}).tuning_labels == tuned.counted["total"] > 30
    recipe = learner(learner_options("wine", {"steps": 8}), "random")
    assert learner(learner_options("wine", table), "random") == applied(recipe, tuned.trials[tuned.chosen].params)
    assert learner(learner_options("wine", table), "bald").inference != recipe.inference, "methods keep the inference of their row"


def test_trials_that_diverge_lose_and_none_left_is_an_error():
    tuned = tune(Request("wine", learner={"steps": 8}, labels=(10,), validation=20, sets=1, confirm=0, over=("rate=0.004,1e30",), grid=True))
    assert [trial.score is None for trial in tuned.trials] == [False, True] and "diverged" in tuned.trials[1].error
    assert tuned.best == OWN and tuned.confirmed is None
    with pytest.raises(TrainingError, match="no trial"):
        tune(Request("wine", learner={"scheme": {"use": "querist.learn.schemes.supervised:Supervised", "rate": 1e30}}, labels=(10,), trials=1, sets=1))


@pytest.mark.parametrize("wrong", [{"labels": (500,)}, {"validation": 142}, {"trials": 0}, {"labels": (0,)}, {"over": ("nothing",)}, {"dataset": "winne"}])
def test_what_cannot_be_tuned_is_refused(wrong):
    with pytest.raises(UsageError):
        tune(Request(**{"dataset": "wine", "labels": (5,), **wrong}))
