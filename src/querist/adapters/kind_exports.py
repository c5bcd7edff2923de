"""Labels in the formats of their task kind: boxes, masks and class maps of pictures, tagged texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from querist.adapters.folders import new_folder
from querist.core.errors import UsageError
from querist.data.annotated.coco import write_coco
from querist.data.annotated.found import AnnotatedSet
from querist.data.annotated.png_masks import write_png_masks
from querist.data.annotated.voc import write_voc
from querist.data.annotated.yolo import write_yolo
from querist.data.arrays import ArrayPool
from querist.data.columns.conll import write_conll
from querist.data.columns.hugging_face import write_hugging_face
from querist.data.columns.spans import write_spans
from querist.data.columns.tagged import Tagged
from querist.project.exporting import unwritable, whole_file
from querist.tasks.classification.measures import Classes

if TYPE_CHECKING:
    from querist.project.project import Project


class Form(NamedTuple):
    """A format: the task kinds that it holds, whether it is a folder, and what writes it."""

    kinds: tuple[str, ...]
    folder: bool
    write: Callable[[Path, Any], None]


FORMS: Final[Mapping[str, Form]] = {
    "coco": Form(("detection", "instance"), False, write_coco),
    "voc": Form(("detection",), True, write_voc),
    "yolo": Form(("detection",), True, write_yolo),
    "masks": Form(("dense",), True, write_png_masks),
    "conll": Form(("tagging",), False, write_conll),
    "spans": Form(("tagging",), False, write_spans),
    "hf": Form(("tagging",), False, write_hugging_face),
}


def of_kind(project: Project, out: Path, name: str) -> Path:
    """Write the training view of a project in a format of its kind; whole or not at all.

    Raises:
        UsageError: if the format does not hold labels of this kind.
        PoolError: for a label that the format cannot say.
        StoreError: if the place cannot be written, or a folder has something in it.
    """
    form, kind = FORMS[name], project.space.kind
    if kind not in form.kinds:
        raise UsageError(f"the format {name} holds no labels of the kind {kind}", got=name, wanted=fitting(kind))
    data = _tagged(project) if kind == "tagging" else _pictures(project)
    if not form.folder:
        with whole_file(out) as part:
            form.write(part, data)
        return out
    try:
        with new_folder(out) as part:
            form.write(part, data)
    except OSError as error:
        raise unwritable(out, error) from error
    return out


def fitting(kind: str) -> str:
    """Names of the formats that hold labels of a kind."""
    return ", ".join([*(name for name, one in FORMS.items() if kind in one.kinds), "csv", "jsonl", "parquet"])


def _pictures(project: Project) -> AnnotatedSet:
    return AnnotatedSet(project.pool, project.labels(), Classes.of(project.space.schema()).names, project.space.kind)


def _tagged(project: Project) -> Tagged:
    values = project.labels()
    texts = {item: str(project.pool.load(item)) for item in values}
    tags: tuple[str, ...] = getattr(project.space, "tags")  # noqa: B009 - of the label space of tagging
    return Tagged(ArrayPool(np.array(list(texts.values()), dtype=np.str_), list(texts)), values, tags, originals=texts)
