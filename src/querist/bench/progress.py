"""Progress of a study on standard error: live where there is a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from querist.bench.crew import Run
from querist.bench.spec import StudySpec
from querist.bench.wording import duration, percent
from querist.bench.working import Emit, Event


@dataclass
class Standing:
    """What is known of a running study, from its events.

    Attributes:
        spec: The study.
        clock: Monotonic seconds.
        before: Runs that were finished before.
    """

    spec: StudySpec
    clock: Callable[[], float] = time.monotonic
    before: Collection[Run] = ()
    curves: dict[str, dict[int, dict[int, float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(dict)))
    costs: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    finished: set[tuple[str, int]] = field(default_factory=set)
    failed: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.begun = self.clock()

    def take(self, event: Event) -> None:
        """Learn from one event."""
        run = (event["method"], event["seed"])
        if event["event"] == "round":
            self.curves[event["method"]][event["labels"]][event["seed"]] = event["accuracy"]
            self.costs[event["labels"]].append(event["seconds"])
        elif event["event"] in ("done", "failed"):
            (self.finished if event["event"] == "done" else self.failed).add(run)

    @property
    def rounds(self) -> int:
        """Rounds measured."""
        return sum(len(seeds) for curve in self.curves.values() for seeds in curve.values())

    def left(self) -> float | None:
        """Seconds left, None before the first round: what every budget cost on average, over the workers at work."""
        if not self.costs:
            return None
        total, latest = 0.0, 0.0
        open_runs = [run for run in self.spec.runs() if run not in self.finished | self.failed | set(self.before)]
        for labels in self.spec.budgets:
            latest = fmean(self.costs[labels]) if self.costs.get(labels) else latest
            total += latest * sum(seed not in self.curves[method][labels] for method, seed in open_runs)
        return total / max(1, min(self.spec.workers, len(open_runs)))

    def line(self, method: str) -> str:
        """Newest mean accuracy of a method: at the last budget that any of its runs has reached."""
        reached = [labels for labels, seeds in self.curves[method].items() if seeds]
        if not reached:
            return "–"
        labels = max(reached)
        seeds = self.curves[method][labels]
        return f"{percent(fmean(seeds.values()))} at {labels:,} labels ({len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'})"


Beside = Callable[[Standing], str]


@contextmanager
def progress(
    spec: StudySpec, *, before: Collection[Run] = (), quiet: bool = False, console: Console | None = None, beside: Beside = lambda standing: ""
) -> Iterator[Emit]:
    """Show a study at work; yields what `run_study` takes as `emit`.

    Args:
        spec: The study.
        before: Runs that were finished before.
        quiet: Show nothing.
        console: Where to; standard error by default.
        beside: What to say beside the study's own progress.
    """
    if quiet:
        yield lambda event: None
        return
    shown = Console(stderr=True) if console is None else console
    standing = Standing(spec, before=before)
    total = len(spec.runs()) - len(before)
    if not shown.is_terminal:
        yield _Lines(standing, total, shown, beside).emit
        return
    with Live(_panel(standing, total, beside(standing)), console=shown, refresh_per_second=4, transient=True) as live:

        def emit(event: Event) -> None:
            standing.take(event)
            live.update(_panel(standing, total, beside(standing)))

        yield emit


class _Lines:
    """One line for every run that ends."""

    def __init__(self, standing: Standing, total: int, console: Console, beside: Beside) -> None:
        self.standing, self.total, self.console, self.beside = standing, total, console, beside

    def emit(self, event: Event) -> None:
        self.standing.take(event)
        if event["event"] not in ("done", "failed"):
            return
        count = len(self.standing.finished) + len(self.standing.failed)
        what = f"failed: {event['error']}" if event["event"] == "failed" else self.standing.line(event["method"])
        text = f"[{count}/{self.total}] {event['method']} seed {event['seed']}: {what}{_left(self.standing)}{self.beside(self.standing)}"
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _panel(standing: Standing, total: int, beside: str) -> Group:
    spec = standing.spec
    rounds = max(1, total * len(spec.budgets))
    head = Table.grid(padding=(0, 2))
    counts = f"{len(standing.finished)}/{total} runs, {standing.rounds}/{rounds} rounds"
    head.add_row(
        Text(spec.title, style="bold"), ProgressBar(total=rounds, completed=standing.rounds, width=30), counts, f"{_left(standing)}{beside}".removeprefix(", ")
    )
    body = Table.grid(padding=(0, 2))
    for method in spec.methods:
        ended = sum(run[0] == method for run in standing.finished)
        failed = sum(run[0] == method for run in standing.failed)
        trouble = Text(f"{failed} failed", style="red") if failed else Text("")
        body.add_row(Text(f"  {method}"), f"{ended}/{len(spec.seeds_of(method))}", standing.line(method), trouble)
    return Group(head, body)


def _left(standing: Standing) -> str:
    seconds = standing.left()
    return "" if seconds is None or seconds <= 0 else f", about {duration(max(1.0, seconds))} left"
