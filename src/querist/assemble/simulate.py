"""A simulated project on a named data set: what the benchmark runs, one per method and seed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from querist.assemble.features import sharing
from querist.assemble.learners import NO_ENCODER
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.data.datasets import NamedPool, NamedSet, base_name, named
from querist.data.datasets.registry import entry
from querist.project.oracles import Simulated
from querist.project.project import Project

_INPUT: Final = frozenset({"encoder", "weights", "side"})


def learner_options(dataset: str, wishes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The learner options of a simulated run: the set's own, and over them what is asked for. `encoder = "none"` takes the inputs as they are.

    A learner that is given whole (`use`) brings its own recipe; only how items become tensors is then the set's. `track = "strong"` takes the
    sibling of the recipe that has this name behind its own.

    Raises:
        UsageError: for a recipe that has no such sibling.
    """
    asked, own = dict(wishes or {}), dict(entry(base_name(dataset)).learner)
    chosen = {key: value for key, value in own.items() if key in _INPUT} | asked if "use" in asked else {"recipe": "mlp", **own, **asked}
    if chosen.get("encoder") == NO_ENCODER:
        del chosen["encoder"]
    if track := chosen.pop("track", None):
        chosen["recipe"] = _sibling(str(chosen.get("recipe")), str(track))
    return chosen


def _sibling(recipe: str, track: str) -> str:
    """The recipe of another track."""
    name = f"{recipe}-{track}"
    known = [str(row["name"]) for row in catalogue.rows("recipe") if row.get("track") == track]
    if name not in known:
        raise UsageError(f"the recipe {recipe} has no {track} form", got=name, wanted=", ".join(known))
    return name


def simulation(
    *,
    dataset: str,
    method: str | Mapping[str, Any],
    seed: int,
    path: Path | str,
    root: str | None = None,
    final: bool = False,
    learner: Mapping[str, Any] | None = None,
    initial: int = 20,
    batch: int = 20,
    budget: int = 300,
    score_pool: int = 10_000,
) -> tuple[Project, Simulated]:
    """The project of one run, opened where an earlier attempt left it or made anew, and the oracle that knows the answers.

    Args:
        dataset: Name of the set, with its variants.
        method: Catalogue name, import path, or a spec that the catalogue reads.
        seed: Root seed: initial set, initial weights, loader order and so on are the same for every method.
        path: Project file, or `":memory:"`.
        root: Folder with the set's files.
        final: Evaluate on the final test set instead of the development split.
        learner: Learner options; the set's recipe if they name none.
        initial: Labels of round 1, drawn at random.
        batch: Labels per round.
        budget: Labels at the end.
        score_pool: Candidates scored per round.

    Raises:
        UsageError: if the pool is too small, or there is no final test set.
    """
    data = named(dataset, root)
    check_sizes(data, initial, budget)
    oracle = Simulated({item: data.targets[item] for item in data.candidates})
    options = learner_options(dataset, learner)
    bind = sharing(None if str(path) == ":memory:" else Path(path).parent / "features")
    if str(path) != ":memory:" and Path(path).exists():
        return Project.open(path, runtime=bind), oracle
    # Three pools that share no item: nothing computed from the pool's inputs (normalisation) can see a test input.
    part = "final" if final else "dev"
    project = Project.create(
        path, pool=NamedPool(dataset, root, "pool"), task=data.space, test=_final(data) if final else data.test,
        test_pool=NamedPool(dataset, root, part), method=method, learner=options, seed=seed, initial=initial, batch=batch, budget=budget, reserve=0,
        score_pool=score_pool, runtime=bind,
    )  # fmt: skip
    return project, oracle


def _final(data: NamedSet) -> Mapping[str, Any]:
    if data.final is None:
        raise UsageError(f"the data set {data.name!r} has no final test set", hint="Leave out --final: results are on the development split.")
    return data.final().targets


def check_sizes(data: NamedSet, initial: int, budget: int) -> None:
    """Refuse what the pool cannot give.

    Raises:
        UsageError: naming the size asked for and the pool's.
    """
    for name, asked in (("initial", initial), ("budget", budget)):
        if asked > len(data.candidates):
            raise UsageError(f"--{name} is larger than the pool of {data.name!r}", got=asked, wanted=f"at most {len(data.candidates)}")
