"""The pages of claims 6 to 10 and of dropout_placement: `python docs/gen/claims_b.py NAME BENCH-FOLDER` writes docs/results/NAME/.

As claims_a, with the bench on a page of its own in `bench/`; and what their scripts share: unpaired comparisons, inputs as a learner reads them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import claims_a
import numpy as np
from claims_a import RESULTS, Claim, Found, Stated, answers, grid, publish, shown
from numpy.typing import NDArray

from querist.bench.bench_page import markdown
from querist.bench.equivalence import independent, non_inferiority, paired
from querist.bench.ground import Ground
from querist.bench.statistics import PairedT
from querist.core.optional import require
from querist.data.datasets import named


@dataclass(frozen=True)
class Unpaired(Stated):
    """A comparison of runs that share no data: Welch's t instead of the paired one."""

    @property
    def pair(self) -> PairedT:
        """The interval; n is that of the smaller side."""
        assert not isinstance(self.theirs, float)
        found = independent(list(self.ours.values()), list(self.theirs.values()))
        t = require("scipy.stats", by="comparing methods").t(found.df)
        wide, narrow = (float(t.ppf(level)) * found.error for level in (0.975, 0.95))
        p, mean = 2 * float(t.sf(abs(found.difference) / found.error)), found.difference
        return PairedT(found.n, mean, None, mean - wide, mean + wide, mean - narrow, mean + narrow, p)


@dataclass(frozen=True)
class AtLeast(Stated):
    """A comparison that wants no more than the margin lost: non-inferiority, one-sided."""

    @property
    def p(self) -> float | None:
        """Of the one-sided test."""
        assert not isinstance(self.theirs, float)
        return non_inferiority(paired(self.ours, self.theirs), self.margin).p


def told(pair: PairedT, scale: float = 100) -> str:
    """A difference with its 95 % interval."""
    return f"{shown(pair.difference, scale)} ({shown(pair.low or 0.0, scale)} to {shown(pair.high or 0.0, scale)})"


def read(name: str, encoder: str | None = None, folder: Path | None = None) -> dict[str, NDArray[np.float32]]:
    """Item of the pool → what a learner reads, flat: standardised inputs, or an encoder's features as the runs in a folder computed them."""
    options = {"encoder": encoder} if encoder else {}
    ground = Ground.open(named(name), options, (folder or Path()) / "runs" / "features")
    ids = list(ground.data.candidates)
    return dict(zip(ids, ground.inputs.batch(ids).numpy().reshape(len(ids), -1), strict=True))


def page(name: str, claim: Claim, found: Found, notes: str) -> str:
    """The page in Markdown: verdict, remarks, what was stated and found, tables, how to repeat it."""
    heads = ("", "compared", "mean", "of the other", "difference (95 %)", "n", "p", "stated", "found")
    word, says = claim.word(found)
    title = f"Claim {name.removeprefix('claim_')}" if name.startswith("claim_") else "Placement of dropout"
    lines = [f"# {title}: {claim.title}", "", f"**Verdict: {word}.** {says}", "", notes.strip(), "", "## What was stated and what was found", ""]
    lines += ["Hypotheses by their numbers in `bench.toml`, written before the runs. p values of differences are adjusted together (Holm);"]
    lines += ["of sameness they are those of their own tests.", "", *grid(heads, [claims_a._row(*row) for row in found])]
    for caption, columns, cells in claim.tables:
        lines += ["", f"## {caption}", "", *grid(columns, cells)]
    queue = (RESULTS / name / "bench.toml").read_text(encoding="utf-8")
    run = next(line for line in queue.splitlines() if line.startswith("# Run:")).removeprefix("# Run:").partition("      (")[0].strip()
    lines += ["", "## Again", "", f"`{run}`, then `python docs/gen/claims_b.py {name} {name}`. Development split. Every number: `claim.json`;"]
    return "\n".join([*lines, "curves, every comparison with random, and the snapshots: [the bench](bench/index.md)."]) + "\n"


def main(name: str, source: Path) -> None:
    """Measure, judge, write."""
    sys.path.insert(0, str(Path(__file__).parent / "claims"))
    target = RESULTS / name
    claim: Claim = import_module(name).measure(source)
    found = answers(claim.stated)
    (target / "bench").mkdir(parents=True, exist_ok=True)
    bench = publish(source, target / "bench")
    figures = "".join(f"\n![Learning curves of {cell}, mean and every seed]({cell}/curves.svg)\n" for cell in bench.cells)
    (target / "bench" / "index.md").write_text(markdown(bench) + figures, encoding="utf-8")
    (target / "index.md").write_text(page(name, claim, found, (target / "notes.md").read_text(encoding="utf-8")), encoding="utf-8")
    stated = [{**asdict(one), "difference": one.pair.difference, "low": one.pair.low, "high": one.pair.high, "p": p, "found": said} for one, p, said in found]
    word, says = claim.word(found)
    plain = {"name": name, "title": claim.title, "verdict": word, "says": says, "stated": stated, "values": claim.values}
    (target / "claim.json").write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
