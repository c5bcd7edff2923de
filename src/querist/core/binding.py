"""The default binding of a project to its learner: looked up by name on the first `update`, so nothing below imports what trains."""

from __future__ import annotations

import importlib

from querist.core.contracts import Pool, Runtime
from querist.core.spec import Spec

ASSEMBLE = "querist.assemble"


def lazy_runtime(spec: Spec, pool: Pool | None) -> Runtime:
    """The runtime that `querist.assemble` builds for this project.

    Args:
        spec: The project's spec.
        pool: Its pool, opened, or None when only an outside model's statistics will be used.

    Raises:
        MissingExtraError: if the extra that the learner needs is not installed.
        CapabilityError: if method and learner do not fit.
    """
    runtime: Runtime = importlib.import_module(ASSEMBLE).runtime(spec, pool)
    return runtime
