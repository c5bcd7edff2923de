"""Pictures of things, in fourteen kinds: the stamps of the drawing programme Tux Paint, as Debian packages them.

Photographs and drawings without background, put on white and padded to a square. The kinds are the folders of the package;
two of them with fewer than six stamps are left out, and so are stamps that mirror another one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError
from querist.core.optional import require
from querist.data.datasets.registry import Loaded, entry

_DEBIAN = "usr/share/tuxpaint/stamps"
_SIDE = 112  # what the packaged image encoder looks at
_CLASSES = (
    "animals", "clothes", "food", "hobbies", "household", "military", "people", "plants", "seasonal", "space", "sports", "symbols", "town", "vehicles",
)  # fmt: skip


def stamps(root: str | None) -> Loaded:
    """777 pictures of 112 × 112.

    Args:
        root: The folder of stamps, or one that the Debian package was unpacked into.
    """
    pictures = require("PIL.Image", by="the data set stamps")
    folder = _folder(root)
    found = [(path, place) for place, kind in enumerate(_CLASSES) for path in _stamps(folder / kind)]
    if not found:
        raise PoolError(f"there are no stamps in {folder}", wanted="folders of .png files: " + ", ".join(_CLASSES), hint=f"{entry('stamps').get}.")
    return Loaded(np.stack([_read(pictures, path) for path, _ in found]), np.array([place for _, place in found]), _CLASSES)


def _folder(root: str | None) -> Path:
    given = Path(root or os.environ.get("QUERIST_STAMPS") or "/")
    folder = next((place for place in (given / _DEBIAN, given) if place.is_dir()), None)
    if folder is None or folder == Path("/"):
        raise PoolError(f"the stamps of Tux Paint are not in {given / _DEBIAN}", hint=f"{entry('stamps').get}.")
    return folder


def _stamps(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.png") if not path.stem.endswith(("_mirror", "_flip")))


def _read(pictures: Any, path: Path) -> NDArray[np.uint8]:
    try:
        with pictures.open(path) as file:
            image = file.convert("RGBA")
    except OSError as error:
        raise PoolError(f"{path} cannot be read: {error}", wanted="a PNG picture") from error
    image.thumbnail((_SIDE, _SIDE), pictures.Resampling.BOX if max(image.size) > 8 * _SIDE else pictures.Resampling.BILINEAR)
    square = pictures.new("RGBA", (_SIDE, _SIDE), "white")
    square.alpha_composite(image, ((_SIDE - image.width) // 2, (_SIDE - image.height) // 2))
    return np.asarray(square.convert("RGB"), dtype=np.uint8)
