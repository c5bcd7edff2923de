"""Renders the matrix of strategies and task kinds."""

from __future__ import annotations

from collections.abc import Mapping

_HEAD = """# Which strategy serves which task kind

Generated from what every strategy reads and what a learner of every kind can give; `querist methods --matrix` prints the same. A strategy that
reads features or gradient embeddings serves every kind; one that scores probabilities serves kinds whose sites have classes, through an
aggregator; one that reads the probabilities of whole items serves those only.
Every pair with a mark runs the acquisition contract in the tests.
"""


def render(grid: Mapping[str, Mapping[str, bool]]) -> str:
    """The page.

    Args:
        grid: Strategy → kind → whether it serves it.
    """
    kinds = list(next(iter(grid.values()), {}))
    lines = [_HEAD, f"| strategy | {' | '.join(kinds)} |", "|---|" + ":-:|" * len(kinds)]
    lines += [f"| `{name}` | {' | '.join('✓' if served else '' for served in row.values())} |" for name, row in grid.items()]
    totals = [str(sum(row[kind] for row in grid.values())) for kind in kinds]
    return "\n".join([*lines, f"| of {len(grid)} | {' | '.join(totals)} |", ""])
