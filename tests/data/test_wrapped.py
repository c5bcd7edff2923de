from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from querist.core.errors import PoolError
from querist.data.batch import load_batch
from querist.data.wrapped import HFPool, TorchPool


class Squares:
    """A map-style data set without torch."""

    def __init__(self, n: int, broken: int | None = None) -> None:
        self.n, self.broken = n, broken

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, row: int) -> tuple[np.ndarray, int]:
        if row == self.broken:
            raise OSError("disk on fire")
        return np.array([row, row * row], dtype=np.float32), row % 2


def test_tuples_give_their_first_part_only() -> None:
    assert TorchPool(Squares(5)).load("3").tolist() == [3, 9]


def test_a_torch_dataset_of_tensors() -> None:
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.arange(12.0).reshape(4, 3), torch.arange(4))
    pool = TorchPool(data, ids=list("dcba"))
    assert list(pool.ids()) == list("abcd")
    assert pool.load("d").tolist() == [0, 1, 2]
    assert [row.tolist() for row in pool.take(["a", "d", "a"])] == [[9, 10, 11], [0, 1, 2], [9, 10, 11]]


def test_an_item_that_raises_is_named_and_the_others_load() -> None:
    pool = TorchPool(Squares(5, broken=2))
    inputs, unreadable = load_batch(pool, list(pool.ids()))
    assert [value.tolist() for value in inputs] == [[0, 0], [1, 1], [3, 9], [4, 16]]
    assert list(unreadable) == ["2"]
    assert "disk on fire" in unreadable["2"]
    assert pool.fingerprint() != TorchPool(Squares(5)).fingerprint()


def test_extend_continues_the_numbers_across_data_sets() -> None:
    pool = TorchPool(Squares(3))
    assert list(pool.extend(Squares(2))) == ["3", "4"]
    assert list(pool.extend((Squares(1), ["x"]))) == ["x"]
    assert [value.tolist() for value in pool.take(["x", "4", "2"])] == [[0, 0], [1, 1], [2, 4]]


@pytest.mark.parametrize("bad", [np.array([np.nan]), object(), [[1], [2, 3]], None])
def test_items_that_are_no_inputs_are_named(bad: Any) -> None:
    with pytest.raises(PoolError, match="item '0'"):
        TorchPool([bad] if not isinstance(bad, list) else [(bad,)]).load("0")


def test_lengths_must_agree() -> None:
    with pytest.raises(PoolError, match="2 ids for 3 items"):
        TorchPool(Squares(3), ids=["a", "b"])
    with pytest.raises(PoolError, match="no items"):
        TorchPool(Squares(0))


@pytest.fixture
def hf() -> Any:
    return pytest.importorskip("datasets")


def test_texts_of_a_hugging_face_dataset(hf: Any) -> None:
    data = hf.Dataset.from_dict({"idx": [7, 8], "label": [0, 1], "sentence": ["good", "bad"]})
    assert HFPool(data).take(["1", "0"]) == ["bad", "good"]
    assert list(HFPool(data, id_column="idx").ids()) == ["7", "8"]


def test_vectors_and_mappings_of_a_hugging_face_dataset(hf: Any) -> None:
    data = hf.Dataset.from_dict({"id": ["b", "a"], "v": [[1.0, 2.0], [3.0, 4.0]], "t": ["x", "y"]})
    assert HFPool(data).load("a").tolist() == [3, 4]
    assert HFPool(data).load("a").dtype == np.float32
    item = HFPool(data, {"text": "t", "features": "v"}).load("b")
    assert item["text"] == "x"
    assert item["features"].tolist() == [1, 2]


def test_class_labels_are_no_content_whatever_their_name(hf: Any) -> None:
    features = hf.Features({"kind": hf.ClassLabel(names=["p", "q"]), "v": hf.Value("float32")})
    data = hf.Dataset.from_dict({"kind": [0, 1], "v": [0.5, 1.5]}, features=features)
    assert HFPool(data).load("1") == np.float32(1.5)
    with pytest.raises(PoolError, match="no column that could be"):
        HFPool(data.select_columns(["kind"]))
    with pytest.raises(PoolError, match="no column 'w'"):
        HFPool(data, "w")


def test_pictures_of_a_hugging_face_dataset(hf: Any) -> None:
    image = pytest.importorskip("PIL.Image")
    rgb = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    data = hf.Dataset.from_dict({"photo": [image.fromarray(rgb)], "label": [1]}, features=hf.Features({"photo": hf.Image(), "label": hf.Value("int64")}))
    np.testing.assert_array_equal(HFPool(data).load("0"), rgb)
    assert HFPool(data).fingerprint() == HFPool(data).fingerprint()
