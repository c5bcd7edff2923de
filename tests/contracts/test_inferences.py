"""Every inference of the catalogue keeps the inference contract."""

from __future__ import annotations

from typing import Any

import pytest

from querist.core import catalogue
from querist.core.spec import build
from querist.testing import InferenceContract


@pytest.mark.parametrize("name", [str(row["name"]) for row in catalogue.rows("inference")])
class TestInferences(InferenceContract):
    @pytest.fixture
    def inference(self, name: str) -> Any:
        return build(catalogue.row(name, "inference")["inference_spec"])
