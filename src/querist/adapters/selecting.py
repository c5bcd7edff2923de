"""Selection from files into a file: the verb behind `querist select`."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from querist import __version__
from querist.acquire.arrays import select
from querist.adapters.array_files import read_array, read_items, same_ids
from querist.adapters.select_state import Kept, digest, given
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels import budget
from querist.project import exporting

COLUMNS = ("id", "rank", "score", "note")


def select_files(
    method: str, k: int, out: str, arrays: Mapping[str, str | None], items: Mapping[str, str | None], *, parameters: Sequence[str] = (),
    max_bytes: int | None = None, report: Callable[[int, int], None] | None = None, resume: bool = False, **settings: Any,
) -> dict[str, Any]:  # fmt: skip
    """Choose from files and write the choice, whole or not at all.

    While it runs, methods that pick one item after the other by distance, coverage or determinant keep their state in `OUT.state.npz`
    (every ten seconds, and when they are interrupted); it is removed at the end.

    Args:
        method: Catalogue name or `module:Class`.
        k: How many.
        out: A `.csv`, `.jsonl` or `.parquet` file with the columns `id, rank, score, note`.
        arrays: Statistic → file, None where there is none.
        items: `labelled`, `pending`, `ids`, `labels` → file, None where there is none.
        parameters: Texts `name=value`; a value that is JSON is read as such.
        max_bytes: Bound on the buffers in memory.
        report: Called with (picks done, picks wanted).
        resume: Go on from the state file, to the choice that an unbroken run would have made; from the start if there is none.
        settings: What else `querist.select` takes.

    Returns:
        `selected`, `seconds`, `passes` over the pool, `peak_bytes` (the most that Python and NumPy held beside mapped files), `out`,
        `resumed` (picks that were taken from the state file).

    Raises:
        UsageError: for an unknown ending of the file, a bad parameter, a state file of another selection, and all that `querist.select` refuses.
        PoolError: if a file cannot be read.
        StoreError: if the file cannot be written.
        KeyboardInterrupt: with a text that says what is kept, if it was interrupted.
    """
    if Path(out).suffix.removeprefix(".").lower() not in exporting.FORMATS:
        raise UsageError("unknown export format", got=out, wanted=", ".join(exporting.FORMATS), hint="Name the file .csv, .jsonl or .parquet.")
    params = dict(map(parameter, parameters))
    asked = {"querist": __version__, "method": method, "k": k, "params": params, "max_bytes": max_bytes, **settings}
    kept = Kept(Path(f"{out}.state.npz"), lambda: digest(given((arrays, items)), asked))
    state = kept.read() if resume else None
    started, tracing = time.perf_counter(), tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start(1)
    try:
        tracemalloc.reset_peak()
        with budget.limit(max_bytes, report, kept, state) as spent:
            chosen = _chosen(method, k, arrays, items, max_bytes, settings, params)
        peak = tracemalloc.get_traced_memory()[1]
    except KeyboardInterrupt:
        picks = kept.flush()
        told = f"{picks} picks are kept in {kept.file}: the same command with --resume goes on from there"
        raise KeyboardInterrupt(told if picks else "nothing of this selection is kept: it has no state yet, or its method keeps none") from None
    finally:
        if not tracing:
            tracemalloc.stop()
    seconds = time.perf_counter() - started
    exporting.write(_rows(chosen), COLUMNS, Path(out), None)
    kept.forget()
    resumed = 0 if state is None else len(state.picks)
    return {"selected": len(chosen), "seconds": round(seconds, 4), "passes": round(spent.passes, 3), "peak_bytes": peak, "out": out, "resumed": resumed}


def parameter(text: str) -> tuple[str, Any]:
    """`name=value` as a pair; numbers, true, false, null, lists and objects are read as JSON, anything else is a text.

    Raises:
        UsageError: without a name or an equals sign.
    """
    name, equals, value = text.partition("=")
    if not name.isidentifier() or not equals:
        raise UsageError("not a parameter", got=text, wanted="name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _chosen(
    method: str, k: int, arrays: Mapping[str, str | None], items: Mapping[str, str | None], max_bytes: int | None,
    settings: Mapping[str, Any], params: Mapping[str, Any],
) -> Selection:  # fmt: skip
    read = {name: (file, *read_array(file, name, max_bytes)) for name, file in arrays.items() if file is not None}
    lists = {name: read_items(file, name) for name, file in items.items() if file is not None}
    given = None if "ids" not in lists else [str(item) for item in lists.pop("ids")]
    ids = same_ids([(file, beside) for file, _, beside in read.values()] + [(str(items.get("ids")), given)])
    named = {name: value for name, (_, value, _) in read.items() if name in ("probs", "features", "gradients", "costs")}
    others = {name: value for name, (_, value, _) in read.items() if name not in named}
    if "labels" in lists:
        lists["labels"] = _positions(lists["labels"], str(items["labels"]))
    return select(method, k, **named, **lists, ids=ids, stats=others, max_bytes=max_bytes, **settings, **params)


def _positions(values: Any, file: str) -> list[int]:
    try:
        return [int(value) for value in values]
    except (TypeError, ValueError):
        wrong = next(value for value in values if not str(value).isdigit())
        raise UsageError(f"{file} holds a label that is no class position", got=repr(wrong), wanted="whole numbers from 0") from None


def _rows(chosen: Selection) -> list[dict[str, Any]]:
    picks = enumerate(zip(chosen.ids, chosen.scores, chosen.reasons, strict=True), 1)
    return [{"id": item, "rank": rank, "score": score, "note": why} for rank, (item, score, why) in picks]
