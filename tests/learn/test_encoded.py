"""Inputs from a frozen encoder: computed once, in the background, kept on disk; broken items are set aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import clouds, job
from learn_short import SHORT
from PIL import Image

from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import PoolError
from querist.core.rng import stream
from querist.data.arrays import ArrayPool
from querist.data.folders import FolderPool
from querist.data.tables import TablePool
from querist.learn.encoded import BATCH, EncodedInputs
from querist.learn.learner import Learner
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.supervised import Steps
from querist.nets.base import MLP
from querist.nets.encoders import Encode, Pixels, TfIdf
from querist.tasks import new_space

HEAD = MLP(hidden=())
LONGER = dataclasses.replace(SHORT, steps=Steps(0.0, 100, 100))


@dataclass(frozen=True)
class Doubling:
    """An encoder that doubles, and counts what it was given."""

    texts: bool = False
    fit_on: int = 0
    counted: list[int] = field(default_factory=list, compare=False)

    def open(self, sample: Sequence[Any]) -> Encode:
        def encode(items: Sequence[Any]) -> np.ndarray:
            self.counted.append(len(items))
            return np.stack([2 * np.asarray(item) for item in items]).astype(np.float32)

        return encode


def ids(n: int) -> list[str]:
    return [str(item) for item in range(n)]


def test_every_row_is_computed_once_also_by_the_next_process(tmp_path: Path) -> None:
    pool, encoder = ArrayPool(clouds(300)), Doubling()
    inputs = EncodedInputs(pool, encoder, tmp_path)
    first = inputs.batch(ids(20))
    assert sum(encoder.counted) >= 20
    while inputs.advance(0.05):
        pass
    assert sum(encoder.counted) == 300 and inputs.ready(ids(300)) == ids(300)
    again = EncodedInputs(pool, encoder, tmp_path)
    assert torch.equal(again.batch(ids(20)), first) and sum(encoder.counted) == 300
    assert again.shape == (4,) and again.advance(0.05) is False


def test_the_standardisation_does_not_depend_on_what_came_first(tmp_path: Path) -> None:
    pool = ArrayPool(clouds(400))
    few, many = EncodedInputs(pool, Doubling(), tmp_path / "few"), EncodedInputs(pool, Doubling(), tmp_path / "many")
    first = few.batch(ids(5))
    many.readable(ids(400)[::-1])
    assert torch.equal(many.batch(ids(5)), first)
    few.readable(ids(400))
    assert torch.equal(few.batch(ids(5)), first), "nor does it move as rows are added"


def test_prepare_stops_in_time_but_always_offers_something(tmp_path: Path) -> None:
    inputs = EncodedInputs(ArrayPool(clouds(300)), Doubling(), tmp_path, seconds=0.0)
    assert inputs.ready(ids(300)) == []
    assert inputs.prepare(ids(300), no_report) == {}
    ready = inputs.ready(ids(300))
    assert len(ready) == BATCH and max(map(int, ready)) > 150, "a sample of the pool, not its head"


def test_a_test_set_beside_uses_the_pools_standardisation(tmp_path: Path) -> None:
    inputs = EncodedInputs(ArrayPool(clouds(50)), Doubling(), tmp_path)
    far = inputs.beside(ArrayPool(clouds(50) + 100))
    assert float((far.batch(["3"]) - inputs.batch(["3"])).min()) > 10
    assert inputs.rows.ids != [] and far.rows.ids == ["3"], "rows of their own"
    source = inputs.beside(ArrayPool(clouds(50) - 100), "source")
    assert float((inputs.batch(["3"]) - source.batch(["3"])).min()) > 10 and far.rows.ids == source.rows.ids == ["3"]
    again = EncodedInputs(ArrayPool(clouds(50)), Doubling(), tmp_path)
    assert float((again.beside(ArrayPool(clouds(50) + 100)).batch(["3"]) - again.beside(ArrayPool(clouds(50) - 100), "source").batch(["3"])).min()) > 20


def pictures(folder: Path, n: int) -> None:
    folder.mkdir(exist_ok=True)
    rng = stream(0, 0, "oracle")
    for number in range(n):
        size = (8 + number % 3, 9, 3) if number % 2 else (8, 9)
        Image.fromarray(rng.integers(0, 255, size=size, dtype=np.uint8)).save(folder / f"{number}.jpg")


def test_a_broken_jpeg_is_quarantined_and_stops_nothing(tmp_path: Path) -> None:
    pictures(tmp_path / "photos", 30)
    whole = (tmp_path / "photos" / "20.jpg").read_bytes()
    (tmp_path / "photos" / "20.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "photos" / "21.jpg").write_bytes(b"not a picture")
    (tmp_path / "photos" / "2.jpg").write_bytes(b"")
    inputs = EncodedInputs(FolderPool(str(tmp_path / "photos")), Pixels(8), tmp_path / "features")
    schema = new_space("classification", ["a", "b"]).schema()
    work = job(
        tmp_path / "work", labelled={f"{i}.jpg": "ab"[i % 2] for i in range(6)}, candidates=[f"{i}.jpg" for i in range(6, 28)], pending=["28.jpg"],
        test={"29.jpg": "a"}, schema=schema,
    )  # fmt: skip
    result = LearnerRuntime(inputs, inputs, Learner(HEAD, SHORT), catalogue.acquisition("margin")).train_score_select(work, no_report)
    assert set(result.quarantined) == {"2.jpg", "20.jpg", "21.jpg"}
    assert all(reason for reason in result.quarantined.values())
    assert result.info["labels"] == 5 and result.scored == 20 and len(result.ranking) == 5
    assert not set(result.ranking.ids) & set(result.quarantined)


def test_a_pool_with_nothing_readable_says_so(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(b"no")
    inputs = EncodedInputs(FolderPool(str(tmp_path / "photos")), Pixels(8), tmp_path / "features")
    with pytest.raises(PoolError, match=r"'1\.jpg' cannot be read"):
        inputs.batch(["1.jpg"])
    with pytest.raises(PoolError, match="no item of the pool could be read"):
        _ = inputs.shape


WORDS = {"sport": "goal match team player score win", "food": "soup bread cheese taste cook oven"}


def texts(n: int) -> list[str]:
    rng, kinds = stream(0, 0, "oracle"), list(WORDS.values())
    return [" ".join(rng.choice(kinds[row % 2].split(), size=5)) + f" {row}" for row in range(n)]


def table(file: Path, n: int) -> TablePool:
    file.write_text("text\n" + "\n".join(texts(n)) + "\n")
    return TablePool(str(file))


def test_tf_idf_learns_a_small_table_of_texts(tmp_path: Path) -> None:
    inputs = EncodedInputs(table(tmp_path / "t.csv", 60), TfIdf(size=8), tmp_path / "features")
    names = list(WORDS)
    work = job(
        tmp_path / "work", labelled={item: names[int(item) % 2] for item in ids(30)},
        candidates=[str(item) for item in range(30, 42)], test={str(item): names[item % 2] for item in range(44, 60)},
        schema=new_space("classification", names).schema(),
    )  # fmt: skip
    result = LearnerRuntime(inputs, inputs, Learner(HEAD, LONGER), catalogue.acquisition("margin")).train_score_select(work, no_report)
    assert result.metrics["accuracy"] > 0.9


def test_rows_of_a_table_that_grew_stay_comparable(tmp_path: Path) -> None:
    """TF-IDF is fitted again in each process: on the sample of the first time, else old and new rows would not fit."""
    encoder = TfIdf(size=4, fit_on=20)
    before = EncodedInputs(table(tmp_path / "t.csv", 30), encoder, tmp_path / "features")
    before.readable(ids(10))
    grown = table(tmp_path / "t.csv", 60)
    after = EncodedInputs(grown, encoder, tmp_path / "features")
    after.readable(ids(12))
    alone = EncodedInputs(table(tmp_path / "t.csv", 30), encoder, tmp_path / "alone")
    alone.readable(ids(12))
    np.testing.assert_allclose(after.rows.take(ids(12)), alone.rows.take(ids(12)), atol=1e-6)


def test_an_encoder_of_the_other_modality_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="does not fit these items"):
        EncodedInputs(ArrayPool(["a text", "another"]), Pixels(8), tmp_path / "a").batch(["0"])
    with pytest.raises(PoolError, match="does not fit these items"):
        EncodedInputs(ArrayPool(clouds(9)), TfIdf(), tmp_path / "b").batch(["0"])
