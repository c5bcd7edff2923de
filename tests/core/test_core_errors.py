"""Errors say what came, what was wanted, what to do; missing extras name the pip command."""

from __future__ import annotations

import pytest

from querist.core import errors
from querist.core.errors import LabelError, MissingExtraError, QueristError, UsageError
from querist.core.optional import extra_of, require

pytestmark = pytest.mark.torchless


def test_a_message_has_its_parts_in_order() -> None:
    error = UsageError("no such thing", got="a", wanted="b", hint="Do c.")
    assert str(error) == "no such thing; got a; wanted b. Do c."
    assert error.payload() == {"type": "UsageError", "message": "no such thing", "got": "a", "wanted": "b", "hint": "Do c."}
    assert str(UsageError("only this")) == "only this"


def test_long_values_are_cut() -> None:
    assert len(UsageError("x", got="y" * 5000).got or "") == 200


def test_label_errors_name_the_item() -> None:
    error = LabelError("a/1.png", 7, "cat, dog")
    assert error.item == "a/1.png" and "'a/1.png'" in str(error) and error.got == "7"


def test_every_error_is_also_a_builtin_one() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QueristError) and kind is not QueristError]
    assert len(kinds) <= 11
    for kind in kinds:
        builtin = [base for base in kind.__mro__ if base.__module__ == "builtins" and base not in (Exception, BaseException, object)]
        assert builtin, kind


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"the encoder needs the package 'timm'.*pip install 'querist\[vision\]'"):
        require("timm", by="the encoder")
    with pytest.raises(ImportError, match=r"querist\[all\]"):
        require("no_such_package_anywhere", by="something")
    assert require("json.decoder", by="this").__name__ == "json.decoder"
    assert extra_of("torch") == "deep" and extra_of("json") is None
