import re

import pytest

from querist.bench.figures_ranks import critical_difference
from querist.core.errors import UsageError

pytest.importorskip("matplotlib")

RANKS = {"random": 3.4, "margin": 1.2, "badge & co": 1.9, "entropy": 3.5}
GROUPS = [("margin", "badge & co"), ("random", "entropy")]


def test_the_diagram_names_every_method_with_its_rank_and_says_it_in_words():
    figure = critical_difference(RANKS, GROUPS, 1.25)
    assert figure.startswith("<svg") and 'role="img"' in figure
    for text in ("margin 1.20", "3.50 entropy", "3.40 random", "critical difference 1.25", "mean rank, 1 is best"):
        assert f">{text}<" in figure
    assert 'aria-label="Mean ranks, 1 is best: margin 1.20, badge &amp; co 1.90, random 3.40, entropy 3.50"' in figure
    assert "http" not in figure


def test_the_diagram_is_the_same_every_time_and_needs_no_critical_difference():
    assert critical_difference(RANKS, GROUPS, None) == critical_difference(RANKS, GROUPS, None)
    assert "critical" not in critical_difference(RANKS, GROUPS, None)


def bars(figure):
    """Heights of the thick strokes, one a group."""
    paths = re.findall(r'<path d="M [-\d.]+ ([-\d.]+)\s+L [-\d.]+ [-\d.]+\s*"[^>]*stroke-width: 2.4', figure)
    return [float(height) for height in paths]


def test_bars_that_overlap_stand_on_different_levels():
    apart, overlapping = bars(critical_difference(RANKS, GROUPS, None)), bars(critical_difference(RANKS, [*GROUPS, ("badge & co", "random")], None))
    assert len(apart) == 2 and len(set(apart)) == 1
    assert len(overlapping) == 3 and len(set(overlapping)) == 2


def test_a_group_of_strangers_is_refused_and_nothing_needs_groups():
    with pytest.raises(UsageError, match="without a rank"):
        critical_difference(RANKS, [("margin", "bald")], None)
    assert "<svg" in critical_difference({"random": 1.0}, [], None)
    many = {f"m{i}": 1.0 + i for i in range(30)}
    assert "30.00 m29" in critical_difference(many, [tuple(many)], 2.0)
