"""A folder that is written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from querist.core.errors import StoreError


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write into; it becomes `out` at the end, and is gone if anything fails.

    Raises:
        StoreError: if there is something already, or an earlier one was cut off; that one is left as it is.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StoreError("there is something already", got=str(out), wanted="a new or empty folder")
    part = out.with_name(f".{out.name}.part")
    try:
        part.mkdir(parents=True)
        yield part
        if out.exists():
            out.rmdir()
        part.replace(out)
    except FileExistsError as error:
        raise StoreError("an earlier export was cut off here", got=str(part), hint="Remove that folder.") from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
