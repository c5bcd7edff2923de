"""An analysis as a page: Markdown, or HTML that needs nothing else."""

from __future__ import annotations

import html as escaping
import math
from pathlib import Path

from querist.bench.analysing import Analysis
from querist.bench.exploring_tables import analysis_rows, analysis_sentence, family, redundancy_sentence, threshold_sentence
from querist.bench.palette import looks
from querist.bench.retention import FAMILIES
from querist.bench.wording import duration, interval, percent, points
from querist.core.errors import UsageError

_WIDTH, _HEIGHT, _LEFT, _BELOW = 640, 300, 52, 40
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,th:first-child{text-align:left;white-space:nowrap}svg{max-width:100%}text{font-size:12px;fill:#333}.small{color:#555;font-size:.9rem}"
)
Rows = list[tuple[str, ...]]
Table = tuple[tuple[str, ...], Rows]


def write(found: Analysis, path: Path) -> None:
    """Write the page; the file's ending says which kind."""
    check(path)
    path.write_text(markdown(found) if path.suffix.lower() == ".md" else html(found), encoding="utf-8")


def check(path: Path) -> None:
    """Refuse what could not be written, before the work starts.

    Raises:
        UsageError: for another ending than html or md, or a folder that is not there.
    """
    if path.suffix.lower() not in (".html", ".htm", ".md") or not path.absolute().parent.is_dir():
        raise UsageError("an analysis is written as HTML or Markdown into a folder that exists", got=path, wanted="FILE.html or FILE.md")


def markdown(found: Analysis) -> str:
    """The page in Markdown."""
    parts = [f"# Is {found.dataset} worth active learning?", *_paragraphs(found)]
    for title, table in _tables(found).items():
        head, rows = table
        lines = ["| " + " | ".join(cells) + " |" for cells in (head, ("---",) + ("---:",) * (len(head) - 1), *rows)]
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join([*parts, threshold_sentence(), _origin(found)]) + "\n"


def html(found: Analysis) -> str:
    """The page in HTML, with the curves drawn."""
    title = escaping.escape(f"Is {found.dataset} worth active learning?")
    body = [f"<h1>{title}</h1>", *(f"<p>{escaping.escape(text)}</p>" for text in _paragraphs(found)), _curves(found)]
    for heading, (head, rows) in _tables(found).items():
        cells = ["".join(f"<th>{escaping.escape(cell)}</th>" for cell in head), *("".join(f"<td>{escaping.escape(cell)}</td>" for cell in row) for row in rows)]
        body.append(f"<h2>{escaping.escape(heading)}</h2><table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>")
    body += [f'<p class="small">{escaping.escape(text)}</p>' for text in (threshold_sentence(), _origin(found))]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>{"".join(body)}</body></html>\n'
    )


def _paragraphs(found: Analysis) -> list[str]:
    return [
        analysis_sentence(found),
        redundancy_sentence(found),
        "The importance of an item is the norm of its gradient under its true label at the end of training. That reads all labels of the pool: it says "
        "what there is to gain, not what a method gains. The study that tells is: querist run " + f"{found.dataset} --method auto.",
    ]


def _tables(found: Analysis) -> dict[str, Table]:
    rows: Rows = [(share, items, *cells) for share, items, cells in analysis_rows(found)]
    compared: Rows = [
        (
            family(row.family),
            f"{100 * row.share:g} %",
            points(row.difference),
            interval(row.low, row.high),
            "–" if row.p is None else f"{row.p:.3f}",
            row.verdict,
        )
        for row in found.comparisons
    ]
    importance = found.importance
    edges, counts = importance["histogram"]["edges"], importance["histogram"]["counts"]
    bins: Rows = [(f"{low:.3g} to {high:.3g}", f"{count:,}") for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True) if count]
    spread: Rows = [
        (
            name,
            f"{cloud.dimension:,}",
            f"{cloud.effective_rank:.1f}",
            *(f"{value:.2f}" for value in cloud.nearest),
            percent(cloud.near_duplicates),
            f"{cloud.distinct:,.0f}",
        )
        for name, cloud in (("inputs", found.inputs), ("features", found.features))
    ]
    return {
        "Share of the full accuracy": (("part", "items", *(family(name) for name in FAMILIES)), rows),
        "Chosen against random parts, points": (("chosen", "part", "difference", "95 % interval", "adjusted p", "verdict"), compared),
        "Redundancy": (("of", "dimension", "effective rank", "nearest: 10 %", "50 %", "90 %", "near-duplicates", "distinct"), spread),
        f"Importance ({importance['mode']})": (("from", "items"), bins),
        "Most important items: worth a second look, wrong labels come first": (("item",), [(item,) for item in importance["most_important"][:10]]),
    }


def _curves(found: Analysis) -> str:
    """Accuracy against the part trained on, one line a family."""
    kept = found.retention
    floor = min(row.mean for row in kept)
    step = 0.1 if floor < 0.8 else 0.05 if floor < 0.9 else 0.02
    low, high = step * math.floor(floor / step), 1.0
    first = math.log(min(row.share for row in kept))

    def x(share: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 20) * (1 - math.log(share) / first if first else 1.0)

    def y(accuracy: float) -> float:
        return 12 + (_HEIGHT - _BELOW - 12) * (high - accuracy) / (high - low)

    look = looks(FAMILIES)
    ticks = [low + step * place for place in range(round((high - low) / step) + 1)]
    drawn = [f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#eee"/>' for tick in ticks]
    drawn += [f'<text x="4" y="{y(tick) + 4:.1f}">{100 * tick:.0f} %</text>' for tick in ticks]
    drawn += [f'<text x="{x(share):.1f}" y="{_HEIGHT - 20}" text-anchor="middle">{100 * share:g} %</text>' for share in sorted({row.share for row in kept})]
    for place, name in enumerate(FAMILIES):
        line = sorted((row.share, row.mean) for row in kept if row.family == name)
        path = " ".join(f"{x(share):.1f},{y(mean):.1f}" for share, mean in line)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{look[name].colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x(share):.1f}" cy="{y(mean):.1f}" r="3" fill="{look[name].colour}"/>' for share, mean in line]
        drawn.append(f'<text x="{_WIDTH - 190}" y="{_HEIGHT - _BELOW - 70 + 16 * place}" style="fill:{look[name].colour}">{family(name)}</text>')
    words = f"Accuracy on the development split against the part of {found.dataset} trained on"
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escaping.escape(words)}">{"".join(drawn)}</svg>'


def _origin(found: Analysis) -> str:
    learnt = f"{found.items:,} items, {found.classes} classes, recipe {found.recipe}, seeds {found.seed} to {found.seed + found.seeds - 1}"
    return f"{learnt}, accuracy on the development split (the final test set was not opened); {duration(found.seconds)}."
