"""The state machine over a project, with the small runtime."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from querist.testing.project_machine import ProjectMachine

_COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "stateful_step_count": 10}


class ManyMachine(ProjectMachine):
    """The same, more often."""


TestProjectMachine = ProjectMachine.TestCase
TestProjectMachine.settings = settings(max_examples=100, **_COMMON)

TestProjectMachineSlow = pytest.mark.timeout(1500)(pytest.mark.slow(ManyMachine.TestCase))
TestProjectMachineSlow.settings = settings(max_examples=500, **{**_COMMON, "stateful_step_count": 30})
