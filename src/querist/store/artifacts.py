"""Files beside the project, by the SHA-256 of their content. Written under another name first, so a name means a whole file."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from querist.core.errors import StoreError

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Artifacts:
    """A folder of content-addressed files (`objects/`) and the work folders of rounds (`rounds/`).

    Attributes:
        root: The folder; made when first written to.
        durable: Wait for the disk. False for what is lost with the process anyway.
    """

    root: Path
    durable: bool = True

    def put(self, content: bytes) -> str:
        """Keep the content; returns its hash. The same content twice is kept once."""
        name = hashlib.sha256(content).hexdigest()
        target = self._path(name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as part:
                part.write(content)
                self._to_disk(part.fileno())
            self._rename(Path(part.name), target)
        return name

    def put_file(self, path: Path) -> str:
        """Keep a file, linked where the file system can, else copied; returns its hash. The file must not change afterwards."""
        name = file_hash(path)
        target = self._path(name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.parent / f".part-{os.getpid()}-{name}"
            _link(path, part)
            with part.open("rb") as stream:
                self._to_disk(stream.fileno())
            self._rename(part, target)
        return name

    def get(self, name: str) -> Path:
        """The file with this hash.

        Raises:
            StoreError: if it is not there.
        """
        path = self._path(name)
        if not path.exists():
            raise StoreError("an artifact is missing", got=str(path), hint="Was the folder beside the project moved or cleaned?")
        return path

    def remove(self, name: str) -> None:
        """Forget the file with this hash, if it is there."""
        self._path(name).unlink(missing_ok=True)

    def keep(self, folder: Path) -> dict[str, str]:
        """Keep every file of a folder; returns name (POSIX, relative) → hash."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): self.put_file(path) for path in paths}

    def restore(self, files: Mapping[str, str], folder: Path) -> None:
        """The inverse of `keep`: put the files that are missing in the folder back."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in files.items():
            target = folder / name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(self.get(digest), target)

    def workdir(self, n: int, *, fresh: bool) -> Path:
        """The work folder of a round, emptied if fresh, else as a crash left it."""
        folder = self.round_folder(n)
        if fresh and folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def round_folder(self, n: int) -> Path:
        """Where the work folder of a round is."""
        return self.root / "rounds" / f"{n:05d}"

    def _path(self, name: str) -> Path:
        return self.root / "objects" / name[:2] / name

    def _to_disk(self, descriptor: int) -> None:
        if self.durable:
            os.fsync(descriptor)

    def _rename(self, part: Path, target: Path) -> None:
        part.replace(target)
        if self.durable:
            sync_folder(target.parent)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames inside the folder survive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:  # another disk, or a file system without links
        shutil.copy2(source, target)
