"""Knowledge graphs and pairs of records: read from miniatures in the packages' own formats."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from miniatures import febrl, graph_files, triples

from querist.core.errors import PoolError
from querist.data.datasets import febrl_files, febrl_pairs, knowledge_graphs
from querist.data.datasets.knowledge_graphs import Queries, parted
from querist.data.records import GRAMS


def told(queries: Queries, entities: tuple[str, ...], relations: tuple[str, ...]) -> set[tuple[str, str, str]]:
    """The triples that the answers tell, in forward form."""
    found = set()
    for (head, relation), tails in zip(queries.x.astype(int).tolist(), queries.tails, strict=True):
        for tail in tails:
            forth = relation < len(relations)
            found.add((entities[head], relations[relation], tail) if forth else (tail, relations[relation - len(relations)], entities[head]))
    return found


def test_every_query_has_all_its_tails_in_both_directions_but_what_is_held_out() -> None:
    rows = set(triples())
    graph = parted(rows)
    tails = defaultdict(set)
    for head, relation, tail in rows:
        tails[head, graph.relations.index(relation)].add(tail)
        tails[tail, graph.relations.index(relation) + len(graph.relations)].add(head)
    held = told(graph.dev, graph.entities, graph.relations) | told(graph.final, graph.entities, graph.relations)
    for part in (graph.dev, graph.final):
        for (head, relation), answer in zip(part.x.astype(int).tolist(), part.tails, strict=True):
            assert set(answer) == tails[graph.entities[head], relation], "nothing but the answer is true, so a filtered rank needs no more"
    assert told(graph.pool, graph.entities, graph.relations) == rows - held, "no triple of a held-out query is told by its reverse"
    asked = [tuple(row) for part in (graph.pool, graph.dev, graph.final) for row in part.x.tolist()]
    assert len(set(asked)) == len(asked)
    assert len(graph.dev.x) == len(graph.final.x) == round(0.1 * len(tails))


def test_parts_do_not_depend_on_the_order_of_the_files() -> None:
    one, other = parted(triples()), parted(triples()[::-1])
    assert np.array_equal(one.pool.x, other.pool.x) and one.dev.tails == other.dev.tails


def test_a_graph_is_read_from_the_three_files(tmp_path: Path) -> None:
    folder = graph_files(tmp_path / "umls", triples())
    graph = knowledge_graphs.read("umls", str(tmp_path), "get it")
    assert graph.entities == parted(triples()).entities and np.array_equal(graph.pool.x, parted(triples()).pool.x)
    assert np.array_equal(knowledge_graphs.read("umls", str(folder), "get it").pool.x, graph.pool.x)


def test_broken_and_missing_graphs_are_named(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"no train\.txt\. get it there"):
        knowledge_graphs.read("umls", str(tmp_path), "get it there")
    folder = graph_files(tmp_path, triples())
    (folder / "valid.txt").write_text("a\tb\tc\n\na\tb\n")
    with pytest.raises(PoolError, match=r"valid\.txt, line 3 is no triple; got a\tb"):
        knowledge_graphs.read("umls", str(tmp_path), "get it")
    (folder / "valid.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(PoolError, match=r"valid\.txt cannot be read"):
        knowledge_graphs.read("umls", str(tmp_path), "get it")


def test_pairs_agree_in_a_block_and_say_who_is_one_person(tmp_path: Path) -> None:
    records = febrl_files.records(febrl(tmp_path) / "dataset1.csv")
    pairs, final = (febrl_pairs.read(1, str(tmp_path), "get it", final=part) for part in (False, True))
    assert pairs.x.shape == (len(pairs.ends), 2, 8 * GRAMS) and pairs.x.dtype == np.uint8
    agreed = {
        (left, right)
        for left in records
        for right in records
        if left < right
        and any(all(records[left][name] == records[right][name] != "" for name in block) for block in febrl_pairs.BLOCKS)
        and sum(key in {end for pair in final.ends for end in pair} for key in (left, right)) == 0
    }
    in_pool = {key for pair in pairs.ends for key in pair}
    assert set(pairs.ends) == {pair for pair in agreed if pair[0] in in_pool and pair[1] in in_pool}
    assert pairs.same.tolist() == [left.split("-")[1] == right.split("-")[1] for left, right in pairs.ends]
    assert pairs.same.sum() + final.same.sum() == 15 and final.same.any() and not pairs.same.all()


def test_persons_of_the_final_set_are_in_no_other_pair(tmp_path: Path) -> None:
    febrl(tmp_path)
    parts = [{febrl_files.person(key) for pair in febrl_pairs.read(1, str(tmp_path), "get it", final=part).ends for key in pair} for part in (False, True)]
    assert parts[0] and parts[1] and not parts[0] & parts[1]


@pytest.mark.parametrize(
    ("spoil", "line"), [("rec-90-org, ann\n", 47), ("rec-0-org, a, b, c, d, e, f, g, h, i, j\n", 47), ("90, a, b, c, d, e, f, g, h, i, j\n", 47)]
)
def test_broken_records_are_named(tmp_path: Path, spoil: str, line: int) -> None:
    with pytest.raises(PoolError, match=rf"dataset1\.csv, line {line} is no record"):
        febrl_pairs.read(1, str(febrl(tmp_path, spoil=spoil)), "get it")


def test_missing_records_and_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"no dataset2\.csv. get it there"):
        febrl_pairs.read(2, str(febrl(tmp_path)), "get it there")
    (tmp_path / "dataset1.csv").write_text("rec_id, given_name\n")
    with pytest.raises(PoolError, match="line 1 has no column 'surname'"):
        febrl_pairs.read(1, str(tmp_path), "get it")
