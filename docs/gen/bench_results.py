"""Takes a finished bench into docs/results/: `python docs/gen/bench_results.py BENCH-FOLDER docs/results/NAME`.

Keeps bench.json (every number), the page in Markdown with the remarks of notes.md, figures of ranks, and a snapshot of every cell, small
enough for a repository.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from querist.bench import snapshot
from querist.bench.across import Bench
from querist.bench.bench_page import markdown
from querist.bench.figures_ranks import critical_difference


def main(source: Path, target: Path) -> None:
    """Write the files; run it again when the bench has grown."""
    bench = Bench.open(source)
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "bench.json", target / "bench.json")
    text = markdown(bench)
    ranks = {row.method: row.mean_rank for row in bench.together.ranking}
    for number, group in enumerate(bench.together.groups):
        svg = critical_difference(ranks, group.cliques, group.cd).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        (target / f"ranks-{number}.svg").write_text(svg + "\n", encoding="utf-8")
        text += f"\n![{group.test} over {group.n} data sets: methods under one bar are not told apart](ranks-{number}.svg)\n"
    for cell in bench.cells:
        folder = target / cell
        folder.mkdir(exist_ok=True)
        snapshot.publish(snapshot.read(source / cell), folder)
    notes = target / "notes.md"
    text += "\n## Notes\n\n" + notes.read_text(encoding="utf-8") if notes.is_file() else ""
    (target / "index.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
