"""The logic of `querist init`, `extend` and `label FOLDER`: from what a user typed to a project. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from querist.assemble.held_out import HeldOut, duplicates, held_out
from querist.assemble.learners import options
from querist.core import catalogue
from querist.core.contracts import LabelSpace, Pool
from querist.core.errors import LabelError, StoreError, UnknownItemError, UsageError
from querist.core.order import canonical
from querist.data.annotated.opening import annotated, read_annotated
from querist.data.datasets import NamedPool, base_name, named
from querist.data.datasets.registry import entry
from querist.data.folders import FolderPool
from querist.data.kinds import content_kind
from querist.data.labelled_sets import read_set
from querist.data.labels import Labelled, read_labels
from querist.data.opening import open_pool
from querist.project.project import Project
from querist.store.engine import place
from querist.tasks import new_space, takes_classes
from querist.tasks.values import told

FOLDERS = "folders"
"""`--labels folders`: the names of the folder's subfolders are the classes."""

DUPLICATE = "equal to a test item"
IMPORTED = "imported"
TRANSFER = "domain_adversarial"
"""The scheme that learns from a source first."""

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Wishes:
    """What was asked for, as typed; None where nothing was said.

    Attributes:
        project: Path of the new project.
        data: Folder, table, array file, or name of a data set.
        task: Task kind.
        labels: Names of the classes, `a,b,c`, or `folders`.
        annotations: Labels that exist already: a table, a COCO file, or a folder of XML, YOLO or PNG files.
        test: Labelled items outside the pool: a table, or a folder with a subfolder a class; or a table of ids of pool items to hold out.
        root: Folder of a table's picture paths, or of a named set's files.
        encoder: Encoder of the learner.
        weights: File with its weights.
        method: Catalogue name or import path.
        learner: Recipe.
        scheme: Training scheme: catalogue name or import path.
        refit: Where a round starts, by name.
        source: A labelled data set to learn first: a name, a folder of class folders, or a table with labels.
        source_labels: A file of labels of the source's items.
        budget: `500` or `40h`.
        target: Accuracy at which to stop.
        batch: Labels between two updates.
        seed: Root of all random streams.
    """

    project: str
    data: str
    task: str = "classification"
    labels: str | None = None
    annotations: str | None = None
    test: str | None = None
    root: str | None = None
    encoder: str | None = None
    weights: str | None = None
    method: str = "auto"
    learner: str | None = None
    scheme: str | None = None
    refit: str | None = None
    source: str | None = None
    source_labels: str | None = None
    budget: str | None = None
    target: float | None = None
    batch: int | None = None
    seed: int = 0


def start(wishes: Wishes, warn: Warn) -> dict[str, Any]:
    """Make a project; never overwrites one, and leaves nothing behind if it fails.

    Args:
        wishes: What was asked for.
        warn: Told in one line about anything that was left out or could be better.

    Returns:
        `project, items, imported, test, duplicates_with_test, quarantined, task, encoder, round`, and `classes`, `learner`.

    Raises:
        UsageError: for wishes that cannot be right.
        PoolError: for data that cannot be read.
        LabelError: for a label that the task refuses, or of a test item.
        StoreError: if there is a project already, or the place cannot be written.
    """
    _refuse_existing(wishes.project)
    catalogue.acquisition(wishes.method)
    pool = open_pool(wishes.data, root=wishes.root)
    given, named_there = _annotations(wishes, pool)
    if isinstance(pool, NamedPool) and wishes.test is None:  # a named data set brings its development split
        held = HeldOut(named(pool.name, pool.root).test, replace(pool, part="dev"))
        pool = replace(pool, part="pool")
    else:
        held = held_out(pool, wishes.test)
    space = _space(wishes, pool, given, held, named_there)
    equal = duplicates(pool, held)
    remarks: list[str] = []
    kept = _kept(given, pool, held, frozenset(equal), remarks.append, wishes.task)
    own = _own_recipe(pool) if isinstance(pool, NamedPool) and wishes.encoder is None else None
    recipe = wishes.learner or catalogue.recipe_name(wishes.method) or own
    learner = options(content_kind(pool), wishes.encoder, wishes.weights, recipe, remarks.append, wishes.task)
    learner |= _training(wishes, space, pool)
    if held.renamed:
        remarks.append(f"the test items share ids with the pool, so theirs begin with {held.renamed!r}")
    with Project.create(
        wishes.project, pool=pool, task=space, method=wishes.method, learner=learner, seed=wishes.seed, batch=wishes.batch, budget=wishes.budget,
        target=wishes.target, test=held.targets, test_pool=held.pool, quarantined=dict.fromkeys(equal, DUPLICATE),
        annotations=[{"item": row.id, "value": row.value, "by": row.annotator or IMPORTED} for row in kept],
    ) as project:  # fmt: skip
        facts = project.status()
    for remark in remarks:  # only now: a refusal is said alone
        warn(remark)
    return {
        "project": wishes.project, "items": facts["items"], "imported": len({row.id for row in kept}), "test": facts["test"],
        "duplicates_with_test": len(equal), "quarantined": facts["quarantined"] - len(equal), "task": space.kind, "encoder": learner.get("encoder"),
        "round": 0, "classes": [of["name"] for of in space.schema()["classes"]], "learner": learner["recipe"],
    }  # fmt: skip


def _training(wishes: Wishes, space: LabelSpace, pool: Pool) -> dict[str, Any]:
    """Learner options that say how to train; what a source's labels mean is looked at now, not in the first round."""
    chosen: dict[str, Any] = {}
    if wishes.scheme is not None and ":" not in wishes.scheme:
        catalogue.row(wishes.scheme, "scheme")
    if wishes.refit is not None:
        chosen["refit"] = str(catalogue.row(wishes.refit, "refit")["name"])
    if wishes.source is None:
        if wishes.source_labels is not None:
            raise UsageError("labels of a source need the source", got=f"--source-labels {wishes.source_labels}", wanted="--source with the data they are of")
        if wishes.scheme == TRANSFER:
            raise UsageError(f"the scheme {TRANSFER} learns another labelled set first", got="none", wanted="--source with a table, a folder or a named set")
        return {**chosen, **({"scheme": wishes.scheme} if wishes.scheme else {})}
    data = read_set(wishes.source, wishes.source_labels, wishes.root, wishes.task)
    if data.pool.fingerprint() == pool.fingerprint():
        raise UsageError("the source is the pool itself", got=f"--source {wishes.source}", wanted="other data", hint="Labels of the pool's own: --annotations.")
    try:
        for item, value in data.targets.items():
            space.validate(item, value)
    except LabelError as error:
        raise UsageError(f"the source {wishes.source} has labels of another kind: {error}", hint="Its classes have to be those of the project.") from error
    source = {"at": _place(wishes.source), "task": wishes.task, "root": wishes.root and str(Path(wishes.root).resolve())}
    source |= {"labels": _place(wishes.source_labels)} if wishes.source_labels else {}
    inner = {"inner": wishes.scheme} if wishes.scheme not in (None, TRANSFER) else {}
    scheme = {"use": TRANSFER, **inner, "by": {"source": source}}
    return {**chosen, "scheme": scheme}


def _place(given: str) -> str:
    """A path made absolute, or the name of a data set."""
    return str(Path(given).expanduser().resolve()) if Path(given).expanduser().exists() else given


def _annotations(wishes: Wishes, pool: Pool) -> tuple[list[Labelled], tuple[str, ...]]:
    """The labels that exist already, and the classes that their format names: a table names none.

    Raises:
        UsageError: for annotations of pictures beside data that is no folder of them.
    """
    if wishes.annotations is None:
        return [], ()
    if not annotated(wishes.annotations):
        return read_labels(wishes.annotations), ()
    if not isinstance(pool, FolderPool):
        raise UsageError("annotations of this form are of pictures", got=f"--data {wishes.data}", wanted="a folder of pictures")
    found = read_annotated(wishes.annotations, wishes.data, kind=wishes.task, classes=_asked_for(wishes.labels, pool))
    return [Labelled(item, value, None) for item, value in found.values.items()], found.classes


def _space(wishes: Wishes, pool: Pool, given: list[Labelled], held: HeldOut, named_there: tuple[str, ...]) -> LabelSpace:
    """That of a named data set if nobody names classes and the task is its own; else that of the classes."""
    if isinstance(pool, NamedPool) and wishes.labels is None and (data := named(pool.name, pool.root)).kind == wishes.task:
        return data.space
    if wishes.labels is None and (named_there or not takes_classes(wishes.task)):
        return new_space(wishes.task, named_there)
    return new_space(wishes.task, _classes(wishes.labels, pool, given if wishes.task == "classification" else [], held))


def _own_recipe(pool: NamedPool) -> str | None:
    """The recipe of a named data set, unless it reads features: then what is installed decides, as for data of one's own."""
    own = entry(base_name(pool.name)).learner
    return None if "encoder" in own else own.get("recipe")


def extend(project: Project, data: str | None) -> dict[str, int]:
    """Take up what was added to a project's data; new items that equal a test item are set aside.

    Args:
        project: The project.
        data: Its folder or file, or None.

    Returns:
        `added`, `quarantined`.

    Raises:
        UsageError: for a place that is not the project's own.
        PoolError: if what was there before has changed.
    """
    added = project.extend(data)
    test_pool = project.spec["test_pool"]
    new: Any = _Part(project.pool, tuple(added))
    equal = () if test_pool is None or not added else duplicates(new, HeldOut({}, open_pool(test_pool)))
    set_aside = project.store.quarantine(dict.fromkeys(equal, DUPLICATE), project.clock()) if equal else 0
    return {"added": len(added), "quarantined": set_aside}


def project_of(path: str, labels: str | None, warn: Warn) -> str:
    """The project that `querist label` means: the path itself, or one beside a folder of pictures, made if it is not there.

    Raises:
        UsageError: for labels beside an existing project.
    """
    folder = Path(path)
    if not folder.is_dir():
        if labels is not None:
            raise UsageError("an existing project has its classes", got=f"--labels {labels}", hint="See: querist classes --help")
        return path
    beside = str(folder.with_name(f"{folder.resolve().name}.querist"))
    if not Path(beside).exists():
        start(Wishes(beside, path, labels=labels or FOLDERS), warn)
    return beside


@dataclass(frozen=True)
class _Part:
    """Some items of a pool."""

    pool: Pool
    chosen: tuple[str, ...]

    def ids(self) -> tuple[str, ...]:
        return self.chosen

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pool, name)


def _refuse_existing(path: str) -> None:
    """Before anything is read: a big pool should not be listed only to hear that the name is taken."""
    where = place(path)
    if where.file is not None and where.file.exists():
        raise StoreError("there is a project already", got=path, wanted="a new path", hint="Nothing was changed. Choose another name, or delete that file.")
    if where.file is not None and not where.file.absolute().parent.is_dir():
        raise StoreError("there is no such folder", got=str(where.file.parent), wanted="an existing folder for the project")


def _classes(labels: str | None, pool: Pool, given: list[Labelled], held: HeldOut) -> list[str]:
    if (asked := _asked_for(labels, pool)) is not None:
        return asked
    if isinstance(pool, NamedPool):
        return list(named(pool.name, pool.root).classes)
    found = canonical({str(value) for value in (*(row.value for row in given), *held.targets.values())})
    if not found:
        hint = "For a folder with one subfolder a class: --labels folders."
        raise UsageError("the task needs the names of its classes", got="no labels", wanted="--labels a,b,c, or --annotations FILE", hint=hint)
    return found


def _asked_for(labels: str | None, pool: Pool) -> list[str] | None:
    """The classes that `--labels` names; None without it."""
    if labels == FOLDERS:
        return _subfolders(pool)
    return None if labels is None else [name.strip() for name in labels.split(",")]


def _subfolders(pool: Pool) -> list[str]:
    if not isinstance(pool, FolderPool):
        raise UsageError("only a folder of pictures has subfolders", got="--labels folders", wanted="--labels a,b,c")
    return canonical({item.partition("/")[0] for item in pool.ids() if "/" in item})


def _kept(given: list[Labelled], pool: Pool, held: HeldOut, equal: frozenset[str], warn: Warn, task: str) -> list[Labelled]:
    """The labels to import. Those of duplicates of test items would leak the test set, so they are left out."""
    known = set(pool.ids()) if given else set()
    for row in given:
        if row.id in held.targets:
            raise LabelError(row.id, row.value, "an item of the pool", "It is a test item: those are never trained on. Leave it out of the annotations.")
        if row.id not in known:
            raise UnknownItemError("the annotations name an item that the pool does not have", got=repr(row.id), wanted="ids of the pool")
    left_out = [row.id for row in given if row.id in equal]
    if left_out:
        warn(f"{len(left_out)} annotations were left out: their items equal test items, the first is {left_out[0]!r}")
    return [row._replace(value=told(task, row.value)) for row in given if row.id not in equal]
