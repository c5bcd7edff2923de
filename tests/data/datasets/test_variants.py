"""Variants: what may be asked changes as the name says, the test items never do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import miniatures
import numpy as np
import pytest

from querist.core.errors import UsageError
from querist.core.order import canonical
from querist.data.datasets import VARIANTS, entries, named
from querist.data.datasets.variants import Rows, base_name, parse, varied
from querist.data.opening import open_pool

pytestmark = pytest.mark.torchless


def pool_of(name: str) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    pytest.importorskip("sklearn")
    data = named(name)
    return data.candidates, data.pool.take(data.candidates), [data.targets[item] for item in data.candidates]


@pytest.mark.parametrize(
    "name", ["digits+longtail50", "wine+repeat5", "digits+noise10", "wine+outlier10+shift", "iris+shift", "digits+longtail20+repeat2+noise10"]
)
def test_the_development_split_is_that_of_the_set(name: str) -> None:
    pytest.importorskip("sklearn")
    data, plain = named(name), named(base_name(name))
    assert data.name == name and data.test == plain.test and data.classes == plain.classes
    np.testing.assert_array_equal(data.pool.take(data.dev), plain.pool.take(plain.dev))
    assert set(data.candidates).isdisjoint(data.dev) and set(data.pool.ids()) == {*data.candidates, *data.dev}
    assert list(data.candidates) == canonical(data.candidates)
    assert data.pool.take(data.candidates).dtype == plain.pool.take(plain.dev).dtype


def test_a_long_tail_falls_geometrically_and_takes_items_of_the_set() -> None:
    ids, x, labels = pool_of("digits+longtail50")
    counts = np.array([Counter(labels)[name] for name in named("digits").classes])
    assert 45 <= counts[0] / counts[-1] <= 55 and (np.diff(counts) <= 0).all()
    np.testing.assert_allclose(np.log(counts[:6]), np.log(counts[0]) - np.arange(6) * np.log(50) / 9, atol=0.06)
    np.testing.assert_array_equal(x, named("digits").pool.take(ids))
    with pytest.raises(UsageError, match="too small for a tail of 1 to 500"):
        named("iris+longtail500")


def test_a_pool_five_times_over_with_slight_noise() -> None:
    ids, x, labels = pool_of("wine+repeat5")
    plain_ids, plain, plain_labels = pool_of("wine")
    assert len(ids) == 5 * len(plain_ids) and ids[:6] == (*(plain_ids[0] + copy for copy in ("", "~2", "~3", "~4", "~5")), plain_ids[1])
    assert labels == [label for label in plain_labels for _ in range(5)]
    noise = (x.reshape(len(plain), 5, -1) - plain[:, None]) / plain.std(axis=0)
    np.testing.assert_allclose(noise.std(axis=(0, 1)), 0.1, rtol=0.1)
    assert abs(noise.mean()) < 0.005 and abs(np.corrcoef(noise[:, 0].ravel(), noise[:, 1].ravel())[0, 1]) < 0.05


def test_noise_on_pictures_stays_in_their_range() -> None:
    ids, x, _ = pool_of("digits+repeat2")
    plain = named("digits").pool.take([item.partition("~")[0] for item in ids])
    inner = (plain > 40) & (plain < 215)
    assert x.dtype == np.uint8 and np.abs(x[inner].astype(int) - plain[inner]).max() < 60
    assert (x[inner].astype(float) - plain[inner]).std() == pytest.approx(0.1 * named("digits").pool.take(named("digits").candidates).std(), rel=0.03)


def test_exactly_a_tenth_of_the_labels_is_wrong_and_evenly_so() -> None:
    ids, x, labels = pool_of("digits+noise10")
    truth = [named("digits").targets[item] for item in ids]
    wrong = [(label, true) for label, true in zip(labels, truth, strict=True) if label != true]
    assert len(wrong) == round(0.1 * len(ids))
    assert min(Counter((int(label) - int(true)) % 10 for label, true in wrong).values()) > 5
    np.testing.assert_array_equal(x, named("digits").pool.take(ids))


def test_noise_before_and_after_repetition() -> None:
    _, _, before = pool_of("digits+noise10+repeat2")
    _, _, after = pool_of("digits+repeat2+noise10")
    assert before[::2] == before[1::2] and after[::2] != after[1::2]


@pytest.mark.parametrize("name", ["digits", "wine"])
def test_outliers_have_the_marginals_of_the_pool_and_nothing_else(name: str) -> None:
    ids, x, labels = pool_of(f"{name}+outlier50")
    plain_ids, plain, _ = pool_of(name)
    planted = np.array([item.endswith("~o") for item in ids])
    assert planted.sum() == round(0.5 * len(plain_ids)) and [item for item in ids if not item.endswith("~o")] == list(plain_ids)
    assert all(label == named(name).targets[item.removesuffix("~o")] for item, label in zip(ids, labels, strict=True))
    made, there = x[planted].reshape(planted.sum(), -1), plain.reshape(len(plain), -1)
    assert x.dtype == plain.dtype and all(np.isin(made[:, column], there[:, column]).all() for column in range(made.shape[1]))
    np.testing.assert_allclose(made.mean(axis=0), there.mean(axis=0), atol=0.4 * there.std())
    wide = there.std(axis=0) > 0.5 * there.std(axis=0).mean()
    before, after = (np.abs(np.corrcoef(table[:, wide].T.astype(float)) - np.eye(wide.sum())).mean() for table in (there, made))
    assert after < 0.7 * before, "columns no longer belong together"


def test_a_shifted_pool_is_not_the_test_items() -> None:
    ids, x, labels = pool_of("digits+shift")
    plain = named("digits").pool.take(ids)
    assert labels == [named("digits").targets[item] for item in ids]
    kept = (x.max(axis=(1, 2)).astype(float) - x.min(axis=(1, 2))) / (plain.max(axis=(1, 2)).astype(float) - plain.min(axis=(1, 2)))
    assert 0.38 < kept.min() < 0.45 and 0.95 < kept.max() < 1.02
    assert x.reshape(len(x), -1).min(axis=1).max() > 100, "some stand on a light ground"
    _, table, _ = pool_of("wine+shift")
    _, before, _ = pool_of("wine")
    scale = table.std(axis=0) / before.std(axis=0)
    moved = np.abs(table.mean(axis=0) - before.mean(axis=0)) / before.std(axis=0)
    assert 1 / 1.51 < scale.min() < 0.9 and 1.1 < scale.max() < 1.51 and 0.2 < moved.max() < 0.51


def test_a_name_is_one_data_set_and_every_name_another() -> None:
    pytest.importorskip("sklearn")
    names = ["digits", "digits+noise10", "digits+noise11", "digits+repeat2", "digits+shift", "digits+longtail20", "digits+longtail20+noise10"]
    assert len({named(name).fingerprint for name in names}) == len(names)
    # Other draws would be other data sets: recorded studies stand on these.
    assert named("digits+longtail50+noise10").fingerprint.startswith("0528181f9400d9fc")
    assert named("digits+repeat2").fingerprint.startswith("73009f78f6ee18f6")


def test_draws_do_not_depend_on_how_a_set_is_called_or_read() -> None:
    pytest.importorskip("sklearn")
    assert named("breast_cancer+noise10").targets == named("breast-cancer+noise10").targets
    x = np.arange(12.0).reshape(6, 2)
    rows = Rows(tuple("abcdef"), x, np.array([0, 0, 0, 1, 1, 1]), 2)
    one, again = varied("s", "s+repeat2+noise50", rows), varied("s", "s+repeat2+noise50", rows)
    assert one.ids == again.ids and one.y.tolist() == again.y.tolist() and one.x.tolist() == again.x.tolist()
    assert varied("t", "t+repeat2", rows).x.tolist() != varied("s", "s+repeat2", rows).x.tolist()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("digits+nosie10", "no variant 'nosie10'"),
        ("digits+noise", "a number from 1 to 90"),
        ("digits+noise95", "a number from 1 to 90"),
        ("digits+shift3", "no number"),
        ("digits+", "no variant ''"),
        ("digits+noise10+noise20", "stands twice"),
        ("nothing+noise10", "no data set"),
    ],
)
def test_names_that_cannot_be(name: str, words: str) -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(UsageError, match=words):
        named(name)


def test_texts_have_tails_and_wrong_labels_but_no_noise(tmp_path: Path) -> None:
    (tmp_path / miniatures.SNIPPETS).write_bytes(miniatures.snippets(200))
    data = named("movie-sentiment+longtail4+noise10", str(tmp_path))
    assert 0 < len(data.candidates) < len(named("movie-sentiment", str(tmp_path)).candidates)
    for spelled in ("repeat2", "shift"):
        with pytest.raises(UsageError, match=r"a set of texts; wanted \+longtailN, \+noiseN"):
            named(f"movie-sentiment+{spelled}", str(tmp_path))


def test_the_final_test_set_is_that_of_the_set(mini_fashion: Path) -> None:
    data, plain = named("fashion-mnist+noise10+shift", str(mini_fashion)), named("fashion-mnist", str(mini_fashion))
    assert data.final is not None and plain.final is not None
    assert data.final().targets == plain.final().targets and data.final().pool.fingerprint() == plain.final().pool.fingerprint()


def test_a_variant_opens_as_a_pool() -> None:
    pytest.importorskip("sklearn")
    assert len(open_pool("iris+repeat2")) == 30 + 2 * 120


def test_every_variant_is_spelled_and_no_set_has_a_plus() -> None:
    assert [variant.spelled for variant in VARIANTS.values()] == ["+longtailN", "+repeatN", "+noiseN", "+outlierN", "+shift"]
    assert not any("+" in name for name in entries())
    assert [(variant.name, number) for variant, number in parse("x+shift+noise3")] == [("shift", 0), ("noise", 3)]
