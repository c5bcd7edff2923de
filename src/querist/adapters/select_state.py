"""The file beside an output from which an interrupted selection goes on: numbers and texts, nothing that is unpickled."""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from querist.core.errors import StoreError, UsageError
from querist.kernels.budget import State

EVERY: Final = 10.0
"""Seconds between two writings."""


def digest(files: Mapping[str, str], asked: Mapping[str, Any]) -> str:
    """SHA-256 of the contents of files by name and of JSON-ready parameters: what a selection depends on.

    Raises:
        OSError: if a file cannot be read.
    """
    contents = {}
    for name, file in files.items():
        with Path(file).open("rb") as stream:
            contents[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return hashlib.sha256(json.dumps([contents, dict(asked)], sort_keys=True, default=str).encode()).hexdigest()


class Kept:
    """Keeps the last state of a selection, and writes it at most every `EVERY` seconds.

    Args:
        file: The state file.
        identity: Digest of inputs and parameters; asked for once, when something is written or read, since it reads all inputs.
    """

    def __init__(self, file: Path, identity: Callable[[], str]) -> None:
        self.file, self._make = file, identity
        self._identity: str | None = None
        self._last: State | None = None
        self._written = time.monotonic()

    def __call__(self, state: State) -> None:
        """Take a state, and write it if the last writing is long ago."""
        self._last = state
        if time.monotonic() - self._written >= EVERY:
            self.flush()

    def flush(self) -> int:
        """Write the last state, whole or not at all; returns how many picks are in the file, 0 if there is no file.

        Raises:
            StoreError: if it cannot be written.
        """
        if self._last is None:
            return 0
        state = self._last
        arrays: dict[str, Any] = {f"extra.{name}": value for name, value in state.extra.items() if isinstance(value, np.ndarray)}
        plain = {name: value for name, value in state.extra.items() if f"extra.{name}" not in arrays}
        about = {"digest": self.identity(), "kernel": state.kernel, "size": state.size, "call": state.call, "extra": plain}
        part = self.file.with_name(f".{self.file.name}.part")
        try:
            with part.open("wb") as stream:
                picks, values = np.asarray(state.picks, dtype=np.int64), np.asarray(state.values, dtype=np.float64)
                np.savez(stream, about=np.array(json.dumps(about)), picks=picks, values=values, **arrays)
            part.replace(self.file)
        except OSError as error:
            raise StoreError(f"cannot write {self.file}: {error}", hint="Does the folder exist, and may you write there?") from error
        finally:
            part.unlink(missing_ok=True)
        self._written = time.monotonic()
        return len(state.picks)

    def identity(self) -> str:
        """The digest."""
        if self._identity is None:
            self._identity = self._make()
        return self._identity

    def read(self) -> State | None:
        """The state in the file, None if there is no file.

        Raises:
            UsageError: if it is no state file, or one of other inputs or parameters.
        """
        if not self.file.exists():
            return None
        hint = "Give the inputs and parameters of the interrupted command, or leave out --resume to start anew."
        try:
            with self.file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
                about = json.loads(str(found["about"]))
                arrays = {name.removeprefix("extra."): found[name] for name in found.files if name.startswith("extra.")}
                picks, values = tuple(found["picks"].tolist()), tuple(found["values"].tolist())
                same = about["digest"] == self.identity()
                state = State(about["kernel"], about["size"], picks, values, about["extra"] | arrays, about["call"])
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise UsageError(
                f"{self.file} is no state of a selection", got=type(error).__name__, wanted="what an interrupted select wrote", hint=hint
            ) from None
        if not same:
            raise UsageError(f"{self.file} is the state of another selection", got="other inputs or parameters", wanted="the same command", hint=hint)
        self._last = state
        return state

    def forget(self) -> None:
        """Remove the file: the selection is done."""
        self.file.unlink(missing_ok=True)


def given(files: Iterable[Mapping[str, str | None]]) -> dict[str, str]:
    """The files that were named, by what they hold."""
    return {name: file for group in files for name, file in group.items() if file is not None}
