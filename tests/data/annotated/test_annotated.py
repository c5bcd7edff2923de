"""Every format: read from a miniature in its true layout, written and read again, and what is broken is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import annotated_miniatures as mini
import numpy as np
import pytest

from querist.core.errors import PoolError, UsageError
from querist.data.annotated.coco import read_coco, write_coco
from querist.data.annotated.found import AnnotatedSet
from querist.data.annotated.png_masks import read_png_masks, write_png_masks
from querist.data.annotated.voc import read_voc, write_voc
from querist.data.annotated.yolo import read_yolo, write_yolo
from querist.data.folders import FolderPool
from querist.project.project import Project
from querist.tasks.instance.rle import to_counts, to_mask


@pytest.fixture
def boxes(tmp_path: Path) -> AnnotatedSet:
    return AnnotatedSet(FolderPool(str(mini.pictures(tmp_path / "images"))), mini.BOXES, mini.CLASSES, "detection")


def test_coco_boxes_and_classes_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = read_coco(mini.coco(tmp_path / "instances.json"), mini.pictures(tmp_path / "images"))
    assert found.values == mini.BOXES
    assert found.classes == ("boat", "man & dog", "tree")
    assert "unasked.png" in found.pool.ids() and "unasked.png" not in found.values


def test_coco_masks_of_polygons_plain_and_packed_runs(tmp_path: Path) -> None:
    images, file = mini.pictures(tmp_path / "images"), mini.coco(tmp_path / "instances.json")
    found = read_coco(file, images, kind="instance")
    mask = to_mask(found.values["a.png"][0]["mask"])
    assert mask[3:9, 2:10].all() and mask.sum() == 48
    rows = json.loads(file.read_text())["annotations"]
    plain = to_counts(mask)
    rows[0]["segmentation"] = {**plain, "counts": [0, 0, *plain["counts"]]}
    assert read_coco(mini.coco(file, annotations=rows), images, kind="instance").values == found.values, "equal masks have one form"
    rows[0]["segmentation"] = {"size": [16, 24], "counts": mini.packed(plain["counts"])}
    assert read_coco(mini.coco(file, annotations=rows), images, kind="instance").values == found.values


def test_coco_round_trip(tmp_path: Path, boxes: AnnotatedSet) -> None:
    write_coco(tmp_path / "out.json", boxes)
    again = read_coco(tmp_path / "out.json", tmp_path / "images")
    assert (again.values, again.classes) == (boxes.values, boxes.classes)
    instances = read_coco(mini.coco(tmp_path / "in.json"), tmp_path / "images", kind="instance")
    write_coco(tmp_path / "out.json", instances)
    assert read_coco(tmp_path / "out.json", tmp_path / "images", kind="instance").values == instances.values


def test_coco_crowds_and_boxes_without_area_are_left_out_and_counted(tmp_path: Path) -> None:
    images, file = mini.pictures(tmp_path / "images"), mini.coco(tmp_path / "instances.json")
    rows = json.loads(file.read_text())["annotations"]
    rows[0]["iscrowd"], rows[1]["bbox"][2] = 1, 0
    found = read_coco(mini.coco(file, annotations=rows), images)
    assert found.values["a.png"] == [] and found.left_out == {"crowd": 1, "empty": 1}
    assert len(read_coco(file, images, crowds=True).values["a.png"]) == 1


Spoil = Callable[[dict[str, Any]], Any]
BROKEN: dict[str, tuple[Spoil, str]] = {
    "no list": (lambda content: content.pop("images"), "no list 'images'"),
    "no object": (lambda content: content["annotations"].append(3), r"annotations\[3\] is no object"),
    "no id": (lambda content: content["categories"][1].pop("id"), r"categories\[1\] has no usable 'id'"),
    "no picture": (lambda content: content["images"][0].update(file_name="../x.png"), r"images\[0\] names a picture"),
    "height": (lambda content: content["images"][2].update(height=-1), r"images\[2\] has no usable 'height'"),
    "giant": (lambda content: content["images"][2].update(height=1 << 20, width=1 << 20), r"images\[2\] says"),
    "unlisted": (lambda content: content["annotations"][1].update(category_id=99), r"annotations\[1\] is about"),
    "short box": (lambda content: content["annotations"][0].update(bbox=[1, 2, 3]), r"annotations\[0\] has no usable 'bbox'"),
    "word": (lambda content: content["annotations"][0].update(bbox=[1, 2, 3, None]), r"annotations\[0\] has no number"),
    "negative": (lambda content: content["annotations"][2].update(bbox=[1, 2, -3, 4]), r"annotations\[2\] has a box of negative"),
    "corners": (lambda content: content["annotations"][0].update(segmentation=[[1, 2, 3, 4]]), r"annotations\[0\] has a polygon"),
    "runs": (lambda content: content["annotations"][0].update(segmentation={"size": [16, 24], "counts": [1, 2]}), "do not fit the picture"),
    "no mask": (lambda content: content["annotations"][0].update(segmentation=None), "no usable 'segmentation'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_coco_files_are_named(tmp_path: Path, case: str) -> None:
    images, file = mini.pictures(tmp_path / "images"), mini.coco(tmp_path / "instances.json")
    content, (spoil, message) = json.loads(file.read_text()), BROKEN[case]
    spoil(content)
    file.write_text(json.dumps(content))
    with pytest.raises(PoolError, match=r"instances\.json.*" + message):
        read_coco(file, images, kind="instance")


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"images": [],\n "annotations": [}')
    with pytest.raises(PoolError, match=r"x\.json, line 2 is not valid JSON"):
        read_coco(tmp_path / "x.json", tmp_path)
    (tmp_path / "x.json").write_text("[" * 200_000)
    with pytest.raises(PoolError, match="nested too deeply"):
        read_coco(tmp_path / "x.json", tmp_path)


def test_voc_counts_pixels_from_one_and_leaves_parts_and_difficult_objects_out(tmp_path: Path) -> None:
    found = read_voc(mini.voc(tmp_path))
    assert found.values == {"a.png": [{"box": [2.0, 3.0, 10.0, 9.0], "label": "tree"}]}
    assert (found.classes, found.left_out) == (("tree",), {"difficult": 1})
    hard = read_voc(tmp_path, difficult=True)
    assert hard.values["a.png"][1] == {"box": [0.5, 0.0, 4.0, 4.0], "label": "man & dog"} and hard.classes == ("man & dog", "tree")


def test_voc_round_trip(tmp_path: Path, boxes: AnnotatedSet) -> None:
    odd = replace(boxes, values={**boxes.values, "a.png": [{"box": [0.1, 1.25, 7.3, 9.0], "label": "tree"}]})
    write_voc(tmp_path, odd)
    again = read_voc(tmp_path, images="images", classes=mini.CLASSES)
    assert again.values.keys() == odd.values.keys() and again.classes == mini.CLASSES
    for item, value in odd.values.items():
        assert [one["label"] for one in again.values[item]] == [one["label"] for one in value]
        assert [one["box"] for one in again.values[item]] == [pytest.approx(one["box"], abs=1e-12) for one in value]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<xmax>10</xmax>", "<xmax>ten</xmax>", r"a\.xml, line 6 has no number"),
        ("<xmax>10</xmax>", "<xmax>1</xmax>", r"a\.xml, line 6 has a box that ends"),
        ("<ymin>4</ymin>", "", r"a\.xml, line 6 has no number"),
        ("<name>tree</name>", "", r"a\.xml, line 4 is an object without"),
        ("</object>\n</annotation>", "</annotation>", r"a\.xml, line 12 is not valid XML: mismatched"),
        ("annotation>", "note>", r"a\.xml, line 1 is no VOC"),
        ("<annotation>\n", '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n<annotation>\n', r"a\.xml, line 1 declares a document type"),
    ],
)
def test_broken_voc_files_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in mini.VOC
    with pytest.raises(PoolError, match=message):
        read_voc(mini.voc(tmp_path, mini.VOC.replace(old, new)))


def test_an_entity_bomb_costs_nothing(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE b [<!ENTITY a "ha">' + "".join(f'<!ENTITY {to} "{f"&{of};" * 10}">' for of, to in zip("abcdefgh", "bcdefghi", strict=True)) + "]>"
    with pytest.raises(PoolError, match="declares a document type"):
        read_voc(mini.voc(tmp_path, bomb + mini.VOC.replace("tree", "&i;")))


def test_voc_classes_and_pictures_that_are_not_there(tmp_path: Path) -> None:
    mini.voc(tmp_path)
    with pytest.raises(PoolError, match=r"a\.xml, line 4 names a class"):
        read_voc(tmp_path, classes=["boat"])
    (tmp_path / "Annotations" / "gone.xml").write_text(mini.VOC)
    with pytest.raises(PoolError, match=r"gone\.xml is about a picture"):
        read_voc(tmp_path)


def test_yolo_shares_become_pixels_and_an_empty_file_says_nothing_is_there(tmp_path: Path) -> None:
    found = read_yolo(mini.yolo(tmp_path))
    assert found.values["a.png"][0] == {"box": [0.0, 0.0, 24.0, 16.0], "label": "boat"}
    assert found.values["a.png"][1]["box"] == pytest.approx([2.0, 3.0, 10.0, 9.0], abs=1e-4) and found.values["a.png"][1]["label"] == "tree"
    assert found.values["empty.png"] == [] and "unasked.png" not in found.values


def test_yolo_round_trip(tmp_path: Path, boxes: AnnotatedSet) -> None:
    write_yolo(tmp_path, boxes)
    again = read_yolo(tmp_path)
    assert again.classes == boxes.classes and again.values.keys() == boxes.values.keys()
    for item, value in boxes.values.items():
        assert [one["label"] for one in again.values[item]] == [one["label"] for one in value]
        assert [one["box"] for one in again.values[item]] == [pytest.approx(one["box"], abs=1e-9) for one in value]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 0.1", "another number of cells"),
        ("7 0.5 0.5 0.1 0.1", "class that there is no name for"),
        ("tree 0.5 0.5 0.1 0.1", "class that there is no name for"),
        ("2 0.5 x 0.1 0.1", "no number"),
        ("2 0.5 nan 0.1 0.1", "no number"),
        ("2 12 8 3 3", "outside the picture"),
        ("2 0.5 0.5 0 0.1", "without size"),
    ],
)
def test_broken_yolo_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(PoolError, match=r"a\.txt, line 2 has .*" + message):
        read_yolo(mini.yolo(tmp_path, line))


@pytest.mark.parametrize(
    "content",
    [
        "names: [boat, 'man & dog', tree]\n",
        "path: x\nnames:\n  0: boat\n  1: 'man & dog'\n  2: tree\nnc: 3\n",
        'names:\n- boat\n# a word\n- "man & dog"\n- tree # last\n',
    ],
)
def test_yolo_class_names_from_yaml(tmp_path: Path, content: str) -> None:
    (mini.yolo(tmp_path) / "classes.txt").unlink()
    (tmp_path / "data.yaml").write_text(content)
    assert read_yolo(tmp_path).classes == mini.CLASSES


@pytest.mark.parametrize(
    ("content", "message"),
    [("nc: 3\n", "has no names"), ("names:\n  0: boat\n  2: tree\n", "line 3 is no class name"), ("names: [a, a]\n", "line 1 does not name")],
)
def test_broken_yolo_class_names(tmp_path: Path, content: str, message: str) -> None:
    (mini.yolo(tmp_path) / "classes.txt").unlink()
    (tmp_path / "data.yaml").write_text(content)
    with pytest.raises(PoolError, match=r"data\.yaml.*" + message):
        read_yolo(tmp_path)


def test_class_maps_and_their_round_trip(tmp_path: Path) -> None:
    found = read_png_masks(mini.masks(tmp_path))
    value = found.values["a.png"]
    assert value["size"] == [16, 24] and sum(length for _, length in value["runs"]) == 16 * 24
    assert value["runs"][:3] == [["boat", 3 * 24 + 2], [None, 8], ["boat", 16]] and ["tree", 8] in value["runs"]
    write_png_masks(tmp_path, found, masks="again")
    assert read_png_masks(tmp_path, masks="again").values == found.values


def test_broken_masks_are_named(tmp_path: Path, picture: Callable[..., Path]) -> None:
    with pytest.raises(PoolError, match=r"a\.png, row 6 has a value without a class; got 9 at column 7"):
        read_png_masks(mini.masks(tmp_path, spoil=9))
    picture(tmp_path / "masks" / "a.png", 0)
    with pytest.raises(PoolError, match=r"a\.png is no class-index mask"):
        read_png_masks(tmp_path)
    picture(tmp_path / "masks" / "a.png", 0, mode="L", size=(5, 5))
    with pytest.raises(PoolError, match="another size than its picture"):
        read_png_masks(tmp_path)
    (tmp_path / "masks" / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(PoolError, match=r"cannot read the mask .*a\.png"):
        read_png_masks(tmp_path)
    (tmp_path / "classes.txt").write_text("boat\n\ntree\n")
    with pytest.raises(PoolError, match=r"classes\.txt, line 2 is empty"):
        read_png_masks(tmp_path)


def test_writers_refuse_what_the_format_cannot_hold(tmp_path: Path, boxes: AnnotatedSet) -> None:
    with pytest.raises(UsageError, match="cannot hold"):
        write_png_masks(tmp_path, boxes)
    with pytest.raises(UsageError, match="not in the list; got tree"):
        write_voc(tmp_path, replace(boxes, classes=("boat", "man & dog")))
    with pytest.raises(UsageError, match="cannot be written"):
        write_yolo(tmp_path, replace(boxes, values={"a.png": "tree"}))
    with pytest.raises(UsageError, match="hold no such labels"):
        read_coco(tmp_path / "x.json", tmp_path, kind="dense")


def test_two_pictures_of_one_name_are_refused(tmp_path: Path, picture: Callable[..., Path]) -> None:
    picture(mini.voc(tmp_path) / "JPEGImages" / "a.jpg", 1)
    with pytest.raises(PoolError, match="nothing but their ending"):
        read_voc(tmp_path)


def test_what_is_read_may_be_trained_on(tmp_path: Path, boxes: AnnotatedSet) -> None:
    assert np.shape(boxes.pool.load("a.png")) == (16, 24, 3)
    assert json.loads(json.dumps(boxes.values)) == boxes.values


def test_values_are_those_of_the_label_spaces(tmp_path: Path) -> None:
    images = mini.pictures(tmp_path / "images")
    sets = [read_coco(mini.coco(tmp_path / "x.json"), images, kind=kind) for kind in ("detection", "instance")]
    sets += [read_voc(mini.voc(tmp_path / "voc")), read_yolo(mini.yolo(tmp_path / "yolo")), read_png_masks(mini.masks(tmp_path / "masks"))]
    for found in sets:
        for item, value in found.values.items():
            said = found.space.decode(found.space.encode(found.space.validate(item, value)))
            assert said == found.space.validate(item, value)
            assert [one["label"] for one in said] == [one["label"] for one in value] if found.kind != "dense" else said == value


def test_a_project_of_a_labelled_set_writes_what_it_read(tmp_path: Path) -> None:
    found = read_coco(mini.coco(tmp_path / "x.json"), mini.pictures(tmp_path / "images"))
    project = Project.create(":memory:", pool=found.pool, task=found.space, method="random")
    assert not project.tell_many(found.values, by="coco", provenance="imported").errors
    write_coco(tmp_path / "out.json", replace(found, values=project.labels()))
    assert read_coco(tmp_path / "out.json", tmp_path / "images").values == found.values
