"""What the benchmarks share: rows with a target, one table, the same as JSON, and timing of whole processes."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from querist.bench.environment import environment

CLI = (sys.executable, "-m", "querist.cli.main")


@dataclass(frozen=True)
class Row:
    """One measurement. `limit` is the target, `at_least` its direction; without a limit the row is only told."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True)
class Spent:
    """What a process cost: wall seconds, CPU seconds, largest resident memory in MB, and what it printed."""

    wall: float
    cpu: float
    megabytes: float
    out: str


def options(about: str | None) -> argparse.ArgumentParser:
    """`--quick` and `--out`."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it works, not to judge")
    parser.add_argument("--out", type=Path, help="folder for the JSON")
    return parser


def process(command: Sequence[str], cwd: Path | None = None) -> Spent:
    """Run a whole process and measure it; its failure is ours."""
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        out = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return Spent(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out)


def median_process(command: Sequence[str], times: int, cwd: Path | None = None) -> Spent:
    """The run with the median wall time, after one that warms the disk cache."""
    process(command, cwd)
    runs = sorted((process(command, cwd) for _ in range(times)), key=lambda one: one.wall)
    return runs[times // 2]


def finish(name: str, rows: Sequence[Row], given: argparse.Namespace, sizes: dict[str, Any]) -> None:
    """Print the table, write the JSON, and end with 1 if a full run missed a target."""
    from threadpoolctl import threadpool_info

    machine = {
        **environment(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "blas": sorted({f"{one.get('internal_api')} {one.get('architecture', '')} × {one['num_threads']}".strip() for one in threadpool_info()}),
        "variables": {key: os.environ[key] for key in ("OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if key in os.environ},
    }
    width = max(len(row.what) for row in rows)
    print(f"\n{name}{' (quick: sizes are small, targets are not judged)' if given.quick else ''}: {sizes}")
    print(f"{machine['processor']}, {machine['cpus']} processors, load {machine['load'][0]:g}, Python {machine['python']}, commit {machine['commit']}")
    print(f"{'':<{width}}  {'measured':>12}  {'target':>12}")
    for row in rows:
        target = "" if row.limit is None else f"{'≥' if row.at_least else '≤'} {row.limit:g} {row.unit}"
        verdict = "" if row.met is None or given.quick else ("met" if row.met else "MISSED")
        print(f"{row.what:<{width}}  {f'{row.value:.4g} {row.unit}':>12}  {target:>12}  {verdict:<6}  {row.note}".rstrip())
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        record = {"benchmark": name, "quick": given.quick, "sizes": sizes, "machine": machine, "rows": [{**asdict(row), "met": row.met} for row in rows]}
        (given.out / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if not given.quick and any(row.met is False for row in rows):
        raise SystemExit(1)
