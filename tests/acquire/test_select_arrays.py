"""`querist.select` on plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import querist
from querist.core.errors import CapabilityError, StatisticError, UnknownItemError, UsageError
from querist.core.rng import stream

pytestmark = pytest.mark.torchless

RNG = stream(7, 0, "oracle")
PROBS = RNG.dirichlet(np.ones(4), size=50)
FEATURES = RNG.normal(size=(50, 6)).astype(np.float32)


def _outside_probs() -> None:
    """A method that reads what is not known of labelled items given as features."""
    from querist.acquire.members import Members, view_of

    view = view_of(Members(50, None), {"probs": PROBS[:, None], "features": FEATURES}, FEATURES[:3], None, None, 1, None)
    view.stat("probs", "labelled")


def test_margin_takes_the_closest_call() -> None:
    ordered = np.sort(PROBS, axis=1)
    wanted = np.argsort(ordered[:, -1] - ordered[:, -2])[:5]
    assert querist.select("margin", 5, probs=PROBS).ids == tuple(str(row) for row in wanted)


def test_row_order_changes_nothing_when_rows_have_ids() -> None:
    ids = [f"x{row}" for row in range(50)]
    order = RNG.permutation(50)
    for method in ("badge", "coreset", "entropy", "random"):
        one = querist.select(method, 8, probs=PROBS, features=FEATURES, ids=ids, seed=3)
        other = querist.select(method, 8, probs=PROBS[order], features=FEATURES[order], ids=[ids[row] for row in order], seed=3)
        assert one.ids == other.ids, method


def test_labelled_and_pending_are_never_chosen_and_count_as_covered() -> None:
    mask = np.zeros(50, dtype=bool)
    mask[:10] = True
    chosen = querist.select("coreset", 40, features=FEATURES, labelled=mask, pending=["11", "12"])
    assert set(chosen.ids) == {str(row) for row in range(50)} - {str(row) for row in range(10)} - {"11", "12"}
    far = querist.select("coreset", 1, features=FEATURES, labelled=mask).ids[0]
    gaps = ((FEATURES[10:, None] - FEATURES[None, :10]) ** 2).sum(axis=2).min(axis=1)
    assert far == str(10 + int(gaps.argmax()))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_probabilities_of_any_precision(kind: type[np.floating[Any]]) -> None:
    chosen = querist.select("margin", 5, probs=PROBS.astype(kind))
    assert set(chosen.ids) == set(querist.select("margin", 5, probs=PROBS).ids)
    many = stream(8, 0, "oracle").dirichlet(np.ones(1000), size=20).astype(kind)
    assert len(querist.select("entropy", 5, probs=many)) == 5


def test_half_precision_features_do_not_overflow() -> None:
    large = (FEATURES * 300).astype(np.float16)
    for method in ("coreset", "badge"):
        assert querist.select(method, 9, probs=PROBS, features=large).ids == querist.select(method, 9, probs=PROBS, features=large.astype(np.float64)).ids


def test_features_of_labelled_items_that_are_no_rows() -> None:
    outside = FEATURES[:10] + 0.25
    chosen = querist.select("coreset", 1, features=FEATURES, labelled=outside)
    gaps = ((FEATURES[:, None] - outside[None]) ** 2).sum(axis=2)
    far = int(gaps.min(axis=1).argmax())
    assert chosen.ids == (str(far),) and chosen.scores[0] == pytest.approx(float(gaps[far].min()) ** 0.5, rel=1e-5)
    assert chosen.note[0].endswith(f"; nearest labelled labelled-{int(gaps[far].argmin())} at {gaps[far].min() ** 0.5:.4g}")
    seen = querist.select("auto", 2, probs=PROBS, features=FEATURES, labelled=outside, labels=np.arange(10) % 4)
    assert seen.note[0].startswith("auto → maxherding (2.5 labels per class < 4): ")


def test_the_nearest_labelled_item_is_named() -> None:
    ids = [f"x{row}" for row in range(50)]
    chosen = querist.select("margin", 4, probs=PROBS, features=FEATURES, labelled=["x3", "x40", "x7"], ids=ids)
    for item, note in zip(chosen.ids, chosen.note, strict=True):
        gaps = {name: float(np.linalg.norm(FEATURES[int(item[1:])] - FEATURES[int(name[1:])])) for name in ("x3", "x40", "x7")}
        near = min(gaps, key=lambda name: gaps[name])
        assert note.startswith("score ") and note.endswith(f"; nearest labelled {near} at {gaps[near]:.4g}")
    bare = querist.select("margin", 4, probs=PROBS, features=FEATURES, labelled=["x3", "x40", "x7"], ids=ids, explain=False)
    assert (bare.ids, bare.scores) == (chosen.ids, chosen.scores) and not any("nearest labelled" in note for note in bare.note)
    broken = np.where(np.arange(50)[:, None] == int(chosen.ids[0][1:]), np.nan, FEATURES)
    unknown = querist.select("margin", 4, probs=PROBS, features=broken, labelled=["x3", "x40", "x7"], ids=ids)
    assert unknown.note[0] == bare.note[0] and unknown.note[1:] == chosen.note[1:]


def test_labels_follow_their_items() -> None:
    """Labels by mask, by row and by id in another order are the same labels."""
    ids, mask = [f"x{row}" for row in range(50)], np.arange(50) % 5 == 2
    classes = np.arange(50) % 4
    same = {"probs": PROBS, "ids": ids}
    wanted = querist.select("class_balance", 12, labelled=mask, labels=classes, **same)
    assert querist.select("class_balance", 12, labelled=mask, labels=classes[mask], **same) == wanted
    back = [ids[row] for row in np.flatnonzero(mask)[::-1]]
    assert querist.select("class_balance", 12, labelled=back, labels=classes[mask][::-1], **same) == wanted
    assert querist.select("class_balance", 12, labelled=mask, labels=np.zeros(50, dtype=int), **same) != wanted


def test_another_round_draws_anew() -> None:
    one, again, other = (querist.select("random", 9, ids=range(1000), round=number).ids for number in (1, 1, 2))
    assert one == again != other


def test_further_statistics_by_name() -> None:
    chosen = querist.select("cost_aware", 3, probs=PROBS, stats={"costs": np.linspace(1, 2, 50)})
    assert chosen.ids == querist.select("cost_aware", 3, probs=PROBS, costs=np.linspace(1, 2, 50)).ids


def test_any_ids_that_are_texts_or_numbers() -> None:
    for ids in (np.arange(100, 150), [f"{row}" for row in range(100, 150)], range(100, 150)):
        assert querist.select("margin", 1, probs=PROBS, ids=ids).ids[0] == str(100 + int(querist.select("margin", 1, probs=PROBS).ids[0]))
    assert len(querist.select("margin", 50, probs=PROBS, labelled=[3, 4], pending=np.array([5]))) == 47


def test_nothing_to_choose() -> None:
    for method in ("margin", "coreset", "random", "badge", "vote"):
        assert len(querist.select(method, 0, probs=PROBS, features=FEATURES)) == 0
        assert len(querist.select(method, 3, probs=PROBS, features=FEATURES, labelled=np.ones(50, dtype=bool))) == 0


@pytest.mark.parametrize(
    ("error", "word", "call"),
    [
        (CapabilityError, "probs", lambda: querist.select("margin", 3, features=FEATURES)),
        (UsageError, "whole number", lambda: querist.select("margin", -1, probs=PROBS)),
        (UsageError, "unknown", lambda: querist.select("marign", 3, probs=PROBS)),
        (UsageError, "no_such", lambda: querist.select("margin", 3, probs=PROBS, no_such=1)),
        (StatisticError, "row 0", lambda: querist.select("margin", 3, probs=PROBS * 2)),
        (StatisticError, "different numbers", lambda: querist.select("badge", 3, probs=PROBS, features=FEATURES[:9])),
        (UnknownItemError, "nobody", lambda: querist.select("margin", 3, probs=PROBS, labelled=["nobody"])),
        (UnknownItemError, "050", lambda: querist.select("margin", 3, probs=PROBS, labelled=["050"])),
        (UnknownItemError, "'?50", lambda: querist.select("margin", 3, probs=PROBS, pending=[50])),
        (StatisticError, "row 7 .*softmax", lambda: querist.select("margin", 3, probs=PROBS - 4 * (np.arange(50)[:, None] == 7))),
        (StatisticError, "row 7 ", lambda: querist.select("margin", 3, probs=np.where(np.arange(50)[:, None] == 7, np.nan, PROBS))),
        (StatisticError, "row 7 ", lambda: querist.select("margin", 3, probs=np.where(np.arange(50)[:, None] == 7, np.inf, PROBS))),
        (StatisticError, "wrong shape", lambda: querist.select("margin", 3, probs=PROBS[0])),
        (StatisticError, "no rows of numbers", lambda: querist.select("margin", 3, probs=[["a", "b"]])),
        (StatisticError, "factorised", lambda: querist.select("badge", 3, gradients=PROBS)),
        (StatisticError, "wrong shape", lambda: querist.select("coreset", 3, features=PROBS[None])),
        (StatisticError, "other features", lambda: querist.select("coreset", 3, features=FEATURES, labelled=PROBS)),
        (StatisticError, "mask labelled", lambda: querist.select("margin", 3, probs=PROBS, labelled=np.ones(3, dtype=bool))),
        (StatisticError, "distinct", lambda: querist.select("margin", 3, probs=PROBS, ids=["a"] * 50)),
        (StatisticError, "different numbers", lambda: querist.select("margin", 3, probs=PROBS, ids=["a"])),
        (StatisticError, "class position", lambda: querist.select("margin", 3, probs=PROBS, labelled=[1], labels=[4])),
        (StatisticError, "labels", lambda: querist.select("margin", 3, probs=PROBS, labelled=[1], labels=[1, 2])),
        (UsageError, "unknown statistic", lambda: querist.select("margin", 3, probs=PROBS, stats={"prbs": PROBS})),
        (UsageError, "twice", lambda: querist.select("margin", 3, probs=PROBS, stats={"probs": PROBS})),
        (UsageError, "device", lambda: querist.select("margin", 3, probs=PROBS, device="abacus")),
        (UsageError, "bytes", lambda: querist.select("margin", 3, probs=PROBS, max_bytes=0)),
        (UsageError, "arrays or ids", lambda: querist.select("random", 3)),
        (CapabilityError, "rows: a mask or ids", _outside_probs),
    ],
)
def test_bad_input_is_named(error: type[Exception], word: str, call: object) -> None:
    with pytest.raises(error, match=word):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("method", ["least_confidence", "margin", "entropy", "ratio"])
@pytest.mark.parametrize(("bad", "got"), [([0.5, 0.2, 0.1], "sum 0.8"), ([1.1, -0.2, 0.1], "least -0.2"), ([np.nan, 0.5, 0.5], "sum nan")])
def test_a_row_that_is_no_distribution_is_named_whether_it_is_found_before_or_while_scoring(method: str, bad: list[float], got: str) -> None:
    probs = np.array([[0.5, 0.3, 0.2]] * 4 + [bad])
    with pytest.raises(StatisticError, match="row 4 of probs is no distribution") as caught:
        querist.select(method, 2, probs=probs)
    assert got in str(caught.value)
