"""Figures of a study as inline SVG: curves, paired differences, area, and labels saved. Object API only; no global state of plotting."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from querist.bench.curves import saving_band, saving_curve
from querist.bench.palette import looks
from querist.bench.results import LabelSaving, Study
from querist.bench.spec import BASELINE
from querist.bench.statistics import shared_seeds
from querist.bench.wording import ranked
from querist.core.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

READABLE = 9
"""Curves that one figure can name; of more methods the best five and the worst two are drawn in colour, the others thin and grey."""

_LEVELS = 24
"""Accuracies at which label savings are drawn."""
_RESAMPLES = 22
"""Root of the resampling stream: the same study gives the same figure everywhere."""
_WIDTH = 5.4
INK = "#333333"
FAINT = "#DDDDDD"
"""Of methods that a figure does not name."""
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small files, readable by search and screen readers
    "svg.hashsalt": "querist",
    "font.size": 9.5,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#999999",
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": "#EEEEEE",
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
}


def learning_curves(study: Study) -> str:
    """Mean accuracy against labels with every seed faint behind it."""

    def draw(axes: Axes) -> None:
        look = looks(named(study))
        lowest = []
        for name, result in study.methods.items():
            curves = 100 * np.array(result.curve, dtype=float)
            if not curves.size:
                continue
            lowest.append(curves.mean(axis=0)[0])
            if name not in look:
                axes.plot(study.counted, curves.mean(axis=0), color=FAINT, linewidth=0.8, zorder=1)
                continue
            for curve in curves:
                axes.plot(study.counted, curve, color=look[name].colour, linewidth=0.6, alpha=0.22)
            count = f"{name} ({len(curves)})"
            axes.plot(study.counted, curves.mean(axis=0), color=look[name].colour, marker=look[name].marker, markersize=4, linewidth=1.8, label=count)
        axes.set_ylabel(f"{study.measure}, %")
        axes.set_xlabel(_labels(study))
        if lowest:
            axes.legend(loc="lower right", frameon=False, title="method (seeds)", fontsize=9, title_fontsize=9)

    return inline_svg(draw, 4.0, f"Learning curves of {', '.join(named(study))}{_unnamed(study)}")


def differences(study: Study) -> str:
    """Paired difference from the baseline at every budget, mean over shared seeds with pointwise 95 % intervals."""

    def draw(axes: Axes) -> None:
        look = looks(named(study))
        stats = require("scipy.stats", by="comparing methods")
        base = dict(zip(study.methods[BASELINE].seeds, study.methods[BASELINE].curve, strict=True))
        axes.axhline(0, color=look[BASELINE].colour, linewidth=1.4)
        for name in study.challengers:
            ours = dict(zip(study.methods[name].seeds, study.methods[name].curve, strict=True))
            seeds = shared_seeds(ours, base)
            if not seeds:
                continue
            gap = 100 * np.array([np.subtract(ours[seed], base[seed]) for seed in seeds])
            mean = gap.mean(axis=0)
            if name not in look:
                axes.plot(study.counted, mean, color=FAINT, linewidth=0.8, zorder=1)
                continue
            colour = look[name].colour
            axes.plot(study.counted, mean, color=colour, marker=look[name].marker, markersize=3.5, linewidth=1.6, label=name)
            if len(seeds) > 1:
                half = float(stats.t.ppf(0.975, len(seeds) - 1)) * gap.std(axis=0, ddof=1) / np.sqrt(len(seeds))
                axes.fill_between(study.counted, mean - half, mean + half, color=colour, alpha=0.12, linewidth=0)
        axes.set_ylabel(f"{study.measure} − {BASELINE}, points")
        axes.set_xlabel(_labels(study))
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", frameon=False, fontsize=9)

    return inline_svg(draw, 4.0, f"Accuracy of {', '.join(named(study)[1:])}{_unnamed(study)} minus that of {BASELINE} at equal labels")


def _labels(study: Study) -> str:
    return f"labels, {study.tuning_labels:,} of them for tuning" if study.tuning_labels else "labels"


def named(study: Study) -> list[str]:
    """The methods that get a colour, the baseline first."""
    rows = [row.method for row in ranked(study)]
    return list(study.methods) if len(study.methods) <= READABLE else [BASELINE, *rows[:5], *rows[-2:]]


def _unnamed(study: Study) -> str:
    rest = len(study.methods) - len(named(study))
    return f" and, in grey, {rest} more" if rest else ""


def areas(study: Study) -> str:
    """Difference in mean accuracy over the budget: every shared seed, the mean, its 95 % interval and the zone of equivalence."""

    def draw(axes: Axes) -> None:
        look, rows = looks(study.methods), ranked(study)[::-1]
        base = dict(zip(study.methods[BASELINE].seeds, study.methods[BASELINE].aubc, strict=True))
        margin = 100 * float(study.spec.get("margin", 0.005))
        axes.axvspan(-margin, margin, color="#F1F1F1", linewidth=0)
        axes.axvline(0, color=look[BASELINE].colour, linewidth=1.4)
        for y, row in enumerate(rows):
            ours = dict(zip(study.methods[row.method].seeds, study.methods[row.method].aubc, strict=True))
            single = [100 * (ours[seed] - base[seed]) for seed in shared_seeds(ours, base)]
            colour = look[row.method].colour
            axes.plot(single, [y - 0.24] * len(single), "o", color=colour, alpha=0.4, markersize=3.5, markeredgewidth=0)
            if row.low is not None and row.high is not None:
                axes.plot([100 * row.low, 100 * row.high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
            axes.plot([100 * row.difference], [y], look[row.method].marker, color=colour, markersize=6.5)
        _name_rows(axes, [row.method for row in rows])
        axes.set_xlabel(f"mean {study.measure} over the budget − {BASELINE}, points")

    return inline_svg(draw, 1.2 + 0.42 * max(2, len(study.comparisons)), f"Differences in mean accuracy over the budget from {BASELINE}")


def labels_saved(study: Study) -> str:
    """Labels needed relative to the baseline to reach its final accuracy, with 95 % intervals; arrows where budgets end before the interval does."""
    rows = [row for name in [row.method for row in ranked(study)][::-1] for row in study.label_saving if row.method == name and row.fraction == 1.0]

    def draw(axes: Axes) -> None:
        look = looks(study.methods)
        axes.axvline(1, color=look[BASELINE].colour, linewidth=1.4)
        for y, row in enumerate(rows):
            _saving_row(axes, y, row, look[row.method].colour, look[row.method].marker)
        _name_rows(axes, [row.method for row in rows])
        axes.set_xlim(left=0)
        axes.set_xlabel(f"labels needed ÷ labels of {BASELINE} (left of 1 saves labels)")

    return inline_svg(draw, 1.2 + 0.42 * max(2, len(rows)), f"Labels needed to reach the final accuracy of {BASELINE}")


def labels_saved_everywhere(study: Study) -> str:
    """Labels needed relative to the baseline at every accuracy that it passes, with pointwise 95 % intervals; where a ratio is censored the line stops."""

    def draw(axes: Axes) -> None:
        look = looks(named(study))
        base = dict(zip(study.methods[BASELINE].seeds, study.methods[BASELINE].curve, strict=True))
        axes.axhline(1, color=look[BASELINE].colour, linewidth=1.4)
        highest = 1.2
        for name in [name for name in named(study) if name != BASELINE]:
            ours = dict(zip(study.methods[name].seeds, study.methods[name].curve, strict=True))
            seeds = shared_seeds(ours, base)
            if not seeds or len(study.counted) < 2:
                continue
            mine, theirs = ([curves[seed] for seed in seeds] for curves in (ours, base))
            found = saving_curve(study.counted, mine, theirs, points=_LEVELS)
            exact = np.array([word == "exact" for word in found.known])
            at, needed = 100 * found.at, np.where(exact, 1 / found.ratio, np.nan)
            highest = max(highest, float(np.nanmax(needed, initial=0.0)))
            axes.plot(at, needed, color=look[name].colour, marker=look[name].marker, markersize=3.5, linewidth=1.6, label=name)
            band = saving_band(study.counted, mine, theirs, found.at, np.random.Generator(np.random.PCG64(_RESAMPLES)))
            if band is not None:
                low, high = (np.where(exact, 1 / end, np.nan) for end in (band[:, 1], band[:, 0]))
                axes.fill_between(at, low, high, color=look[name].colour, alpha=0.12, linewidth=0)
        axes.set_ylim(0, 1.15 * highest)  # intervals may go on
        axes.set_ylabel(f"labels needed ÷ labels of {BASELINE}")
        axes.set_xlabel(f"{study.measure}, %")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", frameon=False, fontsize=9)

    return inline_svg(draw, 4.0, f"Labels needed by {', '.join(named(study)[1:])} relative to {BASELINE} at every accuracy")


def _saving_row(axes: Axes, y: int, row: LabelSaving, colour: str, marker: str) -> None:
    if row.ratio is None:
        limit = 1.0 if row.bound is None else 1 / row.bound
        axes.annotate("", (limit + 0.14, y), (limit, y), arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 2})
        axes.text(limit + 0.16, y, "not reached", color=colour, va="center", fontsize=9)
        axes.set_xlim(right=max(axes.get_xlim()[1], limit + 0.55))
        return
    if row.low is not None and row.high is not None:
        axes.plot([1 / row.high, 1 / row.low], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
        if row.low_open:
            axes.annotate("", (1 / row.low + 0.1, y), (1 / row.low - 0.01, y), arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 2})
    axes.plot([1 / row.ratio], [y], marker, color=colour, markersize=6.5)
    axes.annotate(f"{1 / row.ratio:.2f} ×", (1 / row.ratio, y), (0, 6), textcoords="offset points", ha="center", color=INK, fontsize=9)


def _name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.7, max(len(names), 1) - 0.3)
    axes.grid(visible=False, axis="y")


def inline_svg(draw: Callable[[Axes], None], height: float, description: str) -> str:
    """A figure of the house as inline SVG.

    Args:
        draw: Draws on its axes.
        height: Inches.
        description: What a screen reader says.
    """
    matplotlib: Any = require("matplotlib", by="drawing figures")
    require("matplotlib.figure", by="drawing figures")
    require("matplotlib.backends.backend_svg", by="drawing figures")
    with matplotlib.rc_context(_STYLE):
        figure = matplotlib.figure.Figure(figsize=(_WIDTH, height), layout="constrained")
        matplotlib.backends.backend_svg.FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(text.getvalue(), description)


def _inline(svg: str, description: str) -> str:
    """The SVG as it may stand in an HTML page: no prologue, no names of outside documents, sized by its column, described in words."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.S)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
    head = re.search(r'viewBox="[^"]*"', body)
    view = head.group(0) if head else ""
    escaped = description.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return re.sub(r"<svg[^>]*>", f'<svg {view} role="img" aria-label="{escaped}">', body, count=1)
