"""Annotations of pictures and texts in, labels in the formats of their kind out, by the command line and back again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from querist.data.annotated.opening import read_annotated
from querist.data.columns.conll import read_conll
from querist.data.columns.spans import read_spans

Image = pytest.importorskip("PIL.Image")
COCO = {
    "images": [{"id": 7, "file_name": "a.png", "height": 20, "width": 30}, {"id": 8, "file_name": "sub/b.png", "height": 20, "width": 30}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 3, "bbox": [2, 4, 10, 6], "area": 60, "iscrowd": 0, "segmentation": [[2, 4, 12, 4, 12, 10, 2, 10]]},
        {"id": 2, "image_id": 7, "category_id": 5, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0, "segmentation": [[0, 0, 5, 0, 5, 5, 0, 5]]},
    ],
    "categories": [{"id": 3, "name": "robin"}, {"id": 5, "name": "house wren"}],
}


@pytest.fixture
def birds(tmp_path: Path) -> str:
    """Three pictures and what is on two of them."""
    (tmp_path / "birds/sub").mkdir(parents=True)
    for number, name in enumerate(("a.png", "sub/b.png", "c.png")):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (20, 30), dtype=np.uint8)).save(tmp_path / "birds" / name)
    (tmp_path / "birds.json").write_text(json.dumps(COCO), encoding="utf-8")
    return "birds"


@pytest.mark.parametrize("task", ["detection", "instance"])
def test_coco_in_and_out(querist, birds, task):
    made = querist("init", "b.querist", "--data", birds, "--task", task, "--annotations", "birds.json", "--json")
    assert made.code == 0, made.err
    assert (made.json["imported"], made.json["classes"], made.json["items"]) == (2, ["robin", "house wren"], 3)
    assert querist("export", "b.querist", "-o", "again.json", "--format", "coco", "--json").json == {"written": "again.json"}
    before, after = (read_annotated(file, birds, kind=task) for file in ("birds.json", "again.json"))
    assert before.values == after.values and before.classes == after.classes
    assert len(after.values["a.png"]) == 2 and after.values["sub/b.png"] == [], "nothing is on that picture, and somebody said so"


@pytest.mark.parametrize("form", ["voc", "yolo"])
def test_folders_of_boxes_in_and_out(querist, birds, form):
    querist("init", "b.querist", "--data", birds, "--task", "detection", "--annotations", "birds.json")
    assert querist("export", "b.querist", "-o", "out", "--format", form).code == 0
    folder = {"voc": "out/Annotations", "yolo": "out/labels"}[form]
    made = querist("init", "c.querist", "--data", birds, "--task", "detection", "--annotations", folder, "--json")
    assert made.code == 0 and made.json["imported"] == 2
    querist("export", "b.querist", "-o", "b.jsonl")
    querist("export", "c.querist", "-o", "c.jsonl")
    rows = [[json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()] for name in ("b.jsonl", "c.jsonl")]
    for one, other in zip(*rows, strict=True):
        assert one["id"] == other["id"] and [box["label"] for box in one["value"]] == [box["label"] for box in other["value"]]
        assert np.allclose([box["box"] for box in one["value"]], [box["box"] for box in other["value"]])
    querist("export", "b.querist", "-o", "out", "--format", form).fails(1, "out", "new or empty folder")


def test_class_maps_in_and_out(querist, birds, tmp_path):
    (tmp_path / "maps").mkdir()
    indices = np.zeros((20, 30), dtype=np.uint8)
    indices[3:9, 4:11] = 1
    indices[0] = 255
    Image.fromarray(indices).save(tmp_path / "maps" / "a.png")
    (tmp_path / "maps" / "classes.txt").write_text("sky\nbird\n", encoding="utf-8")
    made = querist("init", "m.querist", "--data", birds, "--task", "dense", "--annotations", "maps", "--json")
    assert made.code == 0 and (made.json["imported"], made.json["classes"]) == (1, ["sky", "bird"])
    assert querist("export", "m.querist", "-o", "out", "--format", "masks").code == 0
    assert (np.asarray(Image.open(tmp_path / "out/masks/a.png")) == indices).all()


def test_tables_hold_values_of_any_kind(querist, birds, tmp_path):
    (tmp_path / "boxes.csv").write_text('id,label\na.png,"[{""box"": [1, 2, 3, 4], ""label"": ""robin""}]"\n', encoding="utf-8")
    made = querist("init", "t.querist", "--data", birds, "--task", "detection", "--labels", "robin", "--annotations", "boxes.csv", "--json")
    assert made.code == 0, made.err
    assert made.json["imported"] == 1


def test_tagged_texts_out(querist, tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "texts.csv").write_text("id,text\none,Ann lives in New York\ntwo,It rains\n", encoding="utf-8")
    assert querist("init", "n.querist", "--data", "texts.csv", "--task", "tagging", "--labels", "PER,LOC").code == 0
    assert querist("tell", "n.querist", "one", '["B-PER", "O", "O", "B-LOC", "I-LOC"]').code == 0
    assert querist("tell", "n.querist", "two", '["O", "O"]').code == 0
    for form, file in (("conll", "n.conll"), ("spans", "n.jsonl"), ("hf", "n.parquet")):
        said = querist("export", "n.querist", "-o", file, "--format", form)
        assert said.code == 0, said.err
    told = read_conll("n.conll")
    assert sorted(map(tuple, told.values.values())) == [("B-PER", "O", "O", "B-LOC", "I-LOC"), ("O", "O")]
    spans = read_spans("n.jsonl")
    assert spans.values["one"] == ["B-PER", "O", "O", "B-LOC", "I-LOC"]


def test_what_does_not_fit_is_refused(querist, birds, tmp_path):
    init = ("init", "x.querist", "--data", birds, "--task")
    querist(*init, "detection", "--annotations", "maps.json").fails(1, "maps.json")
    querist(*init, "dense", "--annotations", "birds.json").fails(1, "PNG")
    querist(*init, "classification", "--annotations", "birds.json").fails(2, "table")
    (tmp_path / "empty").mkdir()
    querist(*init, "detection", "--annotations", "empty").fails(1, "COCO", "YOLO")
    (tmp_path / "texts.csv").write_text("id,text\none,x\ntwo,y\n", encoding="utf-8")
    querist("init", "x.querist", "--data", "texts.csv", "--task", "detection", "--annotations", "birds.json").fails(2, "folder of pictures")
    (tmp_path / "broken.json").write_text('{"images": [', encoding="utf-8")
    querist(*init, "detection", "--annotations", "broken.json").fails(1, "broken.json")
    querist(*init, "detection", "--annotations", "birds.json", "--labels", "robin").fails(1, "house wren")
    assert not (tmp_path / "x.querist").exists()
    querist("init", "b.querist", "--data", birds, "--task", "detection", "--annotations", "birds.json")
    querist("export", "b.querist", "-o", "x", "--format", "masks").fails(2, "detection", "coco, voc, yolo")
    querist("export", "b.querist", "-o", "x", "--format", "imagefolder").fails(2, "detection", "coco, voc, yolo")
    querist("export", "b.querist", "-o", "no/where.json", "--format", "coco").fails(1, "no/where.json")
    querist("export", "b.querist", "-o", "x.json", "--format", "coco", "--view", "raw").fails(2, "training")


def test_labels_have_to_suit_the_item(querist, birds, tmp_path):
    """Nothing that could not have been meant is stored: more tags than tokens, boxes outside of the picture, maps of another size."""
    querist("init", "b.querist", "--data", birds, "--task", "detection", "--labels", "robin")
    box = '[{{"box": [1, 2, {}, 10], "label": "robin"}}]'
    querist("tell", "b.querist", "a.png", box.format(32)).fails(1, "a.png", "20 × 30", "box at 0")
    assert querist("tell", "b.querist", "a.png", box.format(30.5)).code == 0, "within a pixel"
    (tmp_path / "t.csv").write_text('id,label\nc.png,"' + box.format(99).replace('"', '""') + '"\nsub/b.png,"[]"\n', encoding="utf-8")
    said = querist("tell", "b.querist", "-i", "t.csv", "--json")
    assert said.json["told"] == 1 and said.json["errors"][0]["item"] == "c.png"
    wrong = {**COCO, "annotations": [{**COCO["annotations"][0], "bbox": [2, 4, 100, 6]}]}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong), encoding="utf-8")
    querist("init", "c.querist", "--data", birds, "--task", "detection", "--annotations", "wrong.json").fails(1, "a.png")
    querist("init", "m.querist", "--data", birds, "--task", "dense", "--labels", "sky,bird")
    querist("tell", "m.querist", "a.png", '{"size": [30, 20], "runs": [["sky", 600]]}').fails(1, "[20, 30]")
    assert querist("tell", "m.querist", "a.png", '{"size": [20, 30], "runs": [["sky", 600]]}').code == 0
    (tmp_path / "texts.csv").write_text("id,text\none,Ann lives here\ntwo,It rains\n", encoding="utf-8")
    querist("init", "n.querist", "--data", "texts.csv", "--task", "tagging", "--labels", "PER")
    querist("tell", "n.querist", "one", '["B-PER", "O"]').fails(1, "3 tags", "one")
    assert querist("tell", "n.querist", "one", '["B-PER", "O", "O"]').code == 0
    (tmp_path / "texts.csv").unlink()
    assert querist("tell", "n.querist", "two", '["O", "O"]', "--by", "ann").code == 0, "what is said of data that moved away is kept"


def test_kinds_without_classes_need_no_names(querist, birds):
    assert querist("init", "s.querist", "--data", birds, "--task", "sequence").code == 0
    assert querist("tell", "s.querist", "a.png", '["012", "12"]').code == 0
    querist("tell", "s.querist", "a.png", "[]").fails(1, "a.png")
    querist("init", "r.querist", "--data", birds, "--task", "regression").fails(2, "--labels")
    querist("init", "u.querist", "--data", birds, "--task", "dancing").fails(2, "dancing", "sequence")
