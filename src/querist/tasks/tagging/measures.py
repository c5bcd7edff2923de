"""Measures of tags against tags. Free of torch.

Reference:
    Tjong Kim Sang, De Meulder 2003 (a span counts if its borders and its label are right; micro averages over all texts).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from querist.tasks.tagging.spans import spans_of, spelled

Tags = Sequence[str | None]


def span_scores(pairs: Iterable[tuple[Tags, Tags]]) -> dict[str, float]:
    """Precision, recall and F1 of exact spans over all texts; 1 where there is nothing to find and nothing was found.

    Args:
        pairs: (said, true) tags of each text, of one length.
    """
    said_count = true_count = both = 0
    for said, true in pairs:
        found, wanted = set(spans_of(said)), set(spans_of(true))
        said_count, true_count, both = said_count + len(found), true_count + len(wanted), both + len(found & wanted)
    if not said_count and not true_count:
        return {"span_f1": 1.0, "span_precision": 1.0, "span_recall": 1.0}
    return {
        "span_f1": 2.0 * both / (said_count + true_count),
        "span_precision": both / said_count if said_count else 0.0,
        "span_recall": both / true_count if true_count else 0.0,
    }


def tag_scores(pairs: Iterable[tuple[Tags, Tags]], classes: Iterable[str]) -> dict[str, float]:
    """`accuracy` of tokens, `exact` share of texts without a wrong tag, and `span_scores`. Empty without an answered token.

    Where the classes spell no spans every token is one of its own, so that `span_f1` is the accuracy.

    Args:
        pairs: (said, true) tags of each text; a token whose true tag is None was not answered and does not count.
        classes: Names of all tags.
    """
    kept = [(said, true) for said, true in pairs if any(tag is not None for tag in true)]
    if not kept:
        return {}
    hits = [[one == other for one, other in zip(said, true, strict=True) if other is not None] for said, true in kept]
    measured = {"accuracy": sum(map(sum, hits)) / sum(map(len, hits)), "exact": sum(map(all, hits)) / len(hits)}
    if not spelled(classes):
        measured["span_f1"] = measured["accuracy"]
    else:
        # What nobody answered is outside on both sides: a span said there is neither right nor wrong.
        measured |= span_scores(([tag if other is not None else None for tag, other in zip(said, true, strict=True)], true) for said, true in kept)
    return measured
