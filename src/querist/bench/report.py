"""The study as one HTML file that needs nothing else: figures inline, styles inside, no links out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from statistics import fmean, stdev
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from querist.bench import figures, wording
from querist.bench.palette import looks
from querist.bench.results import Comparison, Gain, Study
from querist.bench.spec import BASELINE
from querist.bench.statistics import MARGIN
from querist.bench.tables import BOUGHT, COSTS, TRAINED, bought_rows, cost_rows, trained_rows

_TIED = re.compile(r"(?<=\d) (?=[%×](?!\w))|(?<=&lt;) (?=\.\d)|(?<=adjusted p) ")
"""Blanks at which no line may break: `95 %`, `0.54 ×`, `p < .001`."""
_QUIET = ("root", "name", "network", "recipe", "steps", "learner", "accuracies")
"""Settings that are shown only where they are set."""


def html(study: Study) -> str:
    """The report of a study.

    Raises:
        MissingExtraError: without matplotlib.
    """
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.globals.update(
        {function.__name__: function for function in (wording.needed, wording.needed_interval, wording.percent, wording.points, wording.interval)}
    )
    environment.globals.update(
        {function.__name__: function for function in (wording.p_value, wording.duration, wording.gain_text, wording.verdict_text, wording.statement)},
    )
    template = environment.from_string(files("querist.bench").joinpath("report.html.j2").read_text(encoding="utf-8"))
    page: str = template.render(
        study=study,
        baseline=BASELINE,
        sentence=wording.sentence(study),
        margin=float(study.spec.get("margin", MARGIN)),
        figures=_figures(study),
        rows=_rows(study),
        ranked=wording.ranked(study),
        colours=_colours(study),
        savings=_by_method(study, study.label_saving),
        targets=_targets(study),
        equal=_by_method(study, study.at_budget),
        bought=(BOUGHT, bought_rows(study)),
        paid=(COSTS, cost_rows(study)),
        trained=(TRAINED, trained_rows(study)),
        marks=[study.tuning_labels + labels for labels in dict.fromkeys(row.labels for row in study.at_budget)],
        costs={name: [{"name": arm, "found": study.methods[arm]} for arm in _arms(gains)] for name, gains in study.gains.items()},
        settings={key: value for key, value in study.spec.items() if value not in (None, [], {}) or key not in _QUIET},
        environment=_flat(study.environment),
    )
    return _TIED.sub("\u00a0", page)


def style() -> str:
    """One look for all reports."""
    page = files("querist.bench").joinpath("report.html.j2").read_text(encoding="utf-8")
    return page.partition("<style>")[2].partition("</style>")[0]


def _figures(study: Study) -> dict[str, Markup]:
    drawn = {"curves": figures.learning_curves, "differences": figures.differences, "areas": figures.areas, "savings": figures.labels_saved}
    drawn["everywhere"] = figures.labels_saved_everywhere
    return {name: Markup(draw(study)) for name, draw in drawn.items()}


def _colours(study: Study) -> dict[str, str]:
    """Those of the curves; grey for methods that the figures do not name."""
    look = looks(figures.named(study))
    return {name: look[name].colour if name in look else figures.FAINT for name in study.methods}


def _arms(gains: Sequence[Gain]) -> list[str]:
    return list(dict.fromkeys(name for gain in gains for name in (gain.baseline, gain.method)))


def _rows(study: Study) -> list[dict[str, Any]]:
    """The baseline, then the methods best to worst, then those without any comparison."""
    compared: dict[str, Comparison] = {row.method: row for row in wording.ranked(study)}
    order = [BASELINE, *compared, *(name for name in study.challengers if name not in compared)]
    colours = _colours(study)
    rows = []
    for name in order:
        result = study.methods[name]
        last = [curve[-1] for curve in result.curve]
        rounds = max(1, len(study.budgets))
        parts = (result.seconds.train, result.seconds.score, result.seconds.select)
        rows.append(
            {
                "name": name,
                "colour": colours[name],
                "seeds": len(result.seeds),
                "final": wording.percent(fmean(last)) + (f" ± {100 * stdev(last):.1f}" if len(last) > 1 else "") if last else "–",
                "area": wording.percent(fmean(result.aubc)) if last else "–",
                "comparison": compared.get(name),
                "per_round": [part / rounds for part in parts],
                "total": sum(parts),
            }
        )
    return rows


def _by_method(study: Study, rows: list[Any]) -> Mapping[str, list[Any]]:
    return {row.method: [cell for cell in rows if cell.method == row.method] for row in wording.ranked(study)}


def _targets(study: Study) -> list[str]:
    """Headings of the accuracies; the baseline's own differ a little with the seeds that a method shares, so they are named, not numbered."""
    seen = dict.fromkeys((row.fraction, row.at if row.fraction is None else None) for row in study.label_saving)
    return [f"{accuracy:.1%} accuracy" if fraction is None else _own_accuracy(study, fraction) for fraction, accuracy in seen]


def _own_accuracy(study: Study, fraction: float) -> str:
    return "random’s final accuracy" if fraction == 1 else f"random’s at {study.tuning_labels + fraction * study.budgets[-1]:,.0f} labels"


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    packages = environment.get("packages", {})
    flat = {key: str(value) for key, value in environment.items() if key != "packages" and value is not None}
    return {**flat, "packages": ", ".join(f"{name} {version}" for name, version in packages.items())} if packages else flat
