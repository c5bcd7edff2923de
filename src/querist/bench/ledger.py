"""What was measured, one JSON object a line, appended as it happens: killed at any point, the same call goes on behind the last whole line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from querist.bench.runs import write_atomically
from querist.core.errors import UsageError
from querist.core.spec import canonical_json, digest

Row = Mapping[str, Any]


class Ledger:
    """Measured rows by key.

    Args:
        file: Where they are kept, or None to keep them in memory only.
        settings: What decides a row beside its key. A file of other settings is refused.

    Raises:
        UsageError: if the file holds rows made with other settings.
    """

    def __init__(self, file: Path | None, settings: Mapping[str, Any]) -> None:
        self._file = file
        self.rows: dict[str, Row] = {}
        head: dict[str, Any] = {"settings": json.loads(canonical_json(settings)), "sha256": digest(settings)}
        found = [] if file is None else _whole_lines(file)
        if found and found[0].get("sha256") != head["sha256"]:
            there, here = found[0].get("settings", {}), head["settings"]
            other = sorted(key for key in {*there, *here} if there.get(key) != here.get(key))
            raise UsageError(f"the file {file} holds measurements made with other settings", got=", ".join(other), hint="Choose another file with --out.")
        self.rows = {str(row["key"]): row for row in found[1:]}
        self.before = len(self.rows)
        if file is not None:  # written anew, so that a line cut off by a kill does not spoil the next
            write_atomically(file, "".join(json.dumps(row) + "\n" for row in [head, *found[1:]]))

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def __getitem__(self, key: str) -> Row:
        return self.rows[key]

    def add(self, key: str, row: Row) -> Row:
        """Keep a row; it is on disk when this returns."""
        kept = {"key": key, **row}
        self.rows[key] = kept
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(kept, allow_nan=False) + "\n")
                lines.flush()
                os.fsync(lines.fileno())
        return kept


def _whole_lines(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return []
    rows = []
    for line in text.splitlines(keepends=True):
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
        if not line.endswith("\n"):
            break
    return rows
