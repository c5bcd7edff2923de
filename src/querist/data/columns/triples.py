"""Triples of a knowledge graph: head, relation and tail a line, with tabs between them, as FB15k, WN18 and their successors come.

Reference:
    Bordes et al. 2013, Translating Embeddings for Modeling Multi-relational Data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError


@dataclass(frozen=True)
class Triples:
    """A graph.

    Attributes:
        entities: Names of the nodes, sorted.
        relations: Names of the kinds of edges, sorted.
        rows: (n, 3) int64: positions of head, relation and tail, in the order of the files.
        parts: Rows of each file, by its name: (first, one behind the last).
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    rows: NDArray[np.int64]
    parts: Mapping[str, tuple[int, int]]

    def part(self, name: str) -> NDArray[np.int64]:
        """The rows (m, 3) of one file."""
        first, last = self.parts[name]
        return self.rows[first:last]


def read_triples(*paths: str | Path) -> Triples:
    """One graph out of one or more files (train, valid, test); its names are those of all of them.

    Raises:
        PoolError: naming the line that is no triple, or if nothing is there.
    """
    named: list[tuple[str, str, str]] = []
    parts: dict[str, tuple[int, int]] = {}
    for path in map(Path, paths):
        first = len(named)
        named += _read(path)
        parts[path.stem] = (first, len(named))
    if not named:
        raise PoolError("there are no triples", got=", ".join(map(str, paths)), wanted="files with head, relation and tail a line")
    entities = tuple(sorted({name for head, _, tail in named for name in (head, tail)}))
    relations = tuple(sorted({relation for _, relation, _ in named}))
    node, edge = ({name: place for place, name in enumerate(names)} for names in (entities, relations))
    rows = np.array([(node[head], edge[relation], node[tail]) for head, relation, tail in named], dtype=np.int64)
    return Triples(entities, relations, rows, parts)


def write_triples(path: str | Path, triples: Triples, part: str | None = None) -> None:
    """A line per triple, of one part or of all."""
    rows = triples.rows if part is None else triples.part(part)
    lines = (f"{triples.entities[head]}\t{triples.relations[relation]}\t{triples.entities[tail]}\n" for head, relation, tail in rows.tolist())
    Path(path).write_text("".join(lines), encoding="utf-8")


def questions(rows: NDArray[np.int64], entities: Sequence[str]) -> dict[tuple[int, int], list[str]]:
    """(head, relation) → names of all its tails, once each and sorted: the multi-triples that a query asks for. In the order of first mention."""
    found: dict[tuple[int, int], set[int]] = {}
    for head, relation, tail in rows.tolist():
        found.setdefault((head, relation), set()).add(tail)
    return {question: sorted(entities[tail] for tail in tails) for question, tails in found.items()}


def _read(path: Path) -> list[tuple[str, str, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PoolError(f"{path} cannot be read: {error}", wanted="a text file of triples in UTF-8") from error
    found = []
    for number, line in enumerate(lines, 1):
        cells = tuple(cell.strip() for cell in (line.split("\t") if "\t" in line else line.split()))
        if not any(cells):
            continue
        if len(cells) != 3 or not all(cells):
            raise PoolError(f"{path}, line {number} is no triple", got=line[:80], wanted="head, relation and tail with tabs between them")
        found.append((cells[0], cells[1], cells[2]))
    return found
