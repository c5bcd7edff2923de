"""YOLO text files: `labels/NAME.txt` beside `images/NAME.jpg`, a line an object: class, centre x y, width, height as shares of the picture.

Class names stand in `classes.txt` (one a line) or under `names` in `data.yaml`.

Reference: Redmon et al. 2016, "You Only Look Once", arXiv 1506.02640 (format of its Darknet code).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from querist.core.errors import PoolError
from querist.data.annotated.found import AnnotatedSet, boxes_of, by_stem, class_lines, number, of_kind, size_of, text_of, without_suffix
from querist.data.folders import FolderPool

_SLACK = 1e-4
"""How far a box may stick out of the picture: tools write six digits."""


def read_yolo(root: str | Path, *, images: str = "images", labels: str = "labels", classes: Sequence[str] | None = None) -> AnnotatedSet:
    """Pictures and boxes of a folder in YOLO's layout.

    Args:
        root: The folder with the two below and the class names.
        images: Folder of pictures in it.
        labels: Folder of text files in it, of the pictures' names.
        classes: Class names in order, instead of those in `classes.txt` or `data.yaml`.

    Returns:
        An empty text file says that nothing is on the picture; a picture without a text file is not labelled.

    Raises:
        PoolError: for a broken file; the message names file and line.
    """
    names = tuple(classes) if classes is not None else _names(Path(root))
    pool, folder = FolderPool(str(Path(root) / images)), Path(root) / labels
    if not folder.is_dir():
        raise PoolError("there is no such folder", got=folder, wanted="a folder of text files")
    stems = by_stem(pool)
    found: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(folder.rglob("*.txt")):
        if file.name == "classes.txt":
            continue
        item = stems.get(without_suffix(file.relative_to(folder).as_posix()))
        if item is None:
            raise PoolError(f"{file} is about a picture that is not there", wanted=f"a picture of that name in {pool.root}")
        h, w = size_of(pool, item)
        lines = enumerate(text_of(file).splitlines(), 1)
        found[item] = [_object(line.split(), f"{file}, line {place}", names, h, w) for place, line in lines if line.strip()]
    return AnnotatedSet(pool, {item: found[item] for item in pool.ids() if item in found}, names, "detection")


def write_yolo(root: str | Path, annotated: AnnotatedSet, *, labels: str = "labels") -> None:
    """Write `classes.txt` and one text file for every labelled item; pictures are left where they are.

    Raises:
        UsageError: for labels of another kind, or a class that is not in the list.
    """
    of_kind(annotated, "detection")
    Path(root).mkdir(parents=True, exist_ok=True)
    (Path(root) / "classes.txt").write_text("".join(f"{name}\n" for name in annotated.classes), encoding="utf-8")
    for item, value in annotated.values.items():
        h, w = size_of(annotated.pool, item)
        lines = []
        for one in boxes_of(item, value, annotated.classes):
            x1, y1, x2, y2 = one["box"]
            shares = ((x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h)
            lines.append(f"{annotated.classes.index(one['label'])} " + " ".join(map(repr, map(float, shares))) + "\n")
        file = Path(root) / labels / f"{without_suffix(item)}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(lines), encoding="utf-8")


def _object(cells: list[str], where: str, names: Sequence[str], h: int, w: int) -> dict[str, Any]:
    if len(cells) != 5:
        raise PoolError(f"{where} has another number of cells than a box", got=len(cells), wanted="class x y width height")
    if not cells[0].isascii() or not cells[0].isdigit() or int(cells[0]) >= len(names):
        raise PoolError(f"{where} has a class that there is no name for", got=cells[0], wanted=f"0 to {len(names) - 1}")
    x, y, width, height = (number(cell, where) for cell in cells[1:])
    edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if width <= 0 or height <= 0 or min(edges) < -_SLACK or max(edges) > 1 + _SLACK:
        raise PoolError(f"{where} has a box without size or outside the picture", got=" ".join(cells[1:]), wanted="shares of the picture's width and height")
    return {"box": [edges[0] * w, edges[1] * h, edges[2] * w, edges[3] * h], "label": names[int(cells[0])]}


def _names(root: Path) -> tuple[str, ...]:
    for place in (root / "classes.txt", root / "labels" / "classes.txt"):
        if place.is_file():
            return class_lines(place)
    file = next((root / name for name in ("data.yaml", "data.yml") if (root / name).is_file()), None)
    if file is None:
        raise PoolError(f"nothing in {root} names the classes", wanted="classes.txt or data.yaml", hint="Or name them with classes=.")
    return _from_yaml(file)


def _from_yaml(file: Path) -> tuple[str, ...]:
    """The value of `names`: a list in brackets, or one name a line behind `-` or `0:`. No other part of YAML is read."""
    lines = text_of(file).splitlines()
    start = next((place for place, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        raise PoolError(f"{file} has no names", wanted="names: [first, second]")
    inline = re.match(r"names\s*:\s*\[(.*)\]\s*(#.*)?$", lines[start])
    if inline:
        found = [_unquoted(name) for name in inline[1].split(",")]
    else:
        found = []
        for place, line in enumerate(lines[start + 1 :], start + 2):
            if line.strip() and not line.startswith((" ", "-", "\t", "#")):
                break
            entry = re.match(r"\s*(?:-|(\d+)\s*:)\s*(.+?)\s*(?:\s#.*)?$", line)
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if entry is None or (entry[1] is not None and int(entry[1]) != len(found)):
                raise PoolError(f"{file}, line {place} is no class name", got=line.strip(), wanted=f"'- name' or '{len(found)}: name'")
            found.append(_unquoted(entry[2]))
    if not found or not all(found) or len(set(found)) < len(found):
        raise PoolError(f"{file}, line {start + 1} does not name the classes", got=", ".join(found) or "nothing", wanted="distinct names")
    return tuple(found)


def _unquoted(name: str) -> str:
    name = name.strip()
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name
