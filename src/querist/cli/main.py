"""The entry: `querist COMMAND`. Commands are plain functions in one file per noun."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from typer.main import get_command

from querist.cli import benching, doctor, exploring, labelling, methods, projects, run, selecting, snapshots, working
from querist.cli.output import through_the_door
from querist.core.threads import limit_threads

app = typer.Typer(
    help="Deep active learning: ask for the labels worth having, and prove that they were.",
    rich_markup_mode=None,  # plain help: rendering it would take longer than the command
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (
    run.demo, run.run, methods.methods,
    projects.init, projects.classes, projects.extend,
    labelling.ask, labelling.tell, labelling.skip, labelling.release, labelling.label,
    working.update, working.work,
    projects.status, projects.report, projects.export,
    selecting.select,
    benching.bench,
    exploring.tune, exploring.transfer, exploring.analyse,
    snapshots.check_snapshot, snapshots.verify, snapshots.replay, snapshots.diff,
    doctor.doctor,
):  # fmt: skip
    app.command()(command)


def execute(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0 done, 1 failed, 2 usage, 130 interrupted."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # strategies of one's own are imported from here, by worker processes too; last, so that nothing is shadowed
    program = get_command(app)
    return through_the_door(lambda given: program.main(args=list(given) or ["--help"], prog_name="querist", standalone_mode=False), argv)


def main() -> None:
    """The console script."""
    limit_threads()
    sys.exit(execute(sys.argv[1:]))


if __name__ == "__main__":
    main()
