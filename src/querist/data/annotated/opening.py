"""An annotation format by what is there: a COCO file, or a folder of XML, text or PNG files beside the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from querist.core.errors import PoolError, UsageError
from querist.data.annotated.coco import read_coco
from querist.data.annotated.found import AnnotatedSet
from querist.data.annotated.png_masks import read_png_masks
from querist.data.annotated.voc import read_voc
from querist.data.annotated.yolo import read_yolo

KINDS = ("detection", "instance", "dense")
"""Task kinds that have such formats."""


def annotated(path: str | Path) -> bool:
    """Whether annotations lie in a file or folder of these, and not in a table."""
    return Path(path).is_dir() or Path(path).suffix.lower() == ".json"


def read_annotated(path: str | Path, images: str | Path, *, kind: str, classes: Sequence[str] | None = None) -> AnnotatedSet:
    """What is said of the pictures of a folder.

    Args:
        path: For boxes and masks of objects a COCO file (`.json`); for boxes also a folder of XML files (VOC) or of text files (YOLO, with
            `classes.txt` or `data.yaml` in it or beside it); for class maps a folder of PNG files, with `classes.txt` likewise.
        images: The folder of pictures.
        kind: Task kind.
        classes: Class names in order, instead of those of the format.

    Raises:
        UsageError: for a kind without such a format.
        PoolError: for a place without files of a format of the kind, or a broken file; the message names it.
    """
    there, pictures = Path(path).absolute(), str(Path(images).absolute())
    if kind not in KINDS:
        raise UsageError(f"annotations of the kind {kind} are read from a table", got=str(path), wanted="a table with columns id and label")
    if there.suffix.lower() == ".json" and kind in ("detection", "instance"):
        return read_coco(there, pictures, kind=kind)
    suffixes = {file.suffix.lower() for file in there.rglob("*") if file.is_file() and file.name != "classes.txt"} if there.is_dir() else set()
    home = str(there if any((there / name).is_file() for name in ("classes.txt", "data.yaml")) else there.parent)
    if kind == "detection" and ".xml" in suffixes:
        return read_voc(home, images=pictures, annotations=str(there), classes=classes)
    if kind == "detection" and ".txt" in suffixes:
        return read_yolo(home, images=pictures, labels=str(there), classes=classes)
    if kind == "dense" and ".png" in suffixes:
        return read_png_masks(home, images=pictures, masks=str(there), classes=classes)
    wanted = {"detection": "a COCO file, a folder of XML files (VOC) or of text files (YOLO)", "instance": "a COCO file", "dense": "a folder of PNG masks"}
    raise PoolError(f"there are no annotations of the kind {kind}", got=str(path), wanted=wanted[kind])
