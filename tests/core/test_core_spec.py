"""Specs: objects ⇄ plain mappings, with a stable hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.errors import UsageError
from querist.core.spec import build, canonical_json, digest, resolve, spec

pytestmark = pytest.mark.torchless


@dataclass(frozen=True)
class Part:
    size: int = 3
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Whole:
    part: Part
    rate: float = 0.1
    more: Any = None


HERE = __name__
PARTS = st.builds(Part, st.integers(), st.lists(st.text(), max_size=3).map(tuple))
WHOLES = st.builds(Whole, PARTS, st.floats(allow_nan=False, allow_infinity=False), st.none() | PARTS | st.booleans())


@given(WHOLES)
def test_build_inverts_spec_through_json(whole: Whole) -> None:
    assert build(json.loads(canonical_json(whole))) == whole
    assert build(spec(whole, full=False)) == whole
    assert digest(build(spec(whole))) == digest(whole)


def test_short_specs_leave_defaults_out() -> None:
    assert spec(Whole(Part()), full=False) == {"use": f"{HERE}:Whole", "part": {"use": f"{HERE}:Part"}}
    assert spec(Part(4)) == {"use": f"{HERE}:Part", "size": 4, "names": []}


def test_hash_knows_every_field_and_no_order() -> None:
    assert digest(Part(1)) != digest(Part(2))
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert canonical_json({"b": [1, (2.5, None)], "a": "ä"}) == '{"a":"ä","b":[1,[2.5,null]]}'


def test_refusals_say_what_is_wanted() -> None:
    with pytest.raises(UsageError, match="no parameter 'sise'") as caught:
        build({"use": f"{HERE}:Part", "sise": 1})
    assert caught.value.wanted == "size, names"
    with pytest.raises(UsageError, match="cannot build Whole"):
        build({"use": f"{HERE}:Whole"})
    with pytest.raises(UsageError, match="no spec"):
        spec({1, 2})
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


@pytest.mark.parametrize("path", ["nothing", ":Part", "querist.core.spec:", "querist.core.spec:nowhere", "os:getcwd", "querist.core.errors:UsageError"])
def test_only_importable_dataclasses_are_used(path: str) -> None:
    with pytest.raises(UsageError):
        resolve(path)
