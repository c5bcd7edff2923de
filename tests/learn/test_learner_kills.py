"""Kill -9 in a loop, most of it inside updates of the real learner on real digits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from querist.testing.kills import Kills, KillTest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def _killed(folder: Path, kills: int, seed: int) -> Kills:
    import torch  # warm: children inherit what the parent has imported

    from querist.assemble import runtime
    from querist.data.datasets import named

    torch.set_num_threads(1)
    data = named("digits")
    data.pool.ids()
    create = {
        "classes": list(data.classes), "batch": 4, "seed": 3, "method": "badge", "score_pool": 200,
        "test": dict(list(data.test.items())[:50]), "learner": {"recipe": "digits-cnn", "steps": 12},
    }  # fmt: skip
    return KillTest(folder, pool=lambda: data.pool, runtime=runtime, create=create, seconds=0.15).run(kills, seed)


def test_thirty_kills_of_the_real_learner_lose_nothing(tmp_path: Path) -> None:
    done = _killed(tmp_path, 30, 0)
    assert done.in_update >= 15 and done.rounds >= 5


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_two_hundred_kills_of_the_real_learner_lose_nothing(tmp_path: Path) -> None:
    done = _killed(tmp_path, 200, 1)
    assert done.in_update >= 100 and done.rounds >= 20
