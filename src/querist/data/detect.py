"""Which columns of a table are the items' content. Columns that look like labels are never content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from querist.core.errors import PoolError
from querist.data.images import is_image_name

TEXT_NAMES: Final = ("text", "sentence", "review", "document", "content")
_NOT_CONTENT: Final = frozenset(
    {"id", "idx", "index", "label", "labels", "target", "targets", "class", "classes", "category", "y", "answer", "annotator", "split", "fold", "rank", "score"}
)
_PROSE = 20  # mean length from which an unnamed column of texts beats columns of numbers


@dataclass(frozen=True)
class Content:
    """Column of each modality; None where there is none."""

    text: str | None = None
    image: str | None = None
    features: tuple[str, ...] | None = None


def detect(head: Mapping[str, Sequence[Any]], source: str) -> Content:
    """Guess the content from the first rows: pictures, a column with a usual name, vectors, prose, numbers, texts; in this order.

    Args:
        head: First values of every column that may be content.
        source: The table, for messages.

    Raises:
        PoolError: if no column can be content.
    """
    columns = {name: [value for value in values if value not in (None, "")] for name, values in head.items() if not _excluded(name)}
    columns = {name: values for name, values in columns.items() if values}
    for name, values in columns.items():
        if all(_is_picture(value) for value in values):
            return Content(image=name)
    texts = {name: sum(map(len, values)) / len(values) for name, values in columns.items() if _is_text(values)}
    usual = [name for wanted in TEXT_NAMES for name in texts if name.lower() == wanted]
    vectors = [name for name, values in columns.items() if all(_is_vector(value) for value in values)]
    numbers = [name for name, values in columns.items() if all(_is_number(value) for value in values)]
    longest = max(texts, key=lambda name: texts[name]) if texts else None
    if usual:
        return Content(text=usual[0])
    if vectors:
        return Content(features=(vectors[0],))
    if longest is not None and (texts[longest] >= _PROSE or not numbers):
        return Content(text=longest)
    if numbers:
        return Content(features=tuple(numbers))
    raise PoolError(f"{source} has no column that could be the content of items", got=", ".join(head) or "no columns", wanted="text, image paths or numbers")


def _excluded(name: str) -> bool:
    return name.lower() in _NOT_CONTENT or name.lower().endswith("label")


def _is_picture(value: Any) -> bool:
    if isinstance(value, str):
        return is_image_name(value) and "\n" not in value
    return isinstance(value, bytes) or hasattr(value, "getbands") or (isinstance(value, Mapping) and isinstance(value.get("bytes"), bytes))


def _is_text(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) for value in values) and not all(_is_number(value) for value in values)


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_number(part) and not isinstance(part, str) for part in value)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float)
