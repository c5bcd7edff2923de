"""A project as one HTML file that needs nothing else: labels, classes, rounds, annotators, agreement, queue, what was set aside, settings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup

from querist.bench.report import style
from querist.core.errors import StoreError
from querist.core.records import Round
from querist.project.project import Project
from querist.store.engine import SUFFIX

SHOWN: Final = 50
"""Ids in a list at most; the page says how many there are."""

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 260, 48, 30


def write(target: str, out: str | None, *, items: bool = True) -> Path:
    """Write the report of a project or a study.

    Args:
        target: A project, or the folder of a study.
        out: The file; by default beside the project, or `report.html` in the study's folder.
        items: Show ids of items.

    Returns:
        The file.

    Raises:
        StoreError: if there is no such project, or the file cannot be written.
        UsageError: if the folder holds no study.
    """
    if target.endswith(SUFFIX) or "://" in target:
        with Project.open(target) as project:
            text = html(project, target, items=items)
        name = Path(target.rsplit("/", 1)[-1].partition("?")[0]).with_suffix(".html") if "://" in target else Path(target).with_suffix(".html")
    else:
        text, name = _study(Path(target)), Path(target) / "report.html"
    file = Path(out) if out is not None else name
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"cannot write the report: {error.strerror}", got=str(file), hint="Name another place with -o.") from error
    return file


def html(project: Project, name: str, *, items: bool = True) -> str:
    """The report of a project.

    Args:
        project: The project.
        name: What to call it.
        items: Show ids of items.
    """
    status, rounds, labels = project.status(), project.rounds(), project.labels()
    names = [entry["name"] for entry in project.space.schema()["classes"] if not entry["retired"]]
    page = Environment(autoescape=True, trim_blocks=True).from_string(files("querist.bench").joinpath("project_report.html.j2").read_text(encoding="utf-8"))
    queue, aside, review = project.ranking(), project.quarantined(), project.review()
    return page.render(
        name=Path(name).name, style=Markup(style()), status=status, rounds=rounds, balance=_balance(labels, names), labels=len(labels), shown=SHOWN,
        curve=Markup(curve(rounds)), agreement=agreement([(vote.item, vote.annotator, vote.value) for vote in project.store.votes()]),
        queue=list(zip(queue.ids, queue.scores, queue.reasons, strict=True))[:SHOWN] if items else [], queued=len(queue),
        aside=list(aside.items())[:SHOWN] if items else [], set_aside=len(aside),
        review=[(one.item, one.reason) for one in review][:SHOWN] if items else [], reviewed=len(review),
        settings={key: value for key, value in project.spec.items() if value not in (None, {}, [])},
    )  # fmt: skip


def agreement(votes: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """How far annotators agree.

    Args:
        votes: Item, annotator, value; the latest word of each annotator about each item.

    Returns:
        `shared` (items with two or more annotators), `agreed` (those on which all agree), and `pairs`: for every two annotators
        their names, shared items, and the share on which they agree.
    """
    by_item: dict[str, dict[str, str]] = defaultdict(dict)
    for item, annotator, value in votes:
        by_item[item][annotator] = value
    shared = [said for said in by_item.values() if len(said) > 1]
    pairs: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for said in shared:
        people = sorted(said)
        for place, first in enumerate(people):
            for second in people[place + 1 :]:
                pairs[first, second].append(said[first] == said[second])
    rows = [(first, second, len(same), sum(same) / len(same)) for (first, second), same in sorted(pairs.items())]
    return {"shared": len(shared), "agreed": sum(len(set(said.values())) == 1 for said in shared), "pairs": rows}


def curve(rounds: Sequence[Round], metric: str = "accuracy") -> str:
    """The learning curve as inline SVG, empty with fewer than two measured rounds: metric against labels."""
    points = [(made.labels_used, made.metrics[metric]) for made in rounds if metric in made.metrics]
    if len(points) < 2:
        return ""
    most = max(labels for labels, _ in points)
    low = min(0.9, *(value for _, value in points)) // 0.1 / 10

    def place(labels: float, value: float) -> tuple[float, float]:
        across = _LEFT + (_WIDTH - _LEFT - 10) * labels / max(1, most)
        return round(across, 1), round(10 + (_HEIGHT - _BOTTOM - 10) * (1 - (value - low) / (1 - low)), 1)

    ticks = [low + (1 - low) * step / 4 for step in range(5)]
    grid = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{place(0, tick)[1]}" y2="{place(0, tick)[1]}" stroke="#e3e6e8"/>'
        f'<text x="{_LEFT - 6}" y="{place(0, tick)[1] + 4}" text-anchor="end" font-size="11" fill="#5c666e">{100 * tick:.0f} %</text>'
        for tick in ticks
    )
    path = " ".join(f"{x},{y}" for x, y in (place(*point) for point in points))
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="#0072b2"/>' for x, y in (place(*point) for point in points))
    axis = f'<text x="{_WIDTH - 10}" y="{_HEIGHT - 8}" text-anchor="end" font-size="11" fill="#5c666e">labels, up to {most:,}</text>'
    line = f'<polyline points="{path}" fill="none" stroke="#0072b2" stroke-width="2"/>'
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="learning curve">{grid}{line}{dots}{axis}</svg>'


def _balance(labels: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, int, float]]:
    counts = Counter(str(value) for value in labels.values())
    return [(name, counts[name], counts[name] / max(1, len(labels))) for name in names]


def _study(folder: Path) -> str:
    from querist.bench.report import html as study_html
    from querist.bench.results import Study

    if (folder / "bench.json").is_file():
        from querist.bench.across import Bench
        from querist.bench.bench_page import html as bench_html

        return bench_html(Bench.open(folder))
    return study_html(Study.open(folder))
