"""docs/methods/: an index and one page for every row of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

FACTS = ("type", "family", "paper", "reference", "survey", "needs", "provides", "kinds", "cost", "traits", "packages", "inference", "status")
TEXTS = (("formula", "Formula"), ("doc", "What it does"), ("fails", "When it fails"), ("deviations", "Deviations from the paper"))


def render(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """File name in docs/methods/ → text.

    Args:
        rows: The rows of the catalogue, with the fields of `querist methods --json`; `formula`, `doc` and `fails` where a row has them.
    """
    ordered = sorted(rows, key=lambda row: str(row["name"]))
    return {"index.md": _index(ordered)} | {f"{row['name']}.md": "\n".join(_page(row)) + "\n" for row in ordered}


def _index(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "# Methods",
        "",
        "Every row of the catalogue; `querist methods NAME` prints the same.",
        "",
        "| name | type | family | needs | cost | status |",
        "|---|---|---|---|---|---|",
    ]
    facts = ("type", "family", "needs", "cost", "status")
    lines += [f"| [`{row['name']}`]({row['name']}.md) | {' | '.join(_cell(row.get(key)) for key in facts)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _page(row: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"# `{row['name']}`", "", "| | |", "|---|---|")
    for key in FACTS:
        if _text(row.get(key)):
            yield f"| {key} | {_cell(row[key])} |"
    for key, title in TEXTS:
        if _text(row.get(key)):
            yield from ("", f"## {title}", "", _text(row[key]))
    if row.get("parameters"):
        yield from ("", "## Parameters", "", "| name | default |", "|---|---|")
        for name, value in row["parameters"].items():
            yield f"| `{name}` | `{_cell(json.dumps(value, ensure_ascii=False))}` |"
    if _evidence(row.get("evidence") or {}):
        yield from ("", "## Evidence", "", *_evidence(row["evidence"]))
    yield from ("", "## Use", "", "```sh", *_use(row), "```")


def _evidence(found: Mapping[str, Any]) -> list[str]:
    """One line for each kind of evidence that there is."""
    lines = [f"- {key}: `{found[key]}`" for key in ("property", "contract") if found.get(key)]
    fair = found.get("fair_run")
    if fair:
        interval = f"{fair['delta_aubc']:+.4f} [{fair['low']:+.4f}, {fair['high']:+.4f}]"
        lines.append(f"- fair run beside random: {fair['dataset']}, {fair['seeds']} seeds, AUBC {interval}: {fair['verdict']}")
    return lines


def _use(row: Mapping[str, Any]) -> Iterator[str]:
    """Command lines that show the row at work."""
    yield f"querist methods {row['name']}"
    if row.get("type") == "strategy" or (row.get("type") == "wrapper" and row.get("parameters")):
        files = {"probs": "--probs p.npy", "features": "--features h.npy", "costs": "--costs c.npy", "gradients": "--probs p.npy --features h.npy"}
        given = dict.fromkeys(files.get(name, f"--statistic {name}={name}.npy") for name in row.get("needs", []))
        words = dict.fromkeys(" ".join(given).replace(" --", "\n--").split("\n")) if given else {"--ids ids.txt": None}
        yield f"querist select --method {row['name']} -k 100 {' '.join(words)} -o batch.csv"


def _cell(value: Any) -> str:
    """A value inside a table."""
    return " ".join(_text(value).split()).replace("|", "\\|")


def _text(value: Any) -> str:
    """A value for people; sequences with commas, nothing for nothing."""
    if value is None:
        return ""
    return str(value) if isinstance(value, str | int | float) else ", ".join(sorted(map(str, value)))
