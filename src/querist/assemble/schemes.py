"""From what was asked for to a training scheme: a name or a specification, around the scheme of the recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.spec import build
from querist.learn.schemes.replay import Fewer
from querist.learn.schemes.supervised import Steps, Supervised


def chosen(asked: str | Mapping[str, Any] | None, base: Any, options: Mapping[str, Any]) -> Any:
    """The scheme of a learner.

    Args:
        asked: Catalogue name, import path `module:Class`, or a specification. A scheme that holds another is put around `base`, unless its
            specification has an import path: then it says everything. In one with a catalogue name, parameters stand over those of the row, or of
            `base` if that is of the same class, and `inner` may be a name or a specification: `{"use": "domain_adversarial", "inner": "free_labels"}`.
        base: The recipe's own.
        options: Of the learner: `steps`, `pace`, `aside`, `effort`.

    Raises:
        UsageError: for an unknown name or parameter, or an option that the scheme cannot follow.
    """
    whole = isinstance(asked, Mapping) and ":" in str(asked.get("use"))
    inner = build(asked) if whole else base
    if options.get("steps") or options.get("pace"):
        if not isinstance(inner, Supervised):
            raise UsageError("this recipe has no step rule to replace", got=type(inner).__name__, wanted="Supervised")
        inner = dataclasses.replace(inner, steps=_paced(inner.steps, options.get("steps"), float(options.get("pace") or 1.0)))
    made = _around(asked, inner) if asked and not whole else inner
    if options.get("aside"):
        made = _aside(made)
    return _shorter(float(options["effort"]), made) if options.get("effort") else made


def _around(asked: Any, inner: Any) -> Any:
    """The scheme of this name, import path or specification around another one."""
    given = dict(asked) if isinstance(asked, Mapping) else {"use": asked}
    name, below = str(given.pop("use", "")), given.pop("inner", None)
    scheme = build({"use": name, **given}) if ":" in name else catalogue.configured(build(catalogue.row(name, "scheme")["scheme"]), given)
    inner = inner if below is None else _around(below, inner)
    if not hasattr(scheme, "around"):
        return catalogue.configured(inner, given) if isinstance(scheme, type(inner)) else scheme
    if not hasattr(inner, "programme"):
        raise UsageError(f"the scheme {name} wraps one that writes a programme", got=type(inner).__name__, wanted="a scheme with `programme`")
    return scheme.around(inner)


def _paced(rule: Steps, steps: Any, pace: float) -> Steps:
    """A fixed number of steps, or the rule's times a factor."""
    if steps:
        rule = Steps(0.0, int(steps), int(steps))
    return rule if pace == 1.0 else Steps(rule.per_label * pace, round(rule.low * pace), round(rule.high * pace))


def _aside(scheme: Any) -> Any:
    """The scheme with its modules trained and the network as without it."""
    if not hasattr(scheme, "aside"):
        raise UsageError("this scheme cannot leave the network alone", got=type(scheme).__name__, wanted="a scheme with `aside`")
    return scheme.aside()


def _shorter(effort: float, inner: Any) -> Any:
    """The scheme with that share of its steps in every round but the first."""
    if not 0 < effort <= 1 or not hasattr(inner, "programme"):
        raise UsageError(
            "effort is a share of the steps of a scheme that writes a programme", got=f"{effort:g} of {type(inner).__name__}", wanted="0 < effort ≤ 1"
        )
    return Fewer(inner, effort)
