"""COCO JSON: `images`, `annotations`, `categories`; boxes as x y w h, masks as polygons or run lengths, plain or packed.

Reference: Lin et al. 2014, "Microsoft COCO: Common Objects in Context", arXiv 1405.0312 (format: cocodataset.org, "Data format").
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.data.annotated.found import AnnotatedSet, boxes_of, number, of_kind, size_of, text_of
from querist.data.annotated.masks import counts_of, filled
from querist.data.folders import FolderPool
from querist.tasks.instance.rle import area, to_counts, to_mask

_MOST_PIXELS: Final = 1 << 28
"""Of a picture: masks of what a broken file calls its size would fill the memory."""


def read_coco(path: str | Path, images: str | Path, *, kind: str = "detection", crowds: bool = False) -> AnnotatedSet:
    """Pictures of a folder and the objects that a COCO file names on them.

    Args:
        path: The JSON file.
        images: Folder that `file_name` is relative to.
        kind: `detection`, or `instance` for masks too.
        crowds: Keep annotations that stand for a crowd (`iscrowd`), as objects like the others.

    Returns:
        Pictures that the file does not list are not labelled. Objects without area are left out and counted, crowds too.

    Raises:
        PoolError: for a broken file; the message names file and line, or the entry.
    """
    if kind not in ("detection", "instance"):
        raise UsageError("COCO files hold no such labels", got=kind, wanted="detection or instance")
    file = Path(path)
    content = _parsed(file)
    names = {_key(file, "categories", place, row, "id"): str(_key(file, "categories", place, row, "name")) for place, row in _rows(file, content, "categories")}
    pool = FolderPool(str(images))
    pictures: dict[Any, tuple[str, tuple[int, int]]] = {}
    for place, row in _rows(file, content, "images"):
        item, size = str(_key(file, "images", place, row, "file_name")), tuple(_whole(file, "images", place, row, key) for key in ("height", "width"))
        try:
            pool.file(item)
        except UnknownItemError as error:
            raise PoolError(f"{file}, images[{place}] names a picture that is not in {images}", got=item) from error
        if size[0] * size[1] > _MOST_PIXELS:
            raise PoolError(f"{file}, images[{place}] says that the picture is too large to be one", got=size, wanted=f"at most {_MOST_PIXELS} pixels")
        pictures[_key(file, "images", place, row, "id")] = item, (size[0], size[1])
    values: dict[str, list[dict[str, Any]]] = {item: [] for item, _ in pictures.values()}
    left: Counter[str] = Counter()
    for place, row in _rows(file, content, "annotations"):
        where = f"{file}, annotations[{place}]"
        picture, category = _key(file, "annotations", place, row, "image_id"), _key(file, "annotations", place, row, "category_id")
        if picture not in pictures or category not in names:
            raise PoolError(f"{where} is about an image or category that the file does not list", got=f"image {picture}, category {category}")
        found = _object(row, where, kind, pictures[picture][1])
        reason = "crowd" if row.get("iscrowd") and not crowds else "empty" if found is None else None
        if reason is None and found is not None:
            values[pictures[picture][0]].append({"box": found["box"], "label": names[category], **({"mask": found["mask"]} if kind == "instance" else {})})
        elif reason is not None:
            left[reason] += 1
    return AnnotatedSet(pool, values, tuple(names.values()), kind, dict(left))


def write_coco(path: str | Path, annotated: AnnotatedSet) -> None:
    """Write the objects of every labelled item; masks as plain run lengths. `file_name` is the item's id.

    Raises:
        UsageError: for labels of another kind, or a class that is not in the list.
    """
    of_kind(annotated, "detection", "instance")
    keys = ("box", "label", "mask") if annotated.kind == "instance" else ("box", "label")
    images: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for picture, item in enumerate(annotated.values, 1):
        h, w = size_of(annotated.pool, item)
        images.append({"id": picture, "file_name": item, "height": h, "width": w})
        for one in boxes_of(item, annotated.values[item], annotated.classes, keys):
            x1, y1, x2, y2 = one["box"]
            row: dict[str, Any] = {"id": len(rows) + 1, "image_id": picture, "category_id": annotated.classes.index(one["label"]) + 1, "iscrowd": 0}
            row |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
            if annotated.kind == "instance":
                row |= {"segmentation": dict(one["mask"]), "area": area(one["mask"])}
            rows.append(row)
    categories = [{"id": place, "name": name} for place, name in enumerate(annotated.classes, 1)]
    Path(path).write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}), encoding="utf-8")


def _parsed(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(text_of(file))
    except json.JSONDecodeError as error:
        raise PoolError(f"{file}, line {error.lineno} is not valid JSON: {error.msg} at column {error.colno}", wanted="a COCO file") from error
    except RecursionError as error:
        raise PoolError(f"{file} is nested too deeply", wanted="a COCO file") from error
    if not isinstance(content, dict):
        raise PoolError(f"{file} is no COCO file", got=type(content).__name__, wanted="an object with images, annotations, categories")
    return content


def _rows(file: Path, content: Mapping[str, Any], name: str) -> list[tuple[int, Mapping[str, Any]]]:
    rows = content.get(name)
    if not isinstance(rows, list):
        raise PoolError(f"{file} has no list {name!r}", got=", ".join(map(str, content)), wanted="images, annotations, categories")
    odd = next((place for place, row in enumerate(rows) if not isinstance(row, dict)), None)
    if odd is not None:
        raise PoolError(f"{file}, {name}[{odd}] is no object", got=repr(rows[odd]))
    return list(enumerate(rows))


def _key(file: Path, name: str, place: int, row: Mapping[str, Any], key: str) -> Any:
    value = row.get(key)
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise PoolError(f"{file}, {name}[{place}] has no usable {key!r}", got=repr(value), wanted="a whole number or a text")
    return value


def _whole(file: Path, name: str, place: int, row: Mapping[str, Any], key: str) -> int:
    value = _key(file, name, place, row, key)
    if not isinstance(value, int) or not 0 < value <= 1 << 20:
        raise PoolError(f"{file}, {name}[{place}] has no usable {key!r}", got=repr(value), wanted="a whole number of pixels")
    return value


def _object(row: Mapping[str, Any], where: str, kind: str, size: tuple[int, int]) -> dict[str, Any] | None:
    """Box and, for instances, mask; None without area."""
    box = row.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise PoolError(f"{where} has no usable 'bbox'", got=repr(box), wanted="[x, y, width, height]")
    x, y, w, h = (number(part, where) for part in box)
    if w < 0 or h < 0:
        raise PoolError(f"{where} has a box of negative size", got=box, wanted="[x, y, width, height]")
    if not w or not h:
        return None  # the published files have a few of these
    value: dict[str, Any] = {"box": [x, y, x + w, y + h]}
    if kind == "instance":
        value["mask"] = _mask(row.get("segmentation"), where, size)
    return value


def _mask(segmentation: Any, where: str, size: tuple[int, int]) -> dict[str, Any]:
    if isinstance(segmentation, list) and segmentation:
        return to_counts(filled([_polygon(one, where) for one in segmentation], size))
    if not isinstance(segmentation, dict):
        raise PoolError(f"{where} has no usable 'segmentation'", got=repr(segmentation), wanted="polygons or run lengths")
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        counts = counts_of(counts, where)
    if not isinstance(counts, list) or not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
        raise PoolError(f"{where} has no usable run lengths", got=repr(counts), wanted="whole numbers")
    if segmentation.get("size") != list(size) or sum(counts) != size[0] * size[1]:
        got = f"size {segmentation.get('size')}, {sum(counts)} pixels"
        raise PoolError(f"{where} has run lengths that do not fit the picture", got=got, wanted=f"size {list(size)}, {size[0] * size[1]} pixels")
    return to_counts(to_mask({"size": size, "counts": counts}))  # in the one form that equal masks share


def _polygon(corners: Any, where: str) -> Sequence[float]:
    if not isinstance(corners, list) or len(corners) < 6 or len(corners) % 2:
        raise PoolError(f"{where} has a polygon that is none", got=repr(corners), wanted="x1, y1, x2, y2, … of at least three corners")
    return [number(corner, where) for corner in corners]
