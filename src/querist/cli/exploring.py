"""Before and after a study: tune a recipe on random sets, transfer index sets to other models, ask whether a data set is worth it."""

from __future__ import annotations

from typing import Annotated

import typer

from querist.cli.options import Json, Root

Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="A named data set.", show_default=False)]
Recipe = Annotated[str | None, typer.Option("--recipe", help="Recipe of the catalogue; by default that of the data set.", metavar="NAME")]
Network = Annotated[str | None, typer.Option("--network", help="Network, by name.", metavar="NAME")]
Encoder = Annotated[str | None, typer.Option("--encoder", help="Frozen encoder, or none.", metavar="NAME")]
Steps = Annotated[int | None, typer.Option("--steps", help="Optimiser steps instead of the recipe's rule.", metavar="N")]


def tune(
    dataset: Dataset,
    recipe: Recipe = None,
    network: Network = None,
    encoder: Encoder = None,
    steps: Steps = None,
    trials: Annotated[int, typer.Option("--trials", help="Settings tried, the recipe's own among them.", metavar="N")] = 16,
    labels: Annotated[str | None, typer.Option("--labels", help="Sizes of the labelled sets; 5 and 20 a class by default.", metavar="A,B,…")] = None,
    validation: Annotated[int, typer.Option("--validation", help="Items taken out of the pool for the objective; 0: a fifth, at most 500.", metavar="N")] = 0,
    sets: Annotated[int, typer.Option("--sets", help="Labelled sets that every trial is scored on.", metavar="N")] = 2,
    confirm: Annotated[int, typer.Option("--confirm", help="Fresh labelled sets for the second test of the best.", metavar="N")] = 5,
    over: Annotated[list[str] | None, typer.Option("--over", help="NAME, NAME=LOW..HIGH or NAME=A,B; may be given again.", metavar="SETTING")] = None,
    grid: Annotated[bool, typer.Option("--grid", help="All combinations of a small grid instead of random draws.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Root of all draws.", metavar="N")] = 0,
    root: Root = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="File of the learner table; trials and provenance lie beside it.", metavar="FILE.toml")] = None,
    json: Json = False,
) -> None:
    """Tune a recipe on random labelled sets and counted validation items, to be frozen for all methods.

    Example: querist tune digits --trials 20 --labels 50,200 --out digits-tuned.toml
    """
    from querist.cli.exploration import numbers, tuned

    asked = {"trials": trials, "labels": numbers(labels), "validation": validation, "sets": sets, "confirm": confirm, "grid": grid, "seed": seed, "root": root}
    tuned(dataset, {"recipe": recipe, "network": network, "encoder": encoder, "steps": steps}, {**asked, "over": tuple(over or ())}, out)


def transfer(
    studies: Annotated[list[str], typer.Argument(metavar="STUDY…", help="Folder of a study, or its snapshot; several with --ranks.", show_default=False)],
    recipe: Annotated[list[str] | None, typer.Option("--recipe", help="Another model: a recipe, or a TOML file; may be given again.", metavar="NAME")] = None,
    network: Annotated[list[str] | None, typer.Option("--network", help="Another model: the study's recipe with this network.", metavar="NAME")] = None,
    encoder: Encoder = None,
    steps: Steps = None,
    method: Annotated[list[str] | None, typer.Option("--method", help="Only this method and random; may be given again.", metavar="M")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", help="Only seeds 0 … N-1.", metavar="N")] = None,
    ranks: Annotated[bool, typer.Option("--ranks", help="Stability of the methods' ranks over several studies.")] = False,
    out: Annotated[str | None, typer.Option("-o", "--out", help="File of the result; what was trained lies beside it.", metavar="FILE.json")] = None,
    json: Json = False,
) -> None:
    """Train other models on the index sets of a study, or see whether ranks hold from data set to data set.

    Example: querist transfer querist-digits --recipe mlp --method margin
    """
    from querist.cli.exploration import compared_ranks, transferred

    if ranks:
        compared_ranks(studies, out)
    else:
        transferred(studies, recipe or (), network or (), {"encoder": encoder, "steps": steps}, {"methods": tuple(method or ()), "seeds": seeds}, out)


def analyse(
    dataset: Dataset,
    recipe: Recipe = None,
    network: Network = None,
    encoder: Encoder = None,
    steps: Steps = None,
    importance: Annotated[str, typer.Option("--importance", help="grad_norm, last_layer or el2n.", metavar="MODE")] = "grad_norm",
    seed: Annotated[int, typer.Option("--seed", help="First seed.", metavar="N")] = 0,
    seeds: Annotated[int, typer.Option("--seeds", help="How many seeds; fewer than five show nothing.", metavar="N")] = 5,
    root: Root = None,
    out: Annotated[str | None, typer.Option("-o", "--out", help="Write a page as well.", metavar="FILE.html|md")] = None,
    json: Json = False,
) -> None:
    """Say whether a data set is worth active learning: importance, redundancy, random and best subsets.

    Example: querist analyse digits -o digits.html
    """
    from querist.cli.exploration import analysed

    analysed(dataset, {"recipe": recipe, "network": network, "encoder": encoder, "steps": steps}, importance, seed, seeds, root, out)
