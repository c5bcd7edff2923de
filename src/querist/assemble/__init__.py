"""From specs to working parts: the one place where the siblings meet. Importing this package loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from querist.core.contracts import Pool, Report, Runtime
    from querist.core.records import RoundJob, RoundResult
    from querist.core.spec import Spec
    from querist.learn.runtime import LearnerRuntime


@dataclass(frozen=True)
class Assembled:
    """The runtime of a project, put together when a round needs it: an outside model's round needs no torch.

    Attributes:
        spec: The project's spec, with `folder`.
        pool: The pool, when the caller holds it in memory.
    """

    spec: Spec
    pool: Pool | None = None

    @cached_property
    def _own(self) -> LearnerRuntime:
        from querist.core.optional import require

        require("torch", by="training a network here")
        from querist.assemble.parts import runtime

        return runtime(self.spec, self.pool)

    def train_score_select(self, job: RoundJob, report: Report) -> RoundResult:
        """See `Runtime`."""
        if job.outside:
            from querist.core.catalogue import acquisition
            from querist.learn.outside import outside_round

            return outside_round(job, acquisition(self.spec["method"]))
        return self._own.train_score_select(job, report)

    def advance(self, seconds: float) -> bool:
        """See `Runtime`."""
        return self._own.advance(seconds)


def runtime(spec: Spec, pool: Pool | None = None) -> Runtime:
    """The runtime of a project.

    Args:
        spec: The project's spec (keys `pool`, `method`, `learner`, `score_pool`, …) with `folder`, where its artifacts lie.
        pool: The pool, when the caller holds it in memory; else it is built from the spec.

    Raises:
        UsageError: for an unknown method.
    """
    from querist.core.catalogue import acquisition

    acquisition(spec["method"])
    return Assembled(spec, pool)


def simulation(*args: Any, **kwargs: Any) -> Any:
    """A simulated project; see `querist.assemble.simulate.simulation`."""
    from querist.assemble.simulate import simulation as made

    return made(*args, **kwargs)
