"""Running a study again: equal bits here, equal accuracies elsewhere, and every forgery named by its first divergent round."""

import copy

import pytest
from snapshots import DIGITS, LIGHT, forged, made, run_of, swap_seeds

from querist.acquire.ablation import variants
from querist.bench.replaying import Recorded, replay
from querist.bench.verifying import verify
from querist.core.errors import UsageError


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return made(tmp_path_factory.mktemp("digits"), DIGITS)[1]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    return made(tmp_path_factory.mktemp("clouds"), LIGHT)[1]


def test_a_study_of_trained_networks_verifies_bit_for_bit(digits):
    outcome, differences = verify(digits)
    assert (outcome.ok, outcome.level, outcome.first, differences) == (True, "L1", None, {})
    assert (outcome.runs, outcome.rounds, outcome.models, outcome.largest) == (4, 8, 8, 0.0)


def test_it_replays_from_its_index_sets_alone(digits):
    """BALD asks for dropout samples at the test too: the replay knows that from the recorded learner, not from the strategy."""
    outcome = replay(digits, methods=["bald"], seeds=[1])
    assert (outcome.ok, outcome.level, outcome.runs, outcome.rounds) == (True, "L0", 1, 2)
    assert outcome.models == 2 and outcome.largest == 0.0, "on the same machine even the weights are the same"


def a_label(plain):
    run_of(plain, "bald", 1)["rounds"][1]["labels_sha256"] = "0" * 64


def an_id(plain):
    run = run_of(plain, "bald", 1)
    bought = {item for row in run["rounds"] for item in row["ids"]}
    run["rounds"][1]["ids"][3] = next(item for item in run_of(plain, "random", 1)["rounds"][1]["ids"] if item not in bought)


def a_flag(plain):
    for parts in plain["parts"].values():
        parts["learner"]["scheme"]["weighted"] = True


def a_setting(plain):
    plain["spec"]["steps"] = 5


@pytest.mark.parametrize(
    ("change", "round_", "what"), [(a_label, 2, "labels_sha256"), (swap_seeds, 1, "ids"), (an_id, 2, "ids"), (a_flag, 1, "learner"), (a_setting, 1, "learner")]
)
def test_a_forgery_with_all_hashes_computed_anew_is_named(digits, change, round_, what):
    outcome, differences = verify(forged(digits, change), methods=["bald"], seeds=[1])
    assert not outcome.ok and outcome.level == "L1" and not differences
    assert {key: outcome.first[key] for key in ("method", "seed", "round", "what")} == {"method": "bald", "seed": 1, "round": round_, "what": what}
    if change is a_setting:
        assert outcome.first["recorded"] == {"scheme.steps.low": 4, "scheme.steps.high": 4} and set(outcome.first["here"].values()) == {5}


@pytest.mark.parametrize("key", ["scores", "model", "metrics", "steps"])
def test_whatever_a_round_holds_is_compared(clouds, key):
    def change(plain):
        row = run_of(plain, "margin", 1)["rounds"][2]
        row[key] = {"scores": [0.0] * 3, "model": "0" * 64, "metrics": {"accuracy": 0.25}, "steps": [2]}[key]

    outcome, _ = verify(forged(clouds, change), methods=["margin"], seeds=[1])
    assert (outcome.ok, outcome.first["round"], outcome.first["what"]) == (False, 3, key)


@pytest.mark.parametrize("change", [lambda p: p["data"].__setitem__("fingerprint", "0" * 64), lambda p: p["data"].__setitem__("test_sha256", "0" * 64)])
def test_other_data_are_named(clouds, change):
    outcome, _ = verify(forged(clouds, change), methods=["margin"], seeds=[0])
    assert outcome.first["round"] == 1 and outcome.first["what"].startswith("data.")
    assert not replay(forged(clouds, change), methods=["margin"], seeds=[0]).ok


def test_elsewhere_bits_are_not_promised_and_accuracies_are_compared(clouds):
    def change(plain):
        next(iter(plain["environments"].values()))["packages"]["numpy"] = "1.0"

    outcome, differences = verify(forged(clouds, change), methods=["margin"], seeds=[1])
    assert outcome.ok and outcome.level == "L0" and list(differences) == ["packages.numpy"] and differences["packages.numpy"][0] == "1.0"


def test_a_replay_holds_to_its_tolerance(clouds):
    def change(plain):
        run_of(plain, "margin", 1)["rounds"][1]["metrics"]["accuracy"] += 0.05

    shifted = forged(clouds, change)
    narrow, wide = (replay(shifted, methods=["margin"], seeds=[1], tolerance=tolerance) for tolerance in (0.02, 0.1))
    assert not narrow.ok and (narrow.first["round"], narrow.first["what"]) == (2, "accuracy")
    assert wide.ok and narrow.largest == wide.largest == pytest.approx(0.05)


def test_an_item_that_cannot_be_bought_ends_a_replay(clouds):
    def change(plain):
        run_of(plain, "margin", 1)["rounds"][1]["ids"][0] = "no-such-item"

    outcome = replay(forged(clouds, change), methods=["margin"], seeds=[1])
    assert not outcome.ok and outcome.first["what"] == "failed" and "no-such-item" in outcome.first["here"]


def test_workers_may_share_the_work(clouds):
    assert replay(clouds, workers=2, methods=["margin"]).ok


def test_a_run_that_is_not_there(clouds):
    for wanted in ({"methods": ["badge"]}, {"seeds": [9]}, {"methods": ["margin", "badge"]}):
        with pytest.raises(UsageError, match="no such run"):
            replay(copy.deepcopy(clouds), **wanted)


class View:
    candidates = ("1", "2", "3", "4")
    round = 1


def test_the_recorded_choice_is_filled_up_to_the_batch():
    assert Recorded((("9",), ("3", "2"))).select(View, 3, None).ids == ("3", "2", "1")
    assert Recorded((("9",),)).select(View, 2, None).ids == ("1", "2"), "what was never labelled was never recorded"


def test_a_replay_compares_what_the_study_measured(tmp_path):
    plain = made(tmp_path, DIGITS, dataset="digits+longtail20", metric="balanced_accuracy", methods=[], seeds=1)[1]
    wrong = copy.deepcopy(plain)
    wrong["runs"][0]["rounds"][1]["metrics"]["balanced_accuracy"] += 0.3
    wrong["runs"][0]["rounds"][0]["metrics"]["accuracy"] += 0.3
    assert replay(plain).ok and replay(plain).largest == 0.0
    outcome = replay(wrong)
    assert not outcome.ok and outcome.largest == pytest.approx(0.3)
    assert (outcome.first["round"], outcome.first["what"]) == (2, "balanced_accuracy")


def test_a_strategy_of_a_study_s_own_runs_as_what_it_is_and_verifies(tmp_path):
    """BatchBALD without its selector is BALD, down to the dropout samples that its row asks for."""
    own = {"plainer": variants("batchbald")["batchbald-no-selector"]}
    study, plain = made(tmp_path, DIGITS, seeds=1, strategies=own)
    assert study.methods["plainer"].curve == study.methods["bald"].curve
    runs = {run["method"]: plain["parts"][run["parts"]] for run in plain["runs"]}
    assert runs["plainer"]["acquisition"] == runs["bald"]["acquisition"] and runs["plainer"]["learner"] == runs["bald"]["learner"]
    assert verify(plain, methods=["plainer"])[0].ok


@pytest.mark.parametrize(("name", "fine"), [("auxiliary", True), ("unlabelled", True), ("loader", False), ("subpool", False)])
def test_a_record_may_lack_streams_that_came_later_and_no_other(clouds, name, fine):
    def change(plain):
        del plain["streams"]["first"][name]

    outcome, _ = verify(forged(clouds, change), methods=["margin"], seeds=[0])
    assert outcome.ok == fine and (fine or outcome.first["what"] == "streams")


def test_another_stream_is_named(clouds):
    outcome, _ = verify(forged(clouds, lambda plain: plain["streams"]["first"].__setitem__("auxiliary", 1)), methods=["margin"], seeds=[0])
    assert not outcome.ok and outcome.first["what"] == "streams"
