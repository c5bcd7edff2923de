"""Spans and the tags that spell them: both ways, in every scheme, against a reading that walks tag by tag, and the measures over them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.errors import UsageError
from querist.tasks.tagging.measures import span_scores, tag_scores
from querist.tasks.tagging.spans import SCHEMES, Span, converted, spans_of, spelled, tag_names, tags_of

pytestmark = pytest.mark.torchless


@st.composite
def spans(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Spans one after the other, and the length of the text."""
    found, place = [], draw(st.integers(0, 2))
    for length, gap, label in draw(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.sampled_from(["PER", "LOC", "B-2"])), max_size=5)):
        found.append(Span(place, place + length, label))
        place += length + gap
    return found, place + draw(st.integers(0, 2))


def defined(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """seqeval's definition of its default mode, written out: what ends a chunk, what starts one."""
    found, start = set(), 0
    before, label_before = "O", ""
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, label = tag.partition("-")
        ends = before in ("E", "S") or (before in ("B", "I") and prefix in ("B", "S", "O")) or (before != "O" and label_before != label)
        starts = prefix in ("B", "S") or (before in ("E", "S", "O") and prefix in ("E", "I")) or (prefix != "O" and label_before != label)
        if ends and before != "O":
            found.add((start, place, label_before))
        if starts:
            start = place
        before, label_before = prefix, label
    return found


@given(spans())
@pytest.mark.parametrize("scheme", SCHEMES)
def test_tags_say_what_the_spans_were(scheme: str, drawn: tuple[list[Span], int]) -> None:
    found, length = drawn
    tags = tags_of(found, length, scheme)
    assert len(tags) == length
    assert spans_of(tags) == found


@given(spans(), st.sampled_from(SCHEMES), st.sampled_from(SCHEMES))
def test_schemes_turn_into_each_other(drawn: tuple[list[Span], int], one: str, other: str) -> None:
    tags = tags_of(*drawn, one)
    assert converted(converted(tags, other), one) == tags


@given(st.lists(st.sampled_from(["O", *(f"{prefix}-{label}" for prefix in "BIES" for label in ("X", "Y"))]), max_size=9))
def test_any_tags_are_read_as_evaluations_read_them(tags: list[str]) -> None:
    assert set(spans_of(tags)) == defined(tags)


def test_the_schemes_by_hand() -> None:
    found = [Span(0, 2, "A"), Span(2, 3, "A"), Span(4, 5, "B")]
    assert tags_of(found, 5) == ["B-A", "I-A", "B-A", "O", "B-B"]
    assert tags_of(found, 5, "BIOES") == ["B-A", "E-A", "S-A", "O", "S-B"]
    assert tags_of(found, 5, "IOB1") == ["I-A", "I-A", "B-A", "O", "I-B"], "B only where two spans of one label touch"
    assert spans_of(["PER", "PER", None, "LOC"]) == [Span(0, 2, "PER"), Span(3, 4, "LOC")], "bare labels, and a token without a tag"
    assert tag_names(["A"]) == ("O", "B-A", "I-A") and tag_names(["A"], "BIOES") == ("O", "B-A", "I-A", "E-A", "S-A")
    assert spelled(["O", "B-A", "I-A"]) and not spelled(["nn", "vb"]) and not spelled(["O"]) and not spelled(["O", "B"])


@pytest.mark.parametrize(
    ("found", "scheme"),
    [([Span(0, 2, "A"), Span(1, 3, "A")], "BIO"), ([Span(0, 0, "A")], "BIO"), ([Span(2, 9, "A")], "BIO"), ([Span(0, 1, "")], "BIO"), ([], "BILOU")],
)
def test_spans_that_do_not_fit_are_refused(found: list[Span], scheme: str) -> None:
    with pytest.raises(UsageError):
        tags_of(found, 4, scheme)


def test_scores_by_hand() -> None:
    pairs = [(["B-A", "I-A", "O", "B-B"], ["B-A", "I-A", "O", "B-A"]), (["B-A"], ["O"])]
    measured = span_scores(pairs)
    assert measured == {"span_f1": pytest.approx(2 * 1 / (3 + 2)), "span_precision": pytest.approx(1 / 3), "span_recall": pytest.approx(1 / 2)}
    assert tag_scores(pairs, ["O", "B-A", "I-A", "B-B"])["accuracy"] == pytest.approx(3 / 5)
    assert tag_scores(pairs, ["O", "B-A", "I-A", "B-B"])["exact"] == 0.0


def test_half_a_span_is_no_span() -> None:
    assert span_scores([(["B-A", "O"], ["B-A", "I-A"])])["span_f1"] == 0.0
    assert span_scores([(["O"], ["O"])]) == {"span_f1": 1.0, "span_precision": 1.0, "span_recall": 1.0}
    assert span_scores([(["O"], ["B-A"])]) == {"span_f1": 0.0, "span_precision": 0.0, "span_recall": 0.0}


def test_what_nobody_answered_does_not_count() -> None:
    classes = ("O", "B-A", "I-A")
    assert tag_scores([(["B-A", "B-A"], [None, "B-A"])], classes) == {"accuracy": 1.0, "exact": 1.0, "span_f1": 1.0, "span_precision": 1.0, "span_recall": 1.0}
    assert tag_scores([(["B-A"], [None])], classes) == {}
    assert tag_scores([(["nn", "vb"], ["nn", "nn"])], ("nn", "vb")) == {"accuracy": 0.5, "exact": 0.0, "span_f1": 0.5}


@given(st.lists(st.tuples(spans(), spans()), max_size=4))
def test_span_f1_is_that_of_the_definition(drawn: list[tuple[tuple[list[Span], int], tuple[list[Span], int]]]) -> None:
    pairs = []
    for (said, n), (true, m) in drawn:
        length = max(n, m)
        pairs.append((tags_of(said, length), tags_of(true, length)))
    found = [{(row, *span) for row, pair in enumerate(pairs) for span in defined(pair[side])} for side in (0, 1)]
    hits = len(found[0] & found[1])
    precision = hits / len(found[0]) if found[0] else 0.0
    recall = hits / len(found[1]) if found[1] else 0.0
    usual = 2 * precision * recall / (precision + recall) if precision + recall else float(not found[0] and not found[1])
    assert span_scores(pairs)["span_f1"] == pytest.approx(usual)
