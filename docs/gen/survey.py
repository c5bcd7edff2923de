"""docs/survey.md: every system, scheme, application and claim, with its row, its status and its evidence."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "src" / "querist" / "acquire" / "survey.toml"

HEAD = """# The survey, system by system

<!-- Made by docs/gen from acquire/survey.toml and the catalogue; do not edit. -->

Every system, scheme, application and claim of the surveys of deep active learning, and of the work after them, in their order.
*Row* is the name to use in `--method` or to look up with `querist methods NAME`. *Status* is computed from evidence, never typed:
`proved` has its contract run, its checkable property and its recorded fair run; `runs` lacks one of them; `planned` has no row yet,
and *wave* says when it is its turn. A claim is `recorded` once its study has a verdict.
"""

RESULTS = Path(__file__).parents[1] / "results"
VERDICT = re.compile(r"^\*\*Verdict: (.+?)\.?\*\*", re.MULTILINE)


def load(path: Path = DATA) -> Sequence[Mapping[str, Any]]:
    """The parts of the survey, each with its `title`, `lead` and `entries`."""
    with path.open("rb") as file:
        parts: Sequence[Mapping[str, Any]] = tomllib.load(file)["part"]
    return parts


def verdicts(folder: Path = RESULTS) -> dict[str, str]:
    """Claim → the verdict on the page of its recorded study."""
    found = {page.parent.name: VERDICT.search(page.read_text(encoding="utf-8")) for page in folder.glob("*/index.md")}
    return {name: said[1] for name, said in found.items() if said}


def render(parts: Sequence[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]], claims: Mapping[str, str] | None = None) -> str:
    """The page.

    Args:
        parts: What `load` gives.
        rows: The rows of the catalogue, each with at least `name` and `status`.
        claims: What `verdicts` gives.
    """
    by_name = {str(row["name"]): row for row in rows}
    by_name |= {name: {"status": "recorded", "verdict": f"[{said}](results/{name}/index.md)"} for name, said in (claims or {}).items()}
    entries = [entry for part in parts for entry in part["entries"]]
    there = sum(_status(entry, by_name) != "planned" for entry in entries)
    body = "\n".join(line for part in parts for line in _part(part, by_name))
    return f"{HEAD}\n{there} of {len(entries)} are there.\n\n{body}\n"


def _part(part: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from (f"## {part['title']}", "", part["lead"], "")
    for section, entries in groupby(part["entries"], key=lambda entry: str(entry["section"])):
        yield from (f"### {section}", "", "| system | row | status | evidence | wave |", "|---|---|---|---|---|")
        for entry in entries:
            yield f"| {entry['title']} | {_row(entry)} | {_status(entry, by_name)} | {_evidence(entry, by_name)} | {entry['wave']} |"
        yield ""


def _row(entry: Mapping[str, Any]) -> str:
    return f"`{entry['row']}`" if "row" in entry else f"study `{entry['name']}`"


def _status(entry: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]) -> str:
    return str(by_name.get(entry.get("row", entry["name"]), {}).get("status", "planned"))


def _evidence(entry: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]) -> str:
    row = by_name.get(entry.get("row", entry["name"]), {})
    if "verdict" in row:
        return str(row["verdict"])
    evidence = row.get("evidence") or {}
    parts = [str(evidence[key]) for key in ("property", "contract") if evidence.get(key)]
    fair = evidence.get("fair_run")
    if fair:
        parts.append(f"{fair['dataset']}, {fair['seeds']} seeds: {fair['verdict']}")
    return "; ".join(parts)
