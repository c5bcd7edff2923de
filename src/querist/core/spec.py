"""Objects that are their configuration: frozen dataclass ⇄ plain mapping, with a content hash.

A spec is `{"use": "module:Class", field: value, …}`; only fields that differ from their default are written by
`spec(obj, full=False)`, all of them by `spec(obj)` (what snapshots store). Nothing is ever pickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
from collections.abc import Mapping
from typing import Any

from querist.core.errors import UsageError

Spec = Mapping[str, Any]


def spec(obj: Any, *, full: bool = True) -> Any:
    """The plain form of a frozen dataclass, of a container of such, or of a JSON value.

    Args:
        obj: A dataclass instance, mapping, list, tuple, str, number, bool or None.
        full: Write every field; else only those that differ from their default.
    """
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        fields = {
            field.name: spec(getattr(obj, field.name), full=full)
            for field in dataclasses.fields(obj)
            if field.init and (full or field.default is dataclasses.MISSING or getattr(obj, field.name) != field.default)
        }
        return {"use": f"{type(obj).__module__}:{type(obj).__qualname__}", **fields}
    if isinstance(obj, Mapping):
        return {str(key): spec(value, full=full) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [spec(value, full=full) for value in obj]
    if obj is None or isinstance(obj, str | int | float | bool):
        return obj
    raise UsageError("this object has no spec", got=type(obj).__name__, wanted="a frozen dataclass or a JSON value")


def build(plain: Any) -> Any:
    """The inverse of `spec`: mappings with a `use` key become objects, lists become tuples.

    Raises:
        UsageError: if the class cannot be imported, is no dataclass, or refuses the parameters.
    """
    if isinstance(plain, Mapping):
        if "use" not in plain:
            return {key: build(value) for key, value in plain.items()}
        kind = resolve(str(plain["use"]))
        parameters = {key: build(value) for key, value in plain.items() if key != "use"}
        names = [field.name for field in dataclasses.fields(kind) if field.init]
        unknown = sorted(set(parameters) - set(names))
        if unknown:
            raise UsageError(f"{kind.__name__} has no parameter {unknown[0]!r}", wanted=", ".join(names) or "no parameters")
        try:
            return kind(**parameters)
        except TypeError as error:
            raise UsageError(f"cannot build {kind.__name__}: {error}", wanted=", ".join(names)) from error
    if isinstance(plain, list | tuple):
        return tuple(build(value) for value in plain)
    return plain


def resolve(path: str) -> Any:
    """The dataclass named by `"module:Class"`.

    Raises:
        UsageError: if it is not there or is no dataclass type.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise UsageError("not an import path", got=path, wanted="module:Class")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"cannot import {path!r}: {error}", wanted="module:Class, importable from here", hint="Is the file on PYTHONPATH?") from error
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise UsageError(f"{path!r} is not a dataclass", got=type(found).__name__, wanted="a frozen dataclass")
    return found


def canonical_json(plain: Any) -> str:
    """Canonical JSON of a spec: sorted keys, no spaces, exact floats."""
    return json.dumps(spec(plain), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(plain: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(plain).encode()).hexdigest()
