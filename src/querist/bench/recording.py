"""What a finished run leaves for the record: which items, with which scores, which model, on what data and with which parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from querist.core.contracts import LabelSpace, Pool
from querist.core.errors import TrainingError
from querist.core.records import Annotation
from querist.core.spec import digest
from querist.store.artifacts import file_hash


class Recorded(Protocol):
    """What the record needs of a project, once its run is over."""

    @property
    def spec(self) -> Mapping[str, Any]: ...
    @property
    def pool(self) -> Pool: ...
    @property
    def space(self) -> LabelSpace: ...
    def test(self) -> Mapping[str, Any]: ...
    def history(self) -> Iterator[Annotation]: ...
    def snapshots(self) -> Iterator[Mapping[str, Any]]: ...


def details(project: Recorded, snapshots: Iterable[Mapping[str, Any]], budgets: Sequence[int]) -> list[dict[str, Any]]:
    """What each round was made of, in the fields of a `RoundRecord`.

    Args:
        project: The project of the run.
        snapshots: Those of rounds 1, 2, …
        budgets: Numbers of labels of these rounds.

    Raises:
        TrainingError: if an item was labelled twice, or labels are missing.
    """
    told = list(project.history())
    if len({row.item for row in told}) != len(told) or len(told) != budgets[-1]:
        raise TrainingError("the labels of a run must be those of its budgets, one an item", got=len({row.item for row in told}), wanted=budgets[-1])
    spent = list(_spent(project.space, told, budgets))
    pairs = zip(snapshots, pairwise((0, *budgets)), spent, strict=True)
    return [{**_detail(snapshot, told[low:high]), "spent": units} for snapshot, (low, high), units in pairs]


def _spent(space: LabelSpace, told: Sequence[Annotation], budgets: Sequence[int]) -> Iterator[dict[str, float]]:
    """Units of effort of the labels up to each budget; nothing where every label is as dear as another."""
    units: dict[str, float] = {}
    for low, high in pairwise((0, *budgets)):
        if space.kind != "classification":
            for row in told[low:high]:
                for name, count in space.effort(row.value).items():
                    units[name] = units.get(name, 0.0) + float(count)
        yield dict(units)


def _detail(snapshot: Mapping[str, Any], told: Sequence[Annotation]) -> dict[str, Any]:
    chosen = all(row.round for row in told)  # round 0 is a random order: nobody scored it
    info = snapshot["info"]
    return {
        "ids": tuple(row.item for row in told),
        "scores": tuple(row.score_at_query for row in told) if chosen else (),
        "model": str(info.get("model", "")),
        "labels_sha256": snapshot["input"]["labelled_sha256"],
        "steps": tuple(info.get("steps", ())),
        "unlabelled": tuple(info.get("unlabelled", ())),
        "test_reads": tuple(info.get("test_reads", ())),
    }


def data_of(project: Recorded, first: Mapping[str, Any]) -> dict[str, Any]:
    """Fingerprints of the items, of their order, of the test items with their values, and the label space.

    Args:
        project: The project of the run.
        first: Its first snapshot.
    """
    ids, test = list(project.pool.ids()), project.test()
    return {
        "fingerprint": first["data"]["fingerprint"],
        "items": len(ids),
        "ids_sha256": digest(ids),
        "test": len(test),
        "test_sha256": digest([[item, test[item]] for item in sorted(test)]),
        "schema": dict(project.space.schema()),
    }


def parts_of(project: Recorded, last: Mapping[str, Any]) -> dict[str, Any]:
    """The resolved learner and acquisition, and the options they came from.

    Args:
        project: The project of the run.
        last: Its last snapshot.
    """
    options, info = dict(project.spec["learner"] or {}), last["info"]
    weights = options.get("weights")
    return {
        "options": options,
        "weights_sha256": None if weights is None else file_hash(Path(weights)),
        "learner": info.get("learner"),
        "acquisition": info.get("acquisition"),
        "score_pool": info.get("score_pool"),
    }
