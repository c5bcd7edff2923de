"""`score_pool=None` scores all candidates, as `Project.create` says."""

from __future__ import annotations

import numpy as np
import pytest

from querist.assemble.parts import runtime
from querist.data.arrays import ArrayPool


@pytest.mark.parametrize(("asked", "wanted"), [(None, 0), (50, 50)])
def test_no_score_pool_scores_all(asked: int | None, wanted: int) -> None:
    made = runtime({"method": "margin", "learner": {"recipe": "mlp"}, "score_pool": asked}, ArrayPool(np.eye(3)))
    assert made.score_pool == wanted
