import pytest

from querist.bench.spec import StudySpec
from querist.core.errors import UsageError


def test_budgets_are_exact_and_end_at_the_budget():
    assert StudySpec.of({"dataset": "digits", "initial": 20, "batch": 20, "budget": 100}).budgets == (20, 40, 60, 80, 100)
    assert StudySpec.of({"dataset": "digits", "initial": 10, "batch": 40, "budget": 100}).budgets == (10, 50, 90, 100)
    assert StudySpec.of({"dataset": "digits", "initial": 7, "batch": 3, "budget": 7}).budgets == (7,)


def test_the_baseline_is_always_there_first_and_once():
    assert StudySpec.of({"dataset": "digits"}).methods == ("random",)
    assert StudySpec.of({"dataset": "digits", "methods": ["margin", "random", "margin"]}).methods == ("random", "margin")


def test_runs_go_seed_by_seed_and_the_baseline_has_more():
    spec = StudySpec.of({"dataset": "digits", "methods": ["margin"], "seeds": 2})
    assert spec.runs() == [("random", 0), ("margin", 0), ("random", 1), ("margin", 1), ("random", 2), ("random", 3)]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"dataset": "digits", "sedes": 3}, "sedes"),
        ({}, "dataset"),
        ({"dataset": "digits", "seeds": 0}, "seeds"),
        ({"dataset": "digits", "seeds": "many"}, "seeds"),
        ({"dataset": "digits", "batch": -1}, "batch"),
        ({"dataset": "digits", "initial": 400}, "initial"),
        ({"dataset": "digits", "accuracies": [90]}, "accuracies"),
        ({"dataset": "digits", "methods": 3}, "methods"),
    ],
)
def test_bad_settings_are_usage_errors_that_name_the_key(settings, named):
    with pytest.raises(UsageError, match=named):
        StudySpec.of(settings)


def test_toml_file_with_options_that_win(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text('dataset = "digits"\nmethods = ["margin"]\nseeds = 3\n[learner]\nwidth = 16\n')
    spec = StudySpec.from_toml(file, seeds=4, batch=None)
    assert (spec.title, spec.seeds, spec.batch, spec.learner) == ("small", 4, 20, {"width": 16})


@pytest.mark.parametrize("text", ["dataset = digits", "dataset = 'digits'\ncolour = 'red'"])
def test_bad_toml_is_a_usage_error(tmp_path, text):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"bad\.toml|colour"):
        StudySpec.from_toml(file)


def test_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        StudySpec.from_toml(tmp_path / "none.toml")


def test_digests_follow_what_has_an_influence():
    spec = StudySpec.of({"dataset": "digits", "methods": ["margin"]})
    more_workers = spec.model_copy(update={"workers": 8, "name": "other"})
    more_seeds = spec.model_copy(update={"seeds": 9})
    other_batch = spec.model_copy(update={"batch": 5})
    assert more_workers.sha256 == spec.sha256
    assert more_seeds.sha256 != spec.sha256 and more_seeds.run_sha256 == spec.run_sha256
    assert other_batch.run_sha256 != spec.run_sha256


def test_learner_options_hold_only_what_is_set():
    assert StudySpec.of({"dataset": "digits", "recipe": "plain", "learner": {"width": 4}}).learner_options() == {"width": 4, "recipe": "plain"}
    assert StudySpec.of({"dataset": "digits"}).learner_options() == {}


def test_strategies_of_ones_own_come_last_and_decide_runs():
    plain, own = StudySpec.of({"dataset": "digits", "methods": ["margin"]}), {"near": {"use": "subsample", "size": 9}}
    spec = StudySpec.of({"dataset": "digits", "methods": ["margin"], "strategies": own})
    assert spec.methods == ("random", "margin", "near") and spec.strategy("near") == own["near"] and spec.strategy("margin") == "margin"
    assert spec.run_sha256 != plain.run_sha256 and spec.sha256 != plain.sha256
    assert "strategies" not in plain.run_settings() and "track" not in plain.run_settings()
    assert StudySpec.of({**spec.model_dump(mode="json"), "methods": ["near", "random"]}).methods == ("random", "near")


@pytest.mark.parametrize(
    ("strategies", "says"),
    [({"margin": {"use": "badge"}}, "margin"), ({"a b": {"use": "badge"}}, "a b"), ({"mine": {"size": 3}}, "use"), ({"mine": "badge"}, "strategies")],
)
def test_strategies_that_cannot_be(strategies, says):
    with pytest.raises(UsageError, match=says):
        StudySpec.of({"dataset": "digits", "strategies": strategies})


def test_settings_that_came_later_leave_the_digests_of_before():
    spec = StudySpec.of({"dataset": "digits"})
    assert spec.sha256 == StudySpec.of({"dataset": "digits", "track": "plain", "tuning_labels": 0, "strategies": {}}).sha256
    tuned = StudySpec.of({"dataset": "digits", "initial": 20, "batch": 20, "budget": 50, "tuning_labels": 100})
    assert (tuned.budgets, tuned.counted) == ((20, 40, 50), (120, 140, 150))
    same = StudySpec.of({"dataset": "digits", "initial": 20, "batch": 20, "budget": 50})
    assert tuned.run_sha256 == same.run_sha256 and tuned.sha256 != same.sha256, "it changes what is said of runs, not the runs"
