"""What every pool must do, as a test class to inherit from.

class TestMyPool(PoolContract):
    @pytest.fixture
    def case(self, tmp_path):
        return PoolCase(build=lambda: MyPool(tmp_path), grow=lambda pool: pool.extend(more))
"""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from querist.core.contracts import Input, Pool
from querist.core.errors import UnknownItemError
from querist.core.order import canonical
from querist.core.spec import build, canonical_json, spec
from querist.data.batch import load_batch
from querist.data.content import content_digest


@dataclass(frozen=True)
class PoolCase:
    """How the contract gets its pools.

    Attributes:
        build: Opens the same pool again, as another process would.
        grow: Adds at least one item to what the pool reads and calls its `extend`; None if the pool never grows.
        persisted: Whether the pool is a frozen dataclass that is rebuilt from its spec.
    """

    build: Callable[[], Pool]
    grow: Callable[[Pool], Sequence[str]] | None
    persisted: bool = True


class PoolContract:
    """Inherit, and override the fixture `case`."""

    @pytest.fixture
    def case(self) -> PoolCase:
        """The pool under test."""
        raise pytest.UsageError("give the contract a `case` fixture")

    def test_is_a_pool_with_distinct_ids_in_canonical_order(self, case: PoolCase) -> None:
        """Ids are texts, distinct, canonical, and as many as `len` says."""
        pool = case.build()
        ids = list(pool.ids())
        assert isinstance(pool, Pool)
        assert len(pool) == len(ids) == len(set(ids)) >= 1
        assert all(type(item_id) is str and item_id for item_id in ids)
        assert ids == canonical(ids)

    def test_ids_content_and_fingerprint_are_the_same_when_opened_again(self, case: PoolCase) -> None:
        """Nothing depends on the process or on what was loaded before."""
        first, second = case.build(), case.build()
        digests = _digests(first, first.ids())
        assert list(first.ids()) == list(second.ids())
        assert _digests(second, list(reversed(second.ids()))) == digests
        assert first.fingerprint() == second.fingerprint()

    def test_fingerprint_is_hex(self, case: PoolCase) -> None:
        """At least 128 bits of hexadecimal digits."""
        text = case.build().fingerprint()
        assert len(text) >= 32
        assert set(text) <= set(string.hexdigits)

    def test_inputs_are_arrays_texts_or_mappings(self, case: PoolCase) -> None:
        """And their numbers are finite."""
        pool = case.build()
        for item_id in pool.ids():
            _check_input(pool.load(item_id))

    def test_loading_is_pure(self, case: PoolCase) -> None:
        """Whoever writes into a loaded array does not change the pool."""
        pool = case.build()
        item_id = pool.ids()[0]
        before = content_digest(pool.load(item_id))
        for array in _arrays(pool.load(item_id)):
            if array.flags.writeable:
                array[...] = array + 1
        assert content_digest(pool.load(item_id)) == before

    def test_unknown_id_is_refused(self, case: PoolCase) -> None:
        """By its own error, naming it."""
        with pytest.raises(UnknownItemError, match="no such id"):
            case.build().load("no such id")

    def test_many_at_once_equal_one_by_one(self, case: PoolCase) -> None:
        """In the order asked, repeats included."""
        pool = case.build()
        ids = [*reversed(pool.ids()), pool.ids()[0]]
        inputs, unreadable = load_batch(pool, ids)
        assert unreadable == {}
        assert [content_digest(value) for value in inputs] == [content_digest(pool.load(item_id)) for item_id in ids]

    def test_an_unreadable_item_stops_nothing(self, case: PoolCase) -> None:
        """The rest is loaded, and the reason is given."""
        pool = case.build()
        last = pool.ids()[-1]
        inputs, unreadable = load_batch(pool, ["no such id", last])
        assert [content_digest(value) for value in inputs] == [content_digest(pool.load(last))]
        assert list(unreadable) == ["no such id"]

    def test_extend_appends(self, case: PoolCase) -> None:
        """Old ids and their content stay; the new ids are returned; the fingerprint changes."""
        if case.grow is None:
            pytest.skip("this pool never grows")
        pool = case.build()
        old = list(pool.ids())
        digests, fingerprint = _digests(pool, old), pool.fingerprint()
        new = list(case.grow(pool))
        assert new
        assert new == canonical(new)
        assert list(pool.ids()) == canonical([*old, *new])
        assert len(pool) == len(old) + len(new)
        assert _digests(pool, old) == digests
        assert len(_digests(pool, new)) == len(new)
        assert pool.fingerprint() != fingerprint

    def test_rebuilt_from_its_spec(self, case: PoolCase) -> None:
        """A pool that lives on disk is its configuration."""
        pool = case.build()
        if not case.persisted:
            assert not dataclasses.is_dataclass(pool)
            return
        plain = spec(pool)
        again = build(plain)
        assert again == pool
        assert canonical_json(spec(again)) == canonical_json(plain)
        assert list(again.ids()) == list(pool.ids())


def _digests(pool: Pool, ids: Sequence[str]) -> dict[str, str]:
    return {item_id: content_digest(pool.load(item_id)) for item_id in ids}


def _arrays(value: Input) -> list[np.ndarray]:
    if isinstance(value, Mapping):
        return [array for part in value.values() for array in _arrays(part)]
    return [value] if isinstance(value, np.ndarray) and value.dtype.kind in "iufc" else []


def _check_input(value: Input) -> None:
    if isinstance(value, Mapping):
        assert value
        for part in value.values():
            _check_input(part)
    elif not isinstance(value, str):
        array = np.asarray(value)
        assert array.dtype.kind in "biufcU"
        assert array.dtype.kind not in "fc" or np.isfinite(array).all()
