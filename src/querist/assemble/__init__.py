"""From specs to working parts: the one place where the siblings meet. Importing this package loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from querist.core.contracts import Pool, Runtime
    from querist.core.spec import Spec


def runtime(spec: Spec, pool: Pool | None = None) -> Runtime:
    """The runtime of a project; see `querist.assemble.parts.runtime`."""
    from querist.assemble.parts import runtime as assembled

    return assembled(spec, pool)


def simulation(*args: Any, **kwargs: Any) -> Any:
    """A simulated project; see `querist.assemble.simulate.simulation`."""
    from querist.assemble.simulate import simulation as made

    return made(*args, **kwargs)
