"""docs/methods/: an index and one page for every row of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

FACTS = ("type", "family", "paper", "reference", "survey", "needs", "provides", "kinds", "cost", "status")
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
        "| name | type | family | status |",
        "|---|---|---|---|",
    ]
    lines += [f"| [`{row['name']}`]({row['name']}.md) | {_text(row.get('type'))} | {_text(row.get('family'))} | {_text(row.get('status'))} |" for row in rows]
    return "\n".join(lines) + "\n"


def _page(row: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"# `{row['name']}`", "", "| | |", "|---|---|")
    for key in FACTS:
        if _text(row.get(key)):
            yield f"| {key} | {_text(row[key])} |"
    for key, title in TEXTS:
        if _text(row.get(key)):
            yield from ("", f"## {title}", "", _text(row[key]))
    yield from ("", "## Use", "", "```sh", f"querist methods {row['name']}", "```")


def _text(value: Any) -> str:
    """A value for people; sequences with commas, nothing for nothing."""
    if value is None:
        return ""
    return str(value) if isinstance(value, str | int | float) else ", ".join(sorted(map(str, value)))
