"""Small sets in the true layouts of the tools' own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("boat", "man & dog", "tree")
BOXES: dict[str, list[dict[str, Any]]] = {
    "a.png": [{"box": [2.0, 3.0, 10.0, 9.0], "label": "tree"}, {"box": [0.0, 0.0, 24.0, 16.0], "label": "boat"}],
    "deep/b.jpg": [{"box": [5.0, 1.0, 8.0, 15.0], "label": "man & dog"}],
    "empty.png": [],
}
SPLIT = (16, 24)
"""Height and width of every picture."""


def pictures(folder: Path) -> Path:
    """Four pictures, one of which nobody labels."""
    for seed, name in enumerate((*BOXES, "unasked.png")):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*SPLIT, 3), dtype=np.uint8)).save(file)
    return folder


def coco(file: Path, **changes: Any) -> Path:
    """A COCO file about them, with category ids as far apart as the published ones; `changes` replace whole lists."""
    ids = {"boat": 9, "man & dog": 1, "tree": 64}
    images: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for picture, (name, value) in enumerate(BOXES.items(), 139):
        images.append({"id": picture, "file_name": name, "height": SPLIT[0], "width": SPLIT[1], "license": 1})
        for one in value:
            x1, y1, x2, y2 = one["box"]
            corners = [x1, y1, x2, y1, x2, y2, x1, y2]
            row = {"id": len(rows) + 7, "image_id": picture, "category_id": ids[one["label"]], "iscrowd": 0, "area": 1.0}
            rows.append({**row, "bbox": [x1, y1, x2 - x1, y2 - y1], "segmentation": [corners]})
    content = {"info": {}, "images": images, "annotations": rows, "categories": [{"id": number, "name": name} for name, number in ids.items()]}
    file.write_text(json.dumps(content | changes), encoding="utf-8")
    return file


VOC = """<annotation>
  <folder>VOC2012</folder><filename>a.png</filename>
  <size><width>24</width><height>16</height><depth>3</depth></size>
  <object>
    <name>tree</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>
    <bndbox><xmin>3</xmin><ymin>4</ymin><xmax>10</xmax><ymax>9</ymax></bndbox>
    <part><name>leaf</name><bndbox><xmin>4</xmin><ymin>5</ymin><xmax>6</xmax><ymax>7</ymax></bndbox></part>
  </object>
  <object>
    <name>man &amp; dog</name><difficult>1</difficult>
    <bndbox><xmin>1.5</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>
  </object>
</annotation>
"""


def voc(root: Path, content: str = VOC) -> Path:
    """VOC's folders with one annotated picture."""
    pictures(root / "JPEGImages")
    (root / "Annotations").mkdir()
    (root / "Annotations" / "a.xml").write_text(content, encoding="utf-8")
    return root


def yolo(root: Path, line: str = "2 0.25 0.375 0.333333 0.375") -> Path:
    """YOLO's folders with one annotated and one empty picture."""
    pictures(root / "images")
    (root / "labels").mkdir()
    (root / "labels" / "a.txt").write_text(f"0 0.5 0.5 1 1\n{line}\n", encoding="utf-8")
    (root / "labels" / "empty.txt").write_text("", encoding="utf-8")
    (root / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    return root


def masks(root: Path, spoil: int | None = None) -> Path:
    """VOC-like folders with one palette mask: background, a tree, a border that nobody labelled."""
    pictures(root / "images")
    (root / "masks").mkdir()
    indices = np.zeros(SPLIT, dtype=np.uint8)
    indices[3:9, 2:10] = 2
    indices[3, 2:10] = 255
    if spoil is not None:
        indices[5, 6] = spoil
    image = Image.fromarray(indices)
    image.putpalette(list(range(256)) * 3)
    image.save(root / "masks" / "a.png")
    (root / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    return root


def packed(counts: list[int]) -> str:
    """COCO's packing, from its description: differences to the count two before from the fourth on, five bits a sign, low bits first."""
    text = ""
    for place, count in enumerate(counts):
        left = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            bits = left & 31
            left >>= 5
            more = left != (-1 if bits & 16 else 0)
            text += chr((bits | (32 if more else 0)) + 48)
    return text
