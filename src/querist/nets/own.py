"""Models of one's own: a function makes them, named by its import path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from querist.core.errors import UsageError


def function_of(path: str) -> Callable[[int], Any]:
    """The function `"module:function"`, which takes the number of outputs.

    Raises:
        UsageError: if there is none.
    """
    module, _, name = path.partition(":")
    try:
        found: Callable[[int], Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError("there is no such function", got=path, wanted="module:function, importable from here", hint=str(error)) from error
    return found
