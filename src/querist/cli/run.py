"""Simulated studies: demo and run."""

from __future__ import annotations

from typing import Annotated

import typer

from querist.cli.options import Json, Root

Seeds = Annotated[int | None, typer.Option("--seeds", help="Seeds 0 … N-1; random gets twice as many. 5 by default.", metavar="N")]
Out = Annotated[str | None, typer.Option("--out", help="Folder of the study; finished runs in it are kept.", metavar="DIR")]


def demo(
    out: Out = "querist-demo",
    seeds: Seeds = None,
    workers: Annotated[int | None, typer.Option("--workers", metavar="N", help="Processes.")] = None,
    json: Json = False,
) -> int:
    """Watch active learning on real digits: random, margin, BADGE and the default rule, in about two minutes.

    Example: querist demo --out my-demo
    """
    from querist.cli.studying import study

    settings = {"name": "demo", "dataset": "digits", "methods": ("random", "margin", "badge", "auto"), "initial": 20, "batch": 20, "budget": 300}
    return study({**settings, "recipe": "digits-cnn", "seeds": seeds, "workers": workers}, None, out)


def run(
    dataset: Annotated[str, typer.Argument(metavar="DATASET|SPEC.toml", help="A named data set, or the file of a study.", show_default=False)],
    method: Annotated[list[str] | None, typer.Option("--method", help="Catalogue name or module:Class; may be given again.", metavar="M")] = None,
    seeds: Seeds = None,
    initial: Annotated[int | None, typer.Option("--initial", help="Labels before the first choice.", metavar="N")] = None,
    batch: Annotated[int | None, typer.Option("--batch", help="Labels a round.", metavar="N")] = None,
    budget: Annotated[int | None, typer.Option("--budget", help="Labels at the end.", metavar="N")] = None,
    network: Annotated[str | None, typer.Option("--network", help="Network, by name.", metavar="NAME")] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", help="Recipe of the catalogue.", metavar="NAME")] = None,
    scheme: Annotated[str | None, typer.Option("--scheme", help="Training scheme for all methods: catalogue name or module:Class.", metavar="NAME")] = None,
    refit: Annotated[str | None, typer.Option("--refit", help="Where a round starts, by name.", metavar="NAME")] = None,
    root: Root = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes.", metavar="N")] = None,
    final: Annotated[bool, typer.Option("--final", help="Measure on the final test set instead of the development split.")] = False,
    out: Out = None,
    json: Json = False,
) -> int:
    """Compare methods on a named data set, or run the study of a TOML file.

    Example: querist run digits --method margin --method my_strategy:Mine --seeds 5
    """
    from querist.cli.studying import study

    sizes = {"seeds": seeds, "initial": initial, "batch": batch, "budget": budget, "workers": workers}
    wishes = {**sizes, "methods": tuple(method) if method else None, "network": network, "recipe": recipe, "root": root, "final": final or None}
    learner = {key: value for key, value in {"scheme": scheme, "refit": refit}.items() if value is not None}
    return study({**wishes, "learner": learner or None}, dataset, out)
