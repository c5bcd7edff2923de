"""Progress of a bench: that of the study at work, and the time left over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from querist.bench.crew import Run
from querist.bench.plan import Cell
from querist.bench.progress import Standing, progress
from querist.bench.runs import read_record
from querist.bench.wording import duration
from querist.bench.working import Emit, Event


@dataclass
class Across:
    """What is known of a running bench.

    Attributes:
        cells: Its cells.
        before: Cell → runs that were finished before.
        quiet: Show nothing.
        console: Where to; standard error by default.
    """

    cells: Sequence[Cell]
    before: Mapping[str, Sequence[Run]]
    quiet: bool = False
    console: Console | None = None
    rounds: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, cells: Sequence[Cell], out: Path, *, quiet: bool = False, console: Console | None = None) -> Across:
        """The progress of these cells in this folder."""

        def done(cell: Cell, run: Run) -> bool:
            return read_record(out / cell.name / "runs", *run, cell.spec.run_sha256) is not None

        return cls(cells, {cell.name: [run for run in cell.spec.runs() if done(cell, run)] for cell in cells}, quiet, console)

    @contextmanager
    def watch(self, cell: Cell) -> Iterator[Emit]:
        """Show one cell at work."""
        place = self.cells.index(cell)
        with progress(cell.spec, before=self.before[cell.name], quiet=self.quiet, console=self.console, beside=lambda now: self._beside(place, now)) as show:

            def emit(event: Event) -> None:
                if event["event"] == "round":
                    self.rounds, self.seconds = self.rounds + 1, self.seconds + event["seconds"]
                show(event)

            yield emit

    def _beside(self, place: int, now: Standing) -> str:
        if len(self.cells) == 1:
            return ""
        left = self.left(place, now)
        said = "" if left is None else f", about {duration(max(1.0, left))} in all"
        return f"{said} (cell {place + 1} of {len(self.cells)})"

    def left(self, place: int, now: Standing) -> float | None:
        """Seconds left: of the cell at work as its study knows, of those to come by the mean cost of a round so far; None before the first round."""
        here = now.left()
        if here is None or not self.rounds:
            return None
        later = sum((len(cell.spec.runs()) - len(self.before[cell.name])) * len(cell.spec.budgets) for cell in self.cells[place + 1 :])
        return here + later * self.seconds / self.rounds / max(1, now.spec.workers)
