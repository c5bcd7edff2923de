"""The critical-difference diagram as inline SVG: mean ranks on a line, bars over the groups that no test separates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from querist.bench.figures import INK, inline_svg
from querist.bench.palette import looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _BAR, _CHARACTER, _WIDE = 0.26, 0.17, 0.072, 5.2
"""Inches for a name, for a bar, for a character, and across."""


def critical_difference(ranks: Mapping[str, float], cliques: Sequence[Sequence[str]], cd: float | None) -> str:
    """Mean ranks, best left, with a bar over every group of methods that are not told apart; dots mark its members.

    A group need not be consecutive in rank, so a bar without a dot passes a method by.

    Args:
        ranks: Method → mean rank, 1 is best.
        cliques: Groups of method names; names that have no rank are an error.
        cd: Critical difference, drawn as a scale; None draws none.
    """
    order = sorted(ranks, key=lambda name: (ranks[name], name))
    bars = _stacked([(min(ranks[name] for name in group), max(ranks[name] for name in group)) for group in cliques])
    rows, levels = (len(order) + 1) // 2, max(bars, default=-1) + 1
    above, below = 0.55 + (0.3 if cd is not None else 0.0), 0.2 + _BAR * levels

    def draw(axes: Axes) -> None:
        axes.set_axis_off()
        low, high = 1.0, float(max(len(ranks), 2))
        margin = min(1.85, _CHARACTER * (max(map(len, order), default=0) + 7))  # inches for the names on either side
        pad = (high - low) * margin / (_WIDE - 2 * margin)
        axes.set_xlim(low - pad, high + pad)
        axes.set_ylim(-(below + _ROW * (rows + 0.5)), above)
        _scale(axes, low, high, cd)
        _names(axes, ranks, order, below)
        for group, level in zip(cliques, bars, strict=True):
            members, y = [ranks[name] for name in group], -0.16 - _BAR * level
            axes.plot([min(members), max(members)], [y, y], color=INK, linewidth=2.4, solid_capstyle="round", alpha=0.55)
            axes.plot(members, [y] * len(members), "o", color=INK, markersize=4.2)

    listed = ", ".join(f"{name} {ranks[name]:.2f}" for name in order)
    return inline_svg(draw, above + below + _ROW * (rows + 0.5), f"Mean ranks, 1 is best: {listed}")


def _scale(axes: Axes, low: float, high: float, cd: float | None) -> None:
    axes.plot([low, high], [0, 0], color=INK, linewidth=1)
    step = 1 if high <= 12 else 2 if high <= 24 else 5
    for tick in [low, *(value for value in range(2, int(high) + 1) if value % step == 0 or value == high)]:
        axes.plot([tick, tick], [0, 0.08], color=INK, linewidth=1)
        if tick in (low, high) or high - tick >= step:  # the last number stays readable
            axes.text(tick, 0.12, f"{tick:g}", ha="center", va="bottom", color=INK, fontsize=8.5)
    axes.text(low, 0.36, "mean rank, 1 is best", ha="left", va="bottom", color=INK, fontsize=8.5)
    if cd is not None:
        right = min(low + cd, high + 0.4 * (high - low))
        axes.plot([low, right], [0.66, 0.66], color=INK, linewidth=1.4, marker="|", markersize=6)
        axes.text(right + 0.02 * (high - low), 0.66, f"critical difference {cd:.2f}", ha="left", va="center", color=INK, fontsize=8.5)


def _names(axes: Axes, ranks: Mapping[str, float], order: Sequence[str], below: float) -> None:
    """The better half on the left, best on top; the other half on the right, worst on top: no two leaders cross."""
    look, high = looks(ranks), float(max(len(ranks), 2))
    half = (len(order) + 1) // 2
    edge, size = 0.06 * (high - 1), 8.5 if max(map(len, order), default=0) < 20 else 7.0
    for left, names in ((True, order[:half]), (False, order[half:][::-1])):
        for row, name in enumerate(names):
            y, x = -(below + _ROW * row), 1 - edge if left else high + edge
            axes.plot([ranks[name], ranks[name], x], [0, y, y], color=look[name].colour, linewidth=1)
            axes.plot([ranks[name]], [0], look[name].marker, color=look[name].colour, markersize=5, clip_on=False)
            text = f"{name} {ranks[name]:.2f}" if left else f"{ranks[name]:.2f} {name}"
            axes.text(x + (-edge / 4 if left else edge / 4), y, text, ha="right" if left else "left", va="center", color=INK, fontsize=size)


def _stacked(spans: Sequence[tuple[float, float]]) -> list[int]:
    """The first free level of every span, so that no two bars of a level touch."""
    ends: list[list[tuple[float, float]]] = []
    levels = []
    for low, high in spans:
        level = next((place for place, taken in enumerate(ends) if all(high < a or low > b for a, b in taken)), len(ends))
        if level == len(ends):
            ends.append([])
        ends[level].append((low, high))
        levels.append(level)
    return levels
