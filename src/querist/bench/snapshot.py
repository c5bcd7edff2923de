"""The snapshot of a study: one JSON file from which anyone can check it, retrain it from its index sets, or run it again.

It is made of run records and specs alone. What equal studies share is covered by `content_sha256`: times, machine, command and
commit are not among it, so a study that was killed and resumed, or run by other workers, has the same one. `sha256` covers all.

Reference:
    Evaluation protocol §4.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from querist.bench.chain import digest, scores_sha256
from querist.bench.environment import code
from querist.bench.results import Study
from querist.bench.runs import RoundRecord, RunRecord, write_atomically
from querist.bench.spec import StudySpec, settings_sha256
from querist.core import catalogue
from querist.core.errors import QueristError, UsageError
from querist.core.rng import STREAMS, stream

FORMAT: Final = "querist-snapshot"
SCHEMA: Final = 1
RULES: Final = 1
FILE: Final = "snapshot.json"
LIMIT: Final = 5_000_000
"""Bytes of a published snapshot: above them it is packed, and if that is not enough the scores give way to their digests."""

ABOUT: Final = frozenset({"environments", "code", "command", "times", "failures", "content_sha256", "sha256"})
"""Keys that `content_sha256` does not cover: they may differ between equal studies. Neither does it cover a run's `environment`."""
_KEY = 12
_DIGITS = 4
_PARTS = ("features", "train", "score", "select")
_STREAM_RULE = "numpy.random.Generator(PCG64(SeedSequence(entropy=seed, spawn_key=(round, place of the name, member))))"

Plain = Mapping[str, Any]


def write_snapshot(spec: StudySpec, records: Sequence[RunRecord], study: Study, out: Path) -> str:
    """Write `snapshot.json` into the folder of a study.

    Args:
        spec: The study.
        records: Its finished runs.
        study: What is said about them.
        out: Its folder.

    Returns:
        The file; an empty text where there can be none: no runs, runs recorded before there were snapshots, or made on different data.
    """
    file = out / FILE
    if not records or not all(row.hash for record in records for row in record.rounds) or len({digest(record.data) for record in records}) > 1:
        file.unlink(missing_ok=True)  # else an older one would stand for runs that it does not hold
        return ""
    write_atomically(file, text(compose(spec, records, study)))
    return str(file)


def publish(plain: Plain, folder: Path, smaller: Callable[[Plain], Plain] | None = None) -> Path:
    """Write a snapshot where results are published, small enough for a repository: plain, else packed, else packed without scores.

    Args:
        plain: The snapshot.
        folder: Where to; a snapshot that is there is replaced.
        smaller: Leaves the scores out, if it is not the snapshot of a study.

    Returns:
        The file, `snapshot.json` or `snapshot.json.gz`.
    """
    whole, packed = folder / FILE, folder / f"{FILE}.gz"
    for file in (whole, packed):
        file.unlink(missing_ok=True)
    content = text(plain).encode()
    if len(content) <= LIMIT:
        whole.write_bytes(content)
        return whole
    small = gzip.compress(content, mtime=0)
    if len(small) > LIMIT:
        small = gzip.compress(text(smaller(plain) if smaller else sealed(without_scores(plain))).encode(), mtime=0)
    packed.write_bytes(small)
    return packed


def compose(spec: StudySpec, records: Iterable[RunRecord], study: Study) -> dict[str, Any]:
    """The snapshot of a study from its finished runs, sealed."""
    runs = sorted(records, key=lambda record: (spec.methods.index(record.method), record.seed))
    settings = resolved(spec)
    return sealed(
        {
            "format": FORMAT,
            "schema": SCHEMA,
            "rules": RULES,
            "study": study.study,
            "dataset": spec.dataset,
            "split": study.split,
            "command": study.command,
            "code": code(),
            "spec": settings,
            "spec_sha256": settings_sha256(settings),
            "run_sha256": spec.run_sha256,
            "budgets": list(spec.budgets),
            "data": {**runs[0].data, "initial": {str(run.seed): list(run.rounds[0].ids) for run in runs}},
            "streams": {"rule": _STREAM_RULE, "names": list(STREAMS), "first": streams()},
            "provenance": _provenance(spec),
            "methods": {method: {"reference": _reference(method)} for method in spec.methods},
            "parts": _table(run.parts for run in runs),
            "environments": _table(run.environment for run in runs),
            "results": results(study),
            "failures": [failure.model_dump(mode="json") for failure in study.failures],
            "times": {
                "wall_seconds": study.wall_seconds, "compute_seconds": study.compute_seconds, "columns": list(_PARTS),
                "runs": [[[round(row.seconds.get(part, 0.0), _DIGITS) for part in _PARTS] for row in run.rounds] for run in runs],
            },
            "runs": [_run(run) for run in runs],
        }
    )  # fmt: skip


def sealed(plain: Plain) -> dict[str, Any]:
    """The snapshot with its two digests computed."""
    whole = {key: value for key, value in plain.items() if key != "sha256"} | {"content_sha256": content_sha256(plain)}
    return whole | {"sha256": digest(whole)}


def content_sha256(plain: Plain) -> str:
    """Digest of what equal studies share."""
    shared = {key: value for key, value in plain.items() if key not in ABOUT}
    return digest(shared | {"runs": [_without(run, "environment") for run in without_scores(plain)["runs"]]})


def without_scores(plain: Plain) -> dict[str, Any]:
    """The snapshot with digests in the place of the scores; chains and content digest stay as they are."""
    runs = [run | {"rounds": [row | {"scores": None, "scores_sha256": scores_sha256(row)} for row in run["rounds"]]} for run in plain["runs"]]
    return {**plain, "runs": runs}


def text(plain: Plain) -> str:
    """The JSON text: compact, one line per top-level key and per run."""
    lines = []
    for key, value in plain.items():
        lines.append(f"{_compact(key)}:" + ("[\n" + ",\n".join(map(_compact, value)) + "\n]" if key == "runs" else _compact(value)))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def unpacked(file: Path) -> Any:
    """The JSON of a file, plain or gzipped.

    Raises:
        OSError: if it cannot be read.
        ValueError, EOFError: if it is no JSON.
    """
    raw = file.read_bytes()
    return json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)


def read(path: Path, formats: Mapping[str, int] | None = None) -> dict[str, Any]:
    """A snapshot from its file (plain or `.gz`) or from the folder of its study. Nothing but its format is checked.

    Args:
        path: The file or the folder.
        formats: Format → schema, where others than that of a study will do.

    Raises:
        UsageError: if it is not there, no snapshot, or of a newer schema.
    """
    file = next((one for one in (path / FILE, path / f"{FILE}.gz") if one.is_file()), path / FILE) if path.is_dir() else path
    try:
        plain = unpacked(file)
    except OSError as error:
        raise UsageError("there is no snapshot", got=str(path), wanted=f"a {FILE}, or the folder of a study that has one", hint=_old(path)) from error
    except (ValueError, EOFError) as error:
        raise UsageError("this file is no snapshot: it is not JSON", got=str(file), wanted=f"{FILE} as a study writes it") from error
    known = formats or {FORMAT: SCHEMA}
    if not isinstance(plain, dict) or plain.get("format") not in known:
        raise UsageError("this file is no snapshot of a study", got=str(file), wanted=f'JSON with "format": "{FORMAT}"')
    if plain.get("schema") != (schema := known[plain["format"]]):
        raise UsageError("this snapshot has a schema that this program does not know", got=plain.get("schema"), wanted=schema, hint="Is Querist up to date?")
    return plain


def records(plain: Plain) -> list[RunRecord]:
    """The runs of a snapshot as records, without times."""
    return [
        RunRecord(
            method=run["method"],
            seed=run["seed"],
            run_sha256=plain["run_sha256"],
            rounds=tuple(RoundRecord(row["labels"], row["metrics"], {}, tuple(row["ids"])) for row in run["rounds"]),
        )
        for run in plain["runs"]
    ]


def resolved(spec: StudySpec) -> dict[str, Any]:
    """All settings of a study as a snapshot keeps them: how many workers made it is not among them."""
    return spec.model_dump(mode="json", exclude={"workers"})


def results(study: Study) -> dict[str, Any]:
    """What the study claims, without times."""
    plain = study.model_dump(mode="json", include={"comparisons", "label_saving", "at_budget"})
    return {"aubc": {name: dict(zip(map(str, row.seeds), row.aubc, strict=True)) for name, row in study.methods.items()}, **plain}


def streams() -> dict[str, int]:
    """The first draw of every named stream for seed 0 in round 0: whoever draws other numbers cannot repeat a study."""
    return {name: int(stream(0, 0, name).integers(2**53)) for name in STREAMS}


def _run(run: RunRecord) -> dict[str, Any]:
    rounds = []
    for number, row in enumerate(run.rounds, start=1):
        rounds.append({"round": number, **_without(asdict(row), "seconds")})
    return {"method": run.method, "seed": run.seed, "environment": _key(run.environment), "parts": _key(run.parts), "rounds": rounds}


def _table(entries: Iterable[Plain]) -> dict[str, Any]:
    return {_key(entry): dict(entry) for entry in entries}


def _key(entry: Plain) -> str:
    return digest(entry)[:_KEY]


def _provenance(spec: StudySpec) -> dict[str, Any]:
    """Where the hyper-parameters come from: the recipe and its reference, which of its settings this study changed, and labels that tuned it."""
    tuned = {"tuning_labels": spec.tuning_labels} if spec.tuning_labels else {}
    if spec.factory != StudySpec.model_fields["factory"].default:
        return {"recipe": spec.recipe, "reference": None, "changed": spec.learner_options(), **tuned}
    from querist.assemble.simulate import learner_options

    options = learner_options(spec.dataset, spec.learner_options())
    name = str(options.get("recipe"))
    try:
        reference = catalogue.row(name, "recipe").get("reference")
    except UsageError:
        reference = None
    return {"recipe": name, "reference": reference, "changed": {key: value for key, value in options.items() if key != "recipe"}, **tuned}


def _reference(method: str) -> str | None:
    try:
        return None if ":" in method else str(catalogue.acquisition_row(method).get("reference"))
    except QueristError:
        return None


def _without(row: Plain, key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _old(path: Path) -> str | None:
    made_before = path.is_dir() and (path / "study.json").is_file()
    return "Its runs were recorded before there were snapshots; a new folder gets one." if made_before else None
