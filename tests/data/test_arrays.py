from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.core.spec import spec
from querist.data.arrays import ArrayPool, FilePool


def _rows(n: int, d: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def test_default_ids_are_row_numbers_and_take_keeps_the_order_asked() -> None:
    x = _rows(12)
    pool = ArrayPool(x)
    assert list(pool.ids()) == [str(row) for row in range(12)]
    np.testing.assert_array_equal(pool.take(["11", "2", "2"]), x[[11, 2, 2]])


def test_own_ids_are_listed_in_canonical_order_and_keep_their_rows() -> None:
    x = _rows(3)
    pool = ArrayPool(x, ["img10", "img9", "img1"])
    assert list(pool.ids()) == ["img1", "img9", "img10"]
    np.testing.assert_array_equal(pool.load("img10"), x[0])


def test_whole_numbers_become_texts() -> None:
    assert list(ArrayPool(_rows(2), np.array([7, 3])).ids()) == ["3", "7"]


@pytest.mark.parametrize(
    ("x", "ids", "message"),
    [
        (np.zeros((0, 3)), None, "no rows"),
        (np.float32(1), None, "no rows"),
        ([[1, 2], [3]], None, "not one array"),
        (np.array([object()]), None, "numbers or texts"),
        (np.zeros((2, 1)), ["a"], "one id per row"),
        (np.zeros((3, 1)), ["a", "b", "a"], "'a' more than once"),
        (np.zeros((2, 1)), ["a", ""], "empty id in row 1"),
        (np.zeros((2, 1)), ["a", 1.5], "no usable id in row 1"),
        (np.zeros((2, 1)), ["a", None], "no usable id in row 1"),
    ],
)
def test_what_is_no_pool_is_refused(x: object, ids: object, message: str) -> None:
    with pytest.raises(PoolError, match=message):
        ArrayPool(x, ids)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named_and_the_others_load(bad: float) -> None:
    x = _rows(4)
    x[2, 1] = bad
    pool = ArrayPool(x, list("abcd"))
    with pytest.raises(PoolError, match=r"'c' \(row 2\)"):
        pool.take(["a", "c"])
    np.testing.assert_array_equal(pool.load("d"), x[3])


def test_fingerprint_tells_content_ids_and_shape_apart() -> None:
    x = np.arange(12, dtype=np.uint8)
    pools = [ArrayPool(x.reshape(4, 3)), ArrayPool(x.reshape(2, 6)), ArrayPool(x.reshape(4, 3).astype(np.int64)), ArrayPool(x.reshape(4, 3), list("abcd"))]
    changed = x.copy()
    changed[-1] += 1
    pools.append(ArrayPool(changed.reshape(4, 3)))
    assert len({pool.fingerprint() for pool in pools}) == 5


def test_fingerprint_of_the_first_rows_is_that_of_the_shorter_pool() -> None:
    x = _rows(50)
    pool = ArrayPool(x[:20])
    before = pool.fingerprint()
    pool.extend(x[20:35])
    pool.extend(x[35:])
    assert pool.fingerprint(first=20) == before
    assert pool.fingerprint() == ArrayPool(x).fingerprint()
    assert pool.fingerprint(first=36) == ArrayPool(x[:36]).fingerprint()


def test_rows_of_several_parts_come_in_the_order_asked() -> None:
    x = _rows(30)
    pool = ArrayPool(x[:10])
    assert list(pool.extend(x[10:12])) == ["10", "11"]
    pool.extend(x[12:])
    np.testing.assert_array_equal(pool.take(["29", "0", "10", "11", "12", "9"]), x[[29, 0, 10, 11, 12, 9]])


def test_named_rows_are_appended_beside_numbers() -> None:
    pool = ArrayPool(np.zeros((2, 2)))
    assert list(pool.extend({"syn-ab": [1.0, 2.0]})) == ["syn-ab"]
    np.testing.assert_array_equal(pool.load("syn-ab"), [1.0, 2.0])


def test_what_does_not_fit_is_not_appended() -> None:
    pool = ArrayPool(np.zeros((2, 2)), ["a", "b"])
    with pytest.raises(UsageError, match="ids of its own"):
        pool.extend(np.ones((1, 2)))
    with pytest.raises(PoolError, match="'a' more than once"):
        pool.extend({"a": [1.0, 2.0]})
    with pytest.raises(PoolError, match="another shape"):
        pool.extend({"c": [1.0]})
    assert list(pool.ids()) == ["a", "b"]
    assert pool.take(["a", "b"]).shape == (2, 2)


def test_texts_are_rows_too() -> None:
    pool = ArrayPool(["one", "a longer text"])
    assert pool.load("1") == "a longer text"
    short, long = ArrayPool(np.array(["a", "b"], dtype="U1")), ArrayPool(np.array(["a", "b"], dtype="U9"))
    assert short.take(["0"]).tolist() == long.take(["0"]).tolist()


def test_an_array_in_memory_has_no_spec() -> None:
    with pytest.raises(UsageError, match="no spec"):
        spec(ArrayPool(_rows(2)))


def test_a_npy_file_is_not_read_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", _rows(1000))
    pool = FilePool(str(tmp_path / "x.npy"))
    assert isinstance(pool._rows._parts[0], np.memmap)
    np.testing.assert_array_equal(pool.take(["999", "0"]), _rows(1000)[[999, 0]])


def test_a_npz_file_may_name_its_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=_rows(3), ids=np.array(["c", "a", "b"]))
    pool = FilePool(str(tmp_path / "x.npz"))
    assert list(pool.ids()) == ["a", "b", "c"]
    np.testing.assert_array_equal(pool.load("c"), _rows(3)[0])


def test_a_npz_file_with_several_arrays_needs_a_key(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=_rows(3), b=_rows(4))
    with pytest.raises(PoolError, match="key="):
        FilePool(str(tmp_path / "x.npz")).ids()
    with pytest.raises(PoolError, match="no array 'c'"):
        FilePool(str(tmp_path / "x.npz"), "c").ids()
    assert len(FilePool(str(tmp_path / "x.npz"), "b")) == 4


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(PoolError, match=r"x\.npy"):
        FilePool(str(tmp_path / "x.npy")).ids()


@pytest.mark.parametrize("content", [b"", b"junk", b"\x93NUMPY\x01\x00v\x00"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(PoolError, match=r"x\.npy"):
        FilePool(str(tmp_path / "x.npy")).ids()


def test_a_file_that_was_changed_instead_of_appended_to_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, _rows(5))
    pool = FilePool(str(path))
    assert pool.ids()
    path.unlink()  # a memmap of the old file stays valid only if the name is taken by a new one
    np.save(path, _rows(9, seed=1))
    with pytest.raises(PoolError, match="changed, not appended"):
        pool.extend()
    assert len(pool) == 5


def test_unknown_ids_are_named() -> None:
    with pytest.raises(UnknownItemError, match="'9'"):
        ArrayPool(_rows(2)).take(["0", "9"])
