"""What selectors hand to the kernels: factorised points, checked once, with limits and progress that need no parameters."""

from __future__ import annotations

import numpy as np
import pytest

from querist.acquire.arrays import select
from querist.acquire.compose import Compose
from querist.acquire.embeddings import Features, Gradients
from querist.acquire.selectors import KCenter, KMeansPP
from querist.core.errors import StatisticError
from querist.core.rng import stream
from querist.kernels import budget, farthest
from querist.testing.fake_view import FakeView

pytestmark = pytest.mark.torchless


def wide_gradients(view: FakeView, n: int) -> FakeView:
    rng = stream(0, 0, "oracle")
    # Formed, a row would take 8 MB and the pool 320 MB.
    return view.filled("gradients", (rng.normal(size=(n, 1000)).astype(np.float32), rng.normal(size=(n, 2000)).astype(np.float32)))


@pytest.mark.parametrize("selector", [KCenter(), KMeansPP()])
def test_gradients_are_never_formed(selector: KCenter | KMeansPP, monkeypatch: pytest.MonkeyPatch) -> None:
    view = wide_gradients(FakeView.random(), 40)
    monkeypatch.setattr(Gradients, "coordinates", lambda *_: pytest.fail("coordinates were formed"))
    assert Gradients().covered(view).shape == (0, 2_000_000)
    assert len(Compose(embed=Gradients(), selector=selector).select(view, 9, stream(0, 1, "select"))) == 9


def test_k_center_in_gradient_space_is_that_of_the_formed_gradients() -> None:
    view = FakeView.random()
    full = Gradients().coordinates(view).astype(np.float64)
    chosen = Compose(embed=Gradients(), selector=KCenter()).select(view, 12, stream(0, 1, "select"))
    rows, _ = farthest.k_center(full, full[:0], 12)
    assert chosen.ids == tuple(view.candidates[row] for row in rows)


@pytest.mark.parametrize("use", [lambda view: Gradients().coordinates(view), lambda view: Gradients().points(view)])
def test_gradients_that_are_not_finite_name_the_item(use: object) -> None:
    assert callable(use)
    view = FakeView.random()
    a, h = view.stat("gradients")
    h = h.copy()
    h[3, 0] = np.inf
    with pytest.raises(StatisticError, match=view.candidates[3]):
        use(view.filled("gradients", (a, h)))


@pytest.mark.parametrize("method", ["coreset", "badge"])
def test_limits_and_the_order_of_the_pool_change_nothing_and_progress_is_told(method: str) -> None:
    rng = stream(4, 0, "oracle")
    x, probs = rng.normal(size=(300, 12)).astype(np.float32), rng.dirichlet(np.ones(4), size=300).astype(np.float32)
    ids = [f"item {row}" for row in range(300)]
    labelled = [ids[row] for row in (3, 50, 200)]
    wanted = select(method, 40, probs=probs, features=x, ids=ids, labelled=labelled)
    told: list[tuple[int, int]] = []
    with budget.limit(max_bytes=4_000, report=lambda done, of: told.append((done, of))) as spent:
        assert select(method, 40, probs=probs, features=x, ids=ids, labelled=labelled).ids == wanted.ids
    assert told[-1] == (40, 40) and spent.passes > 1 and spent.peak_bytes > 4_000
    order = rng.permutation(300)
    mixed = select(method, 40, probs=probs[order], features=x[order], ids=[ids[row] for row in order], labelled=labelled)
    assert mixed.ids == wanted.ids


def test_an_interrupted_selection_leaves_nothing_behind() -> None:
    view = FakeView.random()
    whole = Compose(embed=Features(), selector=KCenter()).select(view, 9, stream(0, 1, "select"))

    def stop(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), budget.limit(report=stop):
        Compose(embed=Features(), selector=KCenter()).select(view, 9, stream(0, 1, "select"))
    assert Compose(embed=Features(), selector=KCenter()).select(view, 9, stream(0, 1, "select")) == whole
