"""Changes of a project's classes, as the command line says them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from querist.core.errors import UsageError

if TYPE_CHECKING:
    from querist.project.project import Project

RESERVED = ("merge", "split")
_COUNTS = {"add": None, "rename": 2, "retire": 1}


def change(project: Project, action: str | None, names: Sequence[str]) -> dict[str, Any]:
    """Change the classes, or only say what they are.

    Args:
        project: The project.
        action: `add`, `rename` or `retire`; None to list them.
        names: Class names: those to add, old and new, the one to retire.

    Returns:
        `version, classes, mapped` (labelled items that have a target under the present classes), `to_review` (those that have none).

    Raises:
        UsageError: for an unknown action, a wrong number of names, an unknown class or a name that is taken.
    """
    if action in RESERVED:
        raise UsageError(f"{action} is reserved for a later version", got=action, wanted=", ".join(_COUNTS))
    if action is not None and action not in _COUNTS:
        raise UsageError("unknown change of classes", got=action, wanted=", ".join(_COUNTS))
    wanted = _COUNTS[action] if action else 0
    if wanted is not None and len(names) != wanted:
        raise UsageError(f"{action or 'listing'} takes {wanted} names", got=", ".join(names) or "none")
    if action == "add":
        project.add_classes(names)
    elif action == "rename":
        project.rename_class(names[0], names[1])
    elif action == "retire":
        project.retire_class(names[0])
    schema = project.space.schema()
    present = [entry["name"] for entry in schema["classes"] if not entry["retired"]]
    return {"version": schema["version"], "classes": present, "mapped": len(project.labels()), "to_review": len(project.review())}
