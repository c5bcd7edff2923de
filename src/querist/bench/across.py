"""The record of a bench: what `bench.json` keeps. No times and no paths, so that the same bench gives the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from querist.bench.results import AtBudget, Bought, Check, Comparison, Failure, Gain, LabelSaving, Record, Saturation, Void


class Curves(Record):
    """All results of one method in one cell.

    Attributes:
        seeds: Seeds that finished, ascending.
        curve: One row per seed, one value per budget.
        aubc: Area under the budget curve, one per seed.
    """

    seeds: list[int]
    curve: list[list[float]]
    aubc: list[float]


class CellResult(Record):
    """One cell: what its study measured, without times.

    Attributes:
        cell: Its name, and the folder with `study.json` and `report.html`.
        dataset: Data set with its variants.
        metric: What the curves measure.
        split: What it was measured on.
        spec_sha256: Digest of the study's settings.
        budgets: Numbers of labels.
        methods: Name → results, the baseline first.
        comparisons: Every method with the baseline.
        label_saving: The same at equal accuracy.
        at_budget: The same at equal labels.
        gains: Ablated method → what its training and what its query give.
        bought: What every method bought, the baseline first.
        saturation: What the whole pool gives.
        failures: Runs that did not finish.
        checks: What the platform found in this cell.
        void: What is in no result, or the whole cell where no method is named.
    """

    cell: str
    dataset: str
    metric: str
    split: str
    spec_sha256: str
    budgets: list[int]
    methods: dict[str, Curves]
    comparisons: list[Comparison]
    label_saving: list[LabelSaving]
    at_budget: list[AtBudget]
    gains: dict[str, list[Gain]] = Field(default_factory=dict)
    bought: list[Bought] = Field(default_factory=list)
    saturation: Saturation | None
    failures: list[Failure]
    checks: list[Check]
    void: list[Void]

    @property
    def counts(self) -> bool:
        """Whether claims may rest on the cell as a whole."""
        return not any(mark.method is None for mark in self.void)


class Rank(Record):
    """A method over all data sets.

    Attributes:
        method: The method.
        mean_rank: 1 is the best; equal methods share.
        ranks: Data set → rank there.
        difference: Mean difference in AUBC from the baseline over data sets; None where the baseline is not ranked.
    """

    method: str
    mean_rank: float
    ranks: dict[str, float]
    difference: float | None


class Tally(Record):
    """Verdicts of a method over all cells.

    Attributes:
        method: The method.
        baseline: What it was compared with.
        wins: Cells in which it is better.
        ties: Cells in which the two are equivalent.
        undecided: Cells in which no difference was shown, or there are too few seeds for a verdict.
        losses: Cells in which it is worse.
    """

    method: str
    baseline: str
    wins: int
    ties: int
    undecided: int
    losses: int


class Penalty(Record):
    """How often one method beats another, in cells; see `penalty.PenaltyMatrix`."""

    methods: list[str]
    matrix: list[list[float]]
    settings: list[list[int]]


class Groups(Record):
    """Methods that the data sets do not separate.

    Attributes:
        test: `Nemenyi` or `Wilcoxon–Holm`.
        cliques: Groups, best first.
        cd: Critical difference, where the test has one.
        p: Of Friedman's test by Iman and Davenport, None for two methods.
        n: Data sets.
    """

    test: str
    cliques: list[list[str]]
    cd: float | None
    p: float | None
    n: int


class Together(Record):
    """What all cells say together.

    Attributes:
        data_sets: The blocks of the ranking.
        ranking: Best first; empty with fewer than two methods in common.
        left_out: Method → why it is not ranked.
        tallies: Verdicts against the baseline, in the order of the methods.
        groups: What the tests of ranks separate; tests that need more data sets are missing.
        penalty: Who beats whom.
    """

    data_sets: list[str]
    ranking: list[Rank]
    left_out: dict[str, str]
    tallies: list[Tally]
    groups: list[Groups]
    penalty: Penalty | None


class Bench(Record):
    """The record of a bench.

    Attributes:
        bench: Its name.
        spec_sha256: Digest of all its cells.
        final: Whether it was measured on final test sets.
        opened: When these were opened; empty for a bench on development splits.
        cells: Name → result, in the order of the bench.
        together: What they say together.
        checks: Checks across cells; those of one study stand in its cell.
        void: Everything that violates a check, those inside cells included.
        environment: Versions and hardware.
    """

    bench: str
    spec_sha256: str
    final: bool
    opened: list[dict[str, Any]]
    cells: dict[str, CellResult]
    together: Together
    checks: list[Check]
    void: list[Void]
    environment: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Bench:
        """A bench from its folder.

        Raises:
            UsageError: if there is none.
        """
        return cls.of_file(folder / "bench.json", "bench", "querist bench")
