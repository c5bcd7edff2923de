"""The pages of claims 1 to 5: `python docs/gen/claims_a.py N BENCH-FOLDER` measures what curves do not show and writes docs/results/claim_N/.

`claims/claim_N.py` says what is measured and which comparisons were stated beforehand; all comparisons of a claim are one family for Holm. Measurements
that need training lie in BENCH-FOLDER as lines of JSON, so that a second call goes on where the first was stopped.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from querist.bench import snapshot
from querist.bench.across import Bench
from querist.bench.bench_page import markdown
from querist.bench.equivalence import equivalence, paired
from querist.bench.figures import learning_curves
from querist.bench.results import Study
from querist.bench.statistics import LEAST_SEEDS, PairedT, holm, paired_t
from querist.bench.wording import p_value

RESULTS = Path(__file__).parents[1] / "results"
Values = Mapping[int, float]
Answer = Literal["as stated", "the opposite", "not shown"]
ALPHA = 0.05


@dataclass(frozen=True)
class Stated:
    """A comparison that was stated before the run.

    Attributes:
        number: Of the hypothesis in bench.toml.
        what: What is compared, for the table.
        ours: Seed → value.
        theirs: Seed → value, or one number for all seeds.
        wants: `more`, `less`, or `same` within ± margin.
        scale: 100 shows points of accuracy.
        margin: For `same`.
    """

    number: int
    what: str
    ours: Values
    theirs: Values | float
    wants: Literal["more", "less", "same"]
    scale: float = 1.0
    margin: float = 0.005

    @property
    def pair(self) -> PairedT:
        """The paired interval."""
        return paired_t(self.ours, self.theirs if isinstance(self.theirs, Mapping) else dict.fromkeys(self.ours, self.theirs))

    @property
    def p(self) -> float | None:
        """Not adjusted; of sameness the larger p value of two one-sided tests."""
        if self.wants != "same":
            return self.pair.p
        assert isinstance(self.theirs, Mapping)
        return equivalence(paired(self.ours, self.theirs), self.margin).p

    def answer(self, p: float | None, tests: int) -> Answer:
        """What came of it, by the adjusted p value; what was stated to be the same is the opposite where it differs after as many tests."""
        pair = self.pair
        if pair.n < LEAST_SEEDS or pair.p is None or p is None:
            return "not shown"
        if self.wants == "same":
            return "as stated" if p < ALPHA else "the opposite" if pair.p * tests < ALPHA else "not shown"
        if p >= ALPHA:
            return "not shown"
        return "as stated" if (pair.difference > 0) == (self.wants == "more") else "the opposite"


Found = Sequence[tuple[Stated, float | None, Answer]]


@dataclass(frozen=True)
class Claim:
    """What a claim's script found.

    Attributes:
        title: Of the page.
        stated: The comparisons.
        word: From the answers to the verdict that bench.toml's rule gives, `holds`, `does not hold` or `depends`, and a sentence.
        tables: Further tables, (caption, heads, rows).
        values: Everything measured, for claim.json.
    """

    title: str
    stated: Sequence[Stated]
    word: Callable[[Found], tuple[str, str]]
    tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


def answers(stated: Sequence[Stated]) -> Found:
    """Every comparison with its p value: differences adjusted together; sameness, as the platform says `equivalent`, by its own test alone."""
    adjusted = holm([one.p if one.wants != "same" else None for one in stated])
    p = [one.p if one.wants == "same" else value for one, value in zip(stated, adjusted, strict=True)]
    return [(one, value, one.answer(value, len(stated))) for one, value in zip(stated, p, strict=True)]


def all_as(found: Found, *numbers: int) -> bool:
    """Whether every comparison of these hypotheses came out as stated."""
    return all(answer == "as stated" for one, _, answer in found if one.number in numbers)


def count(found: Found, number: int, answer: Answer = "as stated") -> str:
    """In how many of a hypothesis' comparisons that was the answer: `3 of 7`."""
    said = [one for row, _, one in found if row.number == number]
    return f"{said.count(answer)} of {len(said)}"


def shown(value: float, scale: float = 1.0) -> str:
    """A number with two or three digits behind the point; points where the scale is 100."""
    return f"{value * scale:.{1 if scale == 100 else 3}f}".replace("-", "−")


def mean(values: Values, scale: float = 1.0) -> str:
    """The mean over seeds, as `shown` has it."""
    return shown(fmean(values.values()), scale)


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return ["| " + " | ".join(line) + " |" for line in (heads, ["---"] * len(heads), *rows)]


def _row(one: Stated, p: float | None, answer: str) -> list[str]:
    pair, theirs = one.pair, one.theirs
    seeds = sorted(set(one.ours) & set(theirs)) if isinstance(theirs, Mapping) else sorted(one.ours)
    other = fmean(theirs[seed] for seed in seeds) if isinstance(theirs, Mapping) else theirs
    means = [shown(fmean(one.ours[seed] for seed in seeds), one.scale), shown(other, one.scale)]
    interval = "–" if pair.low is None or pair.high is None else f"{shown(pair.low, one.scale)} to {shown(pair.high, one.scale)}"
    wanted = f"same, ± {one.margin * one.scale:g}" if one.wants == "same" else one.wants
    return [str(one.number), one.what, *means, f"{shown(pair.difference, one.scale)} ({interval})", str(pair.n), p_value(p), wanted, f"**{answer}**"]


def page(claim: Claim, number: int, found: Found, notes: str, bench: Bench) -> str:
    """The page in Markdown: verdict and remarks first, the bench behind them."""
    heads = ("", "compared", "mean", "of the other", "difference (95 %)", "n", "p", "stated", "found")
    word, says = claim.word(found)
    lines = [f"# Claim {number}: {claim.title}", "", f"**Verdict: {word}.** {says}", "", notes.strip(), "", "## What was stated and what was found", ""]
    lines += ["Paired by seed; hypotheses by their numbers in `bench.toml`, written before the runs. p values of differences are adjusted together (Holm);"]
    lines += ["of sameness they are those of two one-sided tests.", "", *grid(heads, [_row(*row) for row in found])]
    for caption, columns, rows in claim.tables:
        lines += ["", f"## {caption}", "", *grid(columns, rows)]
    lines += ["", "## The bench", "", *(f"#{line}" if line.startswith("##") else line for line in markdown(bench).splitlines()[1:])]
    lines += [line for cell in bench.cells for line in ("", f"![Learning curves of {cell}, mean and every seed]({cell}/curves.svg)")]
    lines += ["", "## Again", "", f"`querist bench docs/results/claim_{number}/bench.toml --out claims/claim_{number}`, then"]
    lines += [f"`python docs/gen/claims_a.py {number} claims/claim_{number}`. Development split. Values of every seed: `claim.json`; curves: `bench.json`."]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def publish(source: Path, target: Path) -> Bench:
    """Every number of the bench, and of every cell a packed snapshot and a figure."""
    bench = Bench.open(source)
    shutil.copy(source / "bench.json", target / "bench.json")
    for cell in bench.cells:
        folder = target / cell
        folder.mkdir(exist_ok=True)
        plain = snapshot.read(source / cell)
        (folder / f"{snapshot.FILE}.gz").write_bytes(gzip.compress(snapshot.text(plain).encode(), mtime=0))
        svg = learning_curves(Study.open(source / cell)).strip()
        (folder / "curves.svg").write_text(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n", encoding="utf-8")
    return bench


def main(number: int, source: Path) -> None:
    """Measure, judge, write."""
    sys.path.insert(0, str(Path(__file__).parent / "claims"))
    target = RESULTS / f"claim_{number}"
    claim: Claim = import_module(f"claim_{number}").measure(source)
    notes = (target / "notes.md").read_text(encoding="utf-8") if (target / "notes.md").is_file() else ""
    found, bench = answers(claim.stated), publish(source, target)
    (target / "index.md").write_text(page(claim, number, found, notes, bench), encoding="utf-8")
    rows = [{**asdict(one), "difference": one.pair.difference, "low": one.pair.low, "high": one.pair.high, "p": p, "found": said} for one, p, said in found]
    word, says = claim.word(found)
    plain = {"claim": number, "title": claim.title, "verdict": word, "says": says, "stated": rows, "values": claim.values}
    (target / "claim.json").write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
