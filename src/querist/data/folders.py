"""A folder of pictures as a pool. Ids are POSIX paths relative to the folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.core.order import canonical
from querist.data.images import EXTENSIONS, image_size, is_image_name, read_image


@dataclass(frozen=True)
class FolderPool:
    """Pictures under a folder and its subfolders; hidden files and linked folders are left out.

    Listing reads directories only; a picture is decoded when it is loaded.

    Attributes:
        root: The folder.
    """

    root: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", os.fspath(self.root))

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        if not Path(self.root).is_dir():
            raise PoolError("there is no such folder", got=self.root, wanted="a folder of pictures")
        try:
            found = canonical(_walk(self.root, ""))
        except OSError as error:
            raise PoolError(f"cannot list the folder {error.filename}: {error.strerror}", hint="Make it readable or move it away.") from error
        if not found:
            raise PoolError(f"the folder {self.root} holds no pictures", wanted="files ending in " + " ".join(sorted(EXTENSIONS)))
        return tuple(found)

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def file(self, item_id: str) -> Path:
        """The file of an item; nothing outside the folder and nothing hidden ever is one.

        Raises:
            UnknownItemError: if there is no such file.
        """
        parts = item_id.split("/")
        path = Path(self.root, *parts)
        outside = any(part.startswith(".") or not part for part in parts) or (os.sep != "/" and os.sep in item_id)
        if outside or not is_image_name(item_id) or not path.is_file():
            raise UnknownItemError(f"there is no such picture in {self.root}", got=repr(item_id), wanted="a path relative to that folder")
        return path

    def load(self, item_id: str) -> NDArray[np.uint8]:
        """The pixels: (h, w) for grey pictures, else (h, w, 3). PoolError if the file is broken."""
        return read_image(self.file(item_id), item_id)

    def size(self, item_id: str) -> tuple[int, int]:
        """Height and width of the picture, from its header. PoolError if the file is broken."""
        return image_size(self.file(item_id), item_id)

    def fingerprint(self) -> str:
        """Hex digest of paths and sizes; times do not enter."""
        digest = hashlib.sha256()
        for item_id in self._ids:
            digest.update(f"{item_id}\0{_size(f'{self.root}/{item_id}')}\0".encode())
        return digest.hexdigest()

    def extend(self, items: Any = None) -> Sequence[str]:
        """Look into the folder again.

        Args:
            items: None or the folder itself.

        Returns:
            The ids that were not there before, in canonical order.
        """
        if items is not None and Path(items).resolve() != Path(self.root).resolve():
            raise UsageError("a folder pool grows by files put under its folder", got=items, wanted=self.root, hint="Copy the new files there first.")
        known = set(self._ids)
        del self.__dict__["_ids"]
        return tuple(item_id for item_id in self._ids if item_id not in known)


def _walk(folder: str, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as found:
        for item in found:
            if item.name.startswith("."):
                continue
            if item.is_dir(follow_symlinks=False):
                yield from _walk(item.path, f"{prefix}{item.name}/")
            elif is_image_name(item.name) and item.is_file():
                yield _checked(prefix + item.name)


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116 (a Path object each costs more than the call)
    except FileNotFoundError:
        return None


def _checked(item_id: str) -> str:
    try:
        item_id.encode()
    except UnicodeEncodeError as error:
        raise PoolError("a file name is not valid UTF-8", got=repr(item_id), hint="Rename the file.") from error
    return item_id
