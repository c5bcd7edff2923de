import numpy as np
import pytest

from querist.bench.labelling import balance, labelling, labels_until, near_duplicates, rarest_recall
from querist.core.errors import UsageError


def test_labels_until_every_class_was_seen():
    pool = [0] * 50 + [1] * 20 + [2] * 12
    assert labels_until([0, 0, 1, 0, 2, 1], pool, 1) == 5
    assert labels_until([2, 1, 0], pool, 1) == 3
    assert labels_until([0, 1, 1, 0], pool, 1) is None
    assert labels_until([], pool, 1) is None


def test_labels_until_every_class_was_seen_often():
    pool = [0] * 50 + [1] * 20
    order = [0] * 10 + [1] * 9 + [0] * 5 + [1] + [0]
    assert labels_until(order, pool, 10) == 25
    assert labels_until(order[:-2], pool, 10) is None
    assert labels_until([0, 1, 0, 1], pool, 2) == 4


def test_a_class_with_fewer_items_counts_when_all_of_them_are_bought():
    assert labels_until([1, 0, 0, 1, 0], [0, 0, 0, 0, 1, 1], 3) == 5  # both items of class 1, three of class 0


def test_recall_of_the_rarest_class():
    pool = [0] * 50 + [1] * 4 + [2] * 20
    assert rarest_recall([1, 0, 1, 2, 1], pool) == (1, 0.75)
    assert rarest_recall([0, 2], pool) == (1, 0.0)
    assert rarest_recall([5], [5, 3, 3, 5]) == (3, 0.0)  # the lowest of equals
    with pytest.raises(UsageError, match="empty pool"):
        rarest_recall([], [])


def test_balance_by_hand():
    pool = [0, 1, 2, 3]
    assert balance([0, 1, 2, 3, 0, 1, 2, 3], pool) == pytest.approx(1.0)
    assert balance([2, 2, 2], pool) == 0.0
    assert balance([0, 0, 1, 1], pool) == pytest.approx(0.5)  # ln 2 / ln 4
    assert balance([0, 0, 0, 1], [0, 1]) == pytest.approx(-(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)))
    assert balance([], pool) == 0.0
    assert balance([0, 0], [0, 0, 0]) == 1.0  # nothing to balance


def test_near_duplicates_by_hand():
    x = np.array([[0.0], [10.0], [0.5], [10.1], [20.0], [0.0]])
    assert near_duplicates(x, 0.5) == pytest.approx(3 / 6)  # .5 to 0 (inclusive), 10.1 to 10, the copy of 0
    assert near_duplicates(x, 0.0) == pytest.approx(1 / 6)
    assert near_duplicates(x[:1], 5.0) == 0.0
    assert near_duplicates(np.zeros((0, 3)), 1.0) == 0.0
    with pytest.raises(UsageError):
        near_duplicates(x, -1.0)


@pytest.mark.parametrize("m", [5, 256, 257, 700])
def test_near_duplicates_agree_with_all_pairs_across_blocks(m):
    x = np.random.default_rng(m).normal(size=(m, 3)).astype(np.float32)
    x[m // 2] = x[m // 2 - 1]
    wide = x.astype(np.float64)
    apart = np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=-1))
    for distance in (0.0, 0.1, 0.3):
        assert near_duplicates(x, distance) == np.mean([i > 0 and apart[i, :i].min() <= distance for i in range(m)])


CLASSES = {**{f"a{i}": 0 for i in range(6)}, **{f"b{i}": 1 for i in range(3)}, **{f"c{i}": 2 for i in range(2)}}


def test_a_run_in_one_record():
    features = {item: np.array([float(place)]) for place, item in enumerate(CLASSES)}
    found = labelling(["a0", "b0", "a1", "c0", "b1"], CLASSES, features=features, distance=1.0)
    assert (found.labels, found.until_every_class, found.until_ten_each) == (5, 4, None)
    assert (found.rarest, found.rarest_recall) == (2, 0.5)
    assert found.near_duplicates == pytest.approx(2 / 5)  # a1 beside a0, b1 beside b0
    assert labelling(list(CLASSES), CLASSES).until_ten_each == len(CLASSES)
    assert labelling(["a0"], CLASSES).near_duplicates is None
    assert labelling([], CLASSES, features={}, distance=1.0).near_duplicates == 0.0


def test_the_order_of_labels_counts_not_that_of_the_pool():
    shuffled = dict(sorted(CLASSES.items(), key=lambda pair: hash(pair[0])))
    assert labelling(["c1", "a0", "b2"], shuffled) == labelling(["c1", "a0", "b2"], CLASSES)


def test_what_no_run_does_is_refused():
    with pytest.raises(UsageError, match="twice"):
        labelling(["a0", "a0"], CLASSES)
    with pytest.raises(UsageError, match="not in the pool"):
        labelling(["z"], CLASSES)
    with pytest.raises(UsageError, match="both or neither"):
        labelling(["a0"], CLASSES, distance=1.0)
