"""Small knowledge graphs as queries (head, relation), each with all its tails.

The package `pykeen` ships them as text (`train.txt`, `valid.txt`, `test.txt`; head, relation and tail between tabs); it is found, not
imported. All three files are one graph here: whole queries are held out instead of single triples, so that the true tails of a query are
its answer and nothing else, which is what a filtered rank must leave out. A triple whose query is held out is not told by its reverse
either. Results are therefore not comparable with those on the published split.

Reference:
    Rummel 1999 and Denham 1973 (nations, kinships), McCray 2003 (UMLS), as published by Kok, Domingos 2007; multi-triples as queries:
    Ostapuk, Yang, Cudré-Mauroux 2019, ActiveLink.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError
from querist.data.columns.triples import read_triples
from querist.data.datasets.registry import Loaded, entry

FILES: Final = ("train.txt", "valid.txt", "test.txt")
HELD_OUT: Final = 0.1
"""Share of the queries in the development split, and in the final test set."""

_SEED: Final = 0  # part of the sets' definition
_NO_CLASS: Final = np.empty(0, dtype=np.int64)

Triple = tuple[str, str, str]


@dataclass(frozen=True)
class Queries:
    """Queries of a graph.

    Attributes:
        x: Positions of head and relation, (n, 2) float32; relations r ≥ R stand for the reverse of r - R.
        tails: Names of the entities that each leads to, sorted.
    """

    x: NDArray[np.float32]
    tails: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Graph:
    """A graph in three parts that share no query.

    Attributes:
        entities: Names, sorted; their order is that of the positions.
        relations: Names, sorted; the reverses come after them in the same order.
        pool: Queries that may be asked, without the triples of the two other parts.
        dev: The development split.
        final: The final test set.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    pool: Queries
    dev: Queries
    final: Queries


def nations(root: str | None) -> Loaded:
    """14 nations, 55 relations between them."""
    return _training("nations", root)


def nations_final(root: str | None) -> Loaded:
    """Its final test set."""
    return _final("nations", root)


def umls(root: str | None) -> Loaded:
    """135 medical concepts, 46 relations between them."""
    return _training("umls", root)


def umls_final(root: str | None) -> Loaded:
    """Its final test set."""
    return _final("umls", root)


def kinships(root: str | None) -> Loaded:
    """104 persons, 25 kinds of kinship."""
    return _training("kinships", root)


def kinships_final(root: str | None) -> Loaded:
    """Its final test set."""
    return _final("kinships", root)


def _training(name: str, root: str | None) -> Loaded:
    graph = read(name, root, entry(name).get)
    pool, dev = graph.pool, graph.dev
    values = [list(tails) for tails in (*pool.tails, *dev.tails)]
    return Loaded(np.concatenate([pool.x, dev.x]), _NO_CLASS, graph.entities, values, dev=range(len(pool.x), len(values)))


def _final(name: str, root: str | None) -> Loaded:
    graph = read(name, root, entry(name).get)
    return Loaded(graph.final.x, _NO_CLASS, graph.entities, [list(tails) for tails in graph.final.tails])


def read(name: str, root: str | None, get: str) -> Graph:
    """The graph of this name.

    Args:
        name: `nations`, `umls` or `kinships`.
        root: Folder with its three files, or with a folder of its name; None for the installed package.
        get: How to get it, for messages.

    Raises:
        PoolError: if files are missing or broken; the message names file and line.
    """
    folder = _folder(name, root, get)
    read = read_triples(*(folder / file for file in FILES))
    return parted((read.entities[head], read.relations[relation], read.entities[tail]) for head, relation, tail in read.rows.tolist())


def parted(triples: Iterable[Triple]) -> Graph:
    """Queries in both directions, every tenth of them held out for development and as many for the final test, at random."""
    known = sorted(set(triples))
    entities = tuple(sorted({name for head, _, tail in known for name in (head, tail)}))
    relations = tuple(sorted({relation for _, relation, _ in known}))
    at, of = {name: place for place, name in enumerate(entities)}, {name: place for place, name in enumerate(relations)}
    both = [((at[head], of[relation]), (at[tail], of[relation] + len(relations))) for head, relation, tail in known]
    order = sorted({query for pair in both for query in pair})
    drawn = np.random.default_rng(_SEED).permutation(len(order))
    held = round(HELD_OUT * len(order))
    part = {order[place]: ("dev" if rank < held else "final" if rank < 2 * held else "pool") for rank, place in enumerate(drawn.tolist())}
    tails: dict[tuple[int, int], list[int]] = {query: [] for query in order}
    for forth, back in both:
        hidden = "pool" in (part[forth], part[back]) and part[forth] != part[back]
        for query, other in ((forth, back), (back, forth)):
            if not hidden or part[query] != "pool":
                tails[query].append(other[0])

    def queries(wanted: str) -> Queries:
        chosen = [query for query in order if part[query] == wanted and tails[query]]
        named = tuple(tuple(entities[place] for place in sorted(tails[query])) for query in chosen)
        return Queries(np.array(chosen, dtype=np.float32).reshape(-1, 2), named)

    return Graph(entities, relations, queries("pool"), queries("dev"), queries("final"))


def _folder(name: str, root: str | None, get: str) -> Path:
    if root is not None:
        places = [Path(root), Path(root) / name]
    else:  # found, not imported: the package itself needs much that a text file does not
        found = find_spec("pykeen")
        places = [Path(home) / "datasets" / name for home in (() if found is None else found.submodule_search_locations or ())]
    for place in places:
        if (place / FILES[0]).is_file():
            return place
    where = f"in {root}" if root is not None else "installed"
    raise PoolError(f"the data set {name!r} is not {where}: there is no {FILES[0]}", hint=f"{get}.")
