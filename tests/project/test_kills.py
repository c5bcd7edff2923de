"""Kill -9 in a loop, with the small runtime."""

from __future__ import annotations

import os
import time

import pytest

from querist.testing.kills import KillTest
from querist.testing.projects import ListPool, OrderRuntime

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class Slowly(OrderRuntime):
    """Takes a while, so that kills can fall into it."""

    def train_score_select(self, job, report):
        time.sleep(0.02)
        return super().train_score_select(job, report)


def _test(folder):
    create = {"classes": ["cat", "dog"], "batch": 4, "seed": 3}
    return KillTest(folder, pool=lambda: ListPool(300), runtime=Slowly.factory, create=create)


def test_thirty_kills_lose_nothing(tmp_path):
    done = _test(tmp_path).run(30)
    assert done.in_update >= 15 and len(done.acknowledged) >= 60 and done.rounds >= 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_kills_lose_nothing(tmp_path):
    done = _test(tmp_path).run(200, seed=1)
    assert done.in_update >= 100 and done.rounds >= 30
