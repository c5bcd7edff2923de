"""The project contract with the small runtime, on a file."""

from __future__ import annotations

import pytest

from querist.project.project import Project
from querist.testing.project_contract import ProjectContract
from querist.testing.projects import ListPool, OrderRuntime


class TestOrderRuntime(ProjectContract):
    @pytest.fixture
    def project(self, tmp_path):
        with Project.create(
            tmp_path / "a.querist", pool=ListPool(60), classes=["cat", "dog"], runtime=OrderRuntime.factory, batch=4, test={"item-3": "dog"}
        ) as made:
            yield made
