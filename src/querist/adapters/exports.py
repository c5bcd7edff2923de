"""Labels in the forms that other tools read. Plain tables are the project's own; folders of pictures are made here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from querist.adapters.folders import new_folder
from querist.adapters.kind_exports import FORMS, fitting, of_kind
from querist.core.errors import UsageError

if TYPE_CHECKING:
    from querist.project.project import Project

FORMATS = ("csv", "jsonl", "parquet", "imagefolder")
"""Of labels of any kind; pictures of one class each."""


def export(project: Project, out: str, view: str, form: str | None) -> Path:
    """Write the labels of a project.

    Args:
        project: The project.
        out: File, or for `imagefolder` and others a folder that is new or empty.
        view: `training` or `raw`.
        form: One of `FORMATS`, of `kind_exports.FORMS` where it fits the task kind, or None for what the ending of the file says.

    Returns:
        What was written.

    Raises:
        UsageError: for an unknown view or format.
        StoreError: if the place cannot be written.
    """
    if form not in ("imagefolder", *FORMS):
        return project.export(out, view=view, format=form)
    if view != "training":
        raise UsageError(f"the format {form} shows the training view", got=view, wanted="training")
    return imagefolder(project, Path(out)) if form == "imagefolder" else of_kind(project, Path(out), str(form))


def imagefolder(project: Project, out: Path) -> Path:
    """Copy the labelled pictures into one folder a class, each under its id; whole or not at all.

    Raises:
        UsageError: if the items have no one class, or are no files, or a class name is no name for a folder.
        StoreError: if the folder is not empty or cannot be written.
    """
    if project.space.kind != "classification":
        raise UsageError(f"labels of the kind {project.space.kind} are no folders of pictures", got="imagefolder", wanted=fitting(project.space.kind))
    locate = getattr(project.pool, "file", None)
    if locate is None:
        raise UsageError("the items of this project are no picture files", wanted="a folder, or a table of picture paths")
    with new_folder(out) as part:
        for item, value in project.labels().items():
            source = locate(item)
            if source is None:
                raise UsageError("the items of this project are no picture files", got=repr(item), wanted="a folder, or a table of picture paths")
            target = part / _safe(value) / item
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return out


def _safe(name: str) -> str:
    if name.startswith(".") or any(sign in name for sign in '/\\:*?"<>|\0'):
        raise UsageError("this class name is no name for a folder", got=repr(name), wanted="letters, digits, blanks", hint="See: querist classes --help")
    return name
