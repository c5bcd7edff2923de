"""Class maps as PNG files: the grey value, or the place in the palette, is the class; 255 is not labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError, UsageError
from querist.core.optional import require
from querist.data.annotated.found import AnnotatedSet, by_stem, class_lines, of_kind, size_of, without_suffix
from querist.data.annotated.masks import map_of, map_value
from querist.data.folders import FolderPool

UNLABELLED: Final = 255


def read_png_masks(root: str | Path, *, images: str = "images", masks: str = "masks", classes: Sequence[str] | None = None) -> AnnotatedSet:
    """Pictures and their class maps; VOC's folders are `images="JPEGImages", masks="SegmentationClass"`.

    Args:
        root: The folder with the two below.
        images: Folder of pictures in it.
        masks: Folder of PNG files in it, of the pictures' names.
        classes: Class names, the first for the value 0; by default the lines of `classes.txt` in the root.

    Raises:
        PoolError: for a broken or coloured mask, one of another size than its picture, or a value without a class; the message names
            the file and the row of pixels.
    """
    names = tuple(classes) if classes is not None else class_lines(Path(root) / "classes.txt")
    pool, folder = FolderPool(str(Path(root) / images)), Path(root) / masks
    if not folder.is_dir():
        raise PoolError("there is no such folder", got=folder, wanted="a folder of PNG files")
    stems, by_index = by_stem(pool), {**dict(enumerate(names)), UNLABELLED: None}
    found: dict[str, Any] = {}
    for file in sorted(folder.rglob("*.png")):
        item = stems.get(without_suffix(file.relative_to(folder).as_posix()))
        if item is None:
            raise PoolError(f"{file} is the mask of a picture that is not there", wanted=f"a picture of that name in {pool.root}")
        indices = _indices(file)
        if indices.shape != size_of(pool, item):
            raise PoolError(f"{file} is of another size than its picture", got=indices.shape, wanted=size_of(pool, item))
        found[item] = map_value(_known(indices, by_index, file), by_index)
    return AnnotatedSet(pool, {item: found[item] for item in pool.ids() if item in found}, names, "dense")


def write_png_masks(root: str | Path, annotated: AnnotatedSet, *, masks: str = "masks") -> None:
    """Write `classes.txt` and one PNG with a palette for every labelled item; pictures are left where they are.

    Raises:
        UsageError: for labels of another kind, a class that is not in the list, or more than 255 classes.
    """
    of_kind(annotated, "dense")
    image_module = require("PIL.Image", by="writing PNG files")
    if len(annotated.classes) > UNLABELLED:
        raise UsageError("a PNG mask holds 255 classes at most", got=len(annotated.classes))
    places: dict[str | None, int] = {**{name: place for place, name in enumerate(annotated.classes)}, None: UNLABELLED}
    Path(root).mkdir(parents=True, exist_ok=True)
    (Path(root) / "classes.txt").write_text("".join(f"{name}\n" for name in annotated.classes), encoding="utf-8")
    for item, value in annotated.values.items():
        unknown = next((name for name, _ in value["runs"] if name not in places), None)
        if unknown is not None:
            raise UsageError(f"the value of item {item!r} has a class that is not in the list", got=unknown, wanted=", ".join(annotated.classes))
        image = image_module.fromarray(map_of(value, places).astype(np.uint8))
        image.putpalette(_palette())  # grey values become places in the palette
        file = Path(root) / masks / f"{without_suffix(item)}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file)


def _indices(file: Path) -> NDArray[np.int64]:
    image_module = require("PIL.Image", by="reading PNG files")
    try:
        with image_module.open(file) as image:
            image.load()
            mode, indices = image.mode, np.asarray(image)
    except Exception as error:  # decoders raise nearly anything on broken files
        raise PoolError(f"cannot read the mask {file}: {error}", wanted="a PNG file") from error
    if indices.ndim != 2 or mode == "1":
        raise PoolError(
            f"{file} is no class-index mask", got=f"mode {mode}", wanted="one value a pixel: grey or palette", hint="Convert colours to class numbers."
        )
    return indices.astype(np.int64)


def _known(indices: NDArray[np.int64], names: Mapping[int, str | None], file: Path) -> NDArray[np.int64]:
    bad = np.argwhere(~np.isin(indices, list(names)))
    if len(bad):
        row, column = bad[0].tolist()
        got = f"{indices[row, column]} at column {column + 1}"
        raise PoolError(f"{file}, row {row + 1} has a value without a class", got=got, wanted=f"0 to {len(names) - 2}, or {UNLABELLED}")
    return indices


def _palette() -> list[int]:
    """VOC's colours: the bits of the class number, spread over red, green and blue from the highest bit down."""
    colours = []
    for index in range(256):
        colour = [0, 0, 0]
        for bit in range(8):
            colour[bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
        colours += colour
    return colours
