from __future__ import annotations

from typing import Any

import pytest

from querist.core.errors import PoolError
from querist.data.detect import Content, detect


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ({"file": ["a/b.png", "c.jpg"], "text": ["a", "b"]}, Content(image="file")),
        ({"Review": ["short", "x"], "title": ["a much longer text than the review", "y"]}, Content(text="Review")),
        ({"a": ["x"], "longest": ["this is the longest text of all"], "n": [1]}, Content(text="longest")),
        ({"city": ["Rome", "Oslo"], "n": [1, 2], "m": [0.5, None]}, Content(features=("n", "m"))),
        ({"n": ["1", "2.5"], "m": ["-3", ""]}, Content(features=("n", "m"))),
        ({"vector": [[1.0, 2.0]], "n": [1]}, Content(features=("vector",))),
        ({"n": [1.0], "label": [3], "true_label": [1], "y": [2], "Class": [1]}, Content(features=("n",))),
        ({"word": ["a", "b"], "label": ["a very long name of a class, longer than any text"]}, Content(text="word")),
        ({"empty": [None, ""], "word": ["a", "b"]}, Content(text="word")),
    ],
)
def test_content_is_found_and_labels_never_are(head: dict[str, list[Any]], expected: Content) -> None:
    assert detect(head, "t.csv") == expected


@pytest.mark.parametrize("head", [{}, {"label": [1, 2]}, {"a": [None]}, {"a": [{"x": 1}]}])
def test_a_table_without_content_is_refused(head: dict[str, list[Any]]) -> None:
    with pytest.raises(PoolError, match=r"t\.csv has no column"):
        detect(head, "t.csv")
