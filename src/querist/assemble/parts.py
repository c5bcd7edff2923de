"""From a spec to the working parts: the one place where learner, acquisition and project meet.

A project's `learner` is a mapping: `{"recipe": NAME}` or a learner's own spec (`{"use": …}`), plus the options
`inference`, `refit`, `encoder`, `weights`, `side`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from querist.core import catalogue
from querist.core.contracts import STATISTICS, Acquisition, Pool, Runtime
from querist.core.errors import CapabilityError, UsageError
from querist.core.spec import Spec, build
from querist.learn.inputs import ArrayInputs, Inputs
from querist.learn.learner import Learner, Learns
from querist.learn.runtime import LearnerRuntime

DEFAULT_RECIPE = "mlp"


def runtime(spec: Spec, pool: Pool | None = None) -> Runtime:
    """The runtime of a project.

    Args:
        spec: The project's spec (keys `pool`, `method`, `learner`, `score_pool`, …).
        pool: The pool, when the caller holds it in memory; else it is built from the spec.

    Raises:
        UsageError: for an unknown method, recipe or option.
        CapabilityError: if the method needs a statistic that the learner does not provide.
    """
    opened: Pool = pool if pool is not None else build(spec["pool"])
    options = dict(spec.get("learner") or {})
    acquisition = catalogue.acquisition(spec["method"])
    made = learner(options, spec["method"])
    check(acquisition, made, str(spec["method"]))
    return LearnerRuntime(inputs(opened, options), made, acquisition, int(spec.get("score_pool", 10_000)))


def learner(options: Mapping[str, Any], method: Any) -> Learner:
    """The learner of these options, with the inference that the method's row asks for unless the options name one."""
    known = {"recipe", "use", "inference", "refit", "encoder", "weights", "side", "network", "scheme"}
    unknown = sorted(set(options) - known)
    if unknown:
        raise UsageError(f"unknown learner option {unknown[0]!r}", wanted=", ".join(sorted(known)))
    if "use" in options:
        return _of_type(build({key: options[key] for key in options if key not in ("side", "encoder", "weights")}), Learner)
    made = _of_type(build(catalogue.row(str(options.get("recipe") or DEFAULT_RECIPE), "recipe")["learner"]), Learner)
    changes: dict[str, Any] = {"inference": build(catalogue.row(str(options.get("inference") or catalogue.inference_name(method)), "inference")["inference_spec"])}
    for key in ("network", "scheme"):
        if options.get(key):
            changes[key] = build(options[key])
    if options.get("refit"):
        changes["refit"] = str(catalogue.row(str(options["refit"]), "refit")["name"])
    return dataclasses.replace(made, **changes)


def inputs(pool: Pool, options: Mapping[str, Any]) -> Inputs:
    """How items become tensors under these options."""
    return ArrayInputs(pool, options.get("side"))


def check(acquisition: Acquisition, made: Learns, name: str) -> None:
    """Needs ⊆ provides, or an error that names the missing statistic and who provides it.

    Raises:
        UsageError: for a statistic that nobody knows.
        CapabilityError: for one that this learner does not provide.
    """
    unknown = sorted(acquisition.needs - set(STATISTICS))
    if unknown:
        raise UsageError(f"{name} needs a statistic that does not exist: {unknown[0]!r}", wanted=", ".join(STATISTICS))
    missing = sorted(acquisition.needs - made.provides)
    if missing:
        raise CapabilityError(
            f"{name} needs {missing[0]!r} ({STATISTICS[missing[0]]}), which this learner does not provide",
            got=", ".join(sorted(made.provides)), wanted=", ".join(sorted(acquisition.needs)), hint="Networks with a trunk and a linear head provide it.",
        )  # fmt: skip


def _of_type(made: Any, kind: type[Learner]) -> Learner:
    if not isinstance(made, kind):
        raise UsageError("not a learner", got=type(made).__name__, wanted=kind.__name__)
    return made
