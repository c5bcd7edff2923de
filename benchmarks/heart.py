"""The quick verbs at scale: start-up, a million items, eight processes at once.

python benchmarks/heart.py [--quick] [--out DIR]
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import CLI, Row, finish, median_process, options, process

from querist import Project
from querist.store.engine import connect

FEATURES = 16
PROCESSES = 8
BATCH = 5


def table(path: Path, items: int) -> None:
    """A Parquet of ids and features."""
    rng = np.random.default_rng(0)
    flat = pa.array(rng.normal(size=items * FEATURES).astype(np.float32))
    ids = [f"item-{number:07d}" for number in range(items)]
    pq.write_table(pa.table({"id": ids, "features": pa.FixedSizeListArray.from_arrays(flat, FEATURES)}), path)


def init(folder: Path, name: str, items: int) -> Any:
    table(folder / f"{name}.parquet", items)
    return process([*CLI, "init", f"{name}.querist", "--data", f"{name}.parquet", "--labels", "a,b", "--json"], folder)


def start_up(folder: Path, items: int, times: int) -> list[Row]:
    """Whole processes, as a user feels them."""
    python = CLI[0]
    bare = median_process([python, "-c", "pass"], times)
    imported = median_process([python, "-c", "import querist"], times)
    helped = median_process([*CLI, "--help"], times)
    init(folder, "asked", items)
    asked = median_process([*CLI, "ask", "asked.querist", "-k", "1", "--json"], times, folder)
    return [
        Row("python -c 'import querist'", imported.wall, "s", 0.3, note=f"{imported.cpu:.2f} CPU s; python alone {bare.wall:.2f} s"),
        Row("querist --help", helped.wall, "s", 0.5, note=f"{helped.cpu:.2f} CPU s"),
        Row(f"querist ask, {items:,} items", asked.wall, "s", 1.0, note=f"{asked.cpu:.2f} CPU s"),
    ]


def one_process(path: Path, asks: int) -> list[Row]:
    """`ask(10)` and `tell` in process, every ask by somebody else, so that nothing is held already."""
    asked, spent, told = [], [], []
    with Project.open(path) as project:
        for turn in range(asks):
            began, busy = time.perf_counter(), time.process_time()
            query = project.ask(10, by=f"visitor-{turn}")
            asked.append(time.perf_counter() - began)
            spent.append(time.process_time() - busy)
            began = time.perf_counter()
            project.tell(query.ids[0], "a", by=query.by)
            told.append(time.perf_counter() - began)
    return [
        Row(
            "ask(10), median",
            1000 * float(np.median(asked)),
            "ms",
            20,
            note=f"{1000 * np.median(spent):.1f} CPU ms; {asks} asks, worst {1000 * max(asked):.0f} ms",
        ),
        Row("tell, median", 1000 * float(np.median(told)), "ms", note=f"worst {1000 * max(told):.0f} ms"),
    ]


def annotate(path: str, who: str, asks: int, out: str) -> None:
    """One annotator in a process of their own: ask, tell all, again."""
    leased: list[str] = []
    said: list[tuple[str, str]] = []
    asked, told = [], []
    with Project.open(path) as project:
        for turn in range(asks):
            began = time.perf_counter()
            query = project.ask(BATCH, by=who, ttl=3600)
            asked.append(time.perf_counter() - began)
            leased += query.ids
            for place, item in enumerate(query.ids):
                value = "ab"[(turn + place) % 2]
                began = time.perf_counter()
                project.tell(item, value, by=who)
                told.append(time.perf_counter() - began)
                said.append((item, value))
    Path(out).write_text(json.dumps({"who": who, "leased": leased, "said": said, "asked": asked, "told": told}), encoding="utf-8")


def together(path: Path, asks: int, folder: Path) -> list[Row]:
    """Eight processes at once; afterwards every acknowledged word must be there, and no item with two people."""
    spawn = multiprocessing.get_context("spawn")
    outs = [folder / f"worker-{number}.json" for number in range(PROCESSES)]
    workers = [spawn.Process(target=annotate, args=(str(path), f"worker-{number}", asks, str(out))) for number, out in enumerate(outs)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit(f"a process ended with {worker.exitcode}")
    wall = time.perf_counter() - began
    found = [json.loads(out.read_text(encoding="utf-8")) for out in outs]
    leased = [item for one in found for item in one["leased"]]
    with Project.open(path) as project:
        kept = {(one.item, one.annotator): one.value for one in project.history()}
    lost = sum(kept.get((item, one["who"])) != value for one in found for item, value in one["said"])
    both = 1000 * np.array([seconds for one in found for seconds in (*one["asked"], *one["told"])])
    only = 1000 * np.array([seconds for one in found for seconds in one["asked"]])
    rate = f"{PROCESSES * asks / wall:.0f} asks/s and {PROCESSES * asks * BATCH / wall:.0f} tells/s, start-up included"
    level = connect(path).execute("PRAGMA synchronous").fetchone()[0]
    return [
        Row(f"{PROCESSES} processes: items leased twice", len(leased) - len(set(leased)), "", 0, note=f"{len(leased):,} leases"),
        Row(f"{PROCESSES} processes: annotations lost", lost, "", 0, note=f"{len(leased):,} tells; {rate}"),
        Row(f"{PROCESSES} processes: p99", float(np.quantile(both, 0.99)), "ms", 100, note=f"asks alone {np.quantile(only, 0.99):.0f} ms"),
        Row(f"{PROCESSES} processes: p99.9", float(np.quantile(both, 0.999)), "ms", 3000, note=f"worst {both.max():.0f} ms, median {np.median(both):.1f} ms"),
        Row("PRAGMA synchronous", level, "", 2, at_least=True, note="2 is FULL"),
    ]


def main() -> None:
    given = options(__doc__).parse_args()
    small, large, asks, times = (2_000, 20_000, 20, 1) if given.quick else (100_000, 1_000_000, 200, 5)
    with tempfile.TemporaryDirectory(prefix="querist-heart-") as place:
        folder = Path(place)
        rows = start_up(folder, small, times)
        made = init(folder, "million", large)
        rows.append(Row(f"querist init, {large:,} items", made.wall, "s", 60, note=f"{made.cpu:.1f} CPU s, {made.megabytes:.0f} MB"))
        path = folder / "million.querist"
        rows.append(Row("project file", path.stat().st_size / 2**20, "MB"))
        rows += one_process(path, asks)
        rows += together(path, asks, folder)
    finish("heart", rows, given, {"items": [small, large], "features": FEATURES, "processes": PROCESSES, "asks": asks})


if __name__ == "__main__":
    main()
