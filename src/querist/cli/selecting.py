"""Selection from files, without a project: select."""

from __future__ import annotations

from typing import Annotated

import typer

from querist.cli.options import Json
from querist.cli.output import emit, note, reporting

Text = str | None


def select(
    method: Annotated[str, typer.Option("--method", help="Catalogue name or module:Class.", metavar="M", show_default=False)],
    k: Annotated[int, typer.Option("-k", help="How many items.", metavar="N", show_default=False)],
    out: Annotated[str, typer.Option("-o", "--out", help="A .csv, .jsonl or .parquet file: id, rank, score, note.", metavar="FILE", show_default=False)],
    probs: Annotated[Text, typer.Option("--probs", help="Class probabilities (n, c) or (n, k, c): .npy, .npz, .parquet, .safetensors.", metavar="F")] = None,
    features: Annotated[Text, typer.Option("--features", help="Features (n, d).", metavar="F")] = None,
    gradients: Annotated[Text, typer.Option("--gradients", help="Gradient embeddings: residual and feature.", metavar="F")] = None,
    labelled: Annotated[Text, typer.Option("--labelled", help="Labelled items: ids (.txt, .csv), a mask or features (.npy).", metavar="F")] = None,
    labels: Annotated[Text, typer.Option("--labels", help="Class position of each labelled item, in their order.", metavar="F")] = None,
    pending: Annotated[Text, typer.Option("--pending", help="Items being labelled: ids or a mask.", metavar="F")] = None,
    ids: Annotated[Text, typer.Option("--ids", help="One id per row; row numbers by default.", metavar="F")] = None,
    costs: Annotated[Text, typer.Option("--costs", help="What each label costs.", metavar="F")] = None,
    statistic: Annotated[list[str] | None, typer.Option("--statistic", help="Another statistic; may be given again.", metavar="NAME=F")] = None,
    param: Annotated[list[str] | None, typer.Option("--param", help="A parameter of the method; may be given again.", metavar="NAME=VALUE")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Root of the random streams.", metavar="N")] = 0,
    round: Annotated[int, typer.Option("--round", help="Number of the round; another one draws anew.", metavar="N")] = 1,
    device: Annotated[Text, typer.Option("--device", help="cpu or cuda.", metavar="NAME")] = None,
    max_bytes: Annotated[int | None, typer.Option("--max-bytes", help="Bound on the buffers in memory.", metavar="N")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from OUT.state.npz, which an interrupted selection left.")] = False,
    json: Json = False,
) -> None:
    """Choose what to label from the files of any model: no project, no training.

    Example: querist select --method badge -k 100 --probs p.npy --features h.parquet --labelled done.txt -o batch.csv

    A wrapper takes its method by name: querist select --method subsample --param inner=badge --param size=20000 …

    Ctrl-C ends it with exit code 130. k-center, k-means++, BADGE, LCMD, maximum determinant and facility location keep their picks in OUT.state.npz
    every ten seconds and when interrupted: the same command with --resume goes on to the result that an unbroken run would have had.
    """
    from querist.adapters.selecting import parameter, select_files

    arrays = {"probs": probs, "features": features, "gradients": gradients, "costs": costs} | {
        name: str(file) for name, file in map(parameter, statistic or ())
    }
    items = {"labelled": labelled, "labels": labels, "pending": pending, "ids": ids}
    try:
        with reporting() as report:
            done = select_files(
                method, k, out, arrays, items, parameters=param or (), max_bytes=max_bytes, seed=seed, round=round, device=device, resume=resume,
                report=lambda picks, of: report("select", picks / max(of, 1), {}),
            )  # fmt: skip
    except KeyboardInterrupt as stop:
        note(str(stop))
        raise
    emit(done, f"{done['selected']} of {k} chosen in {done['seconds']:.2f} s: {out}")
    if done["selected"] < k:
        note(f"asked for {k}, {done['selected']} could be chosen")
