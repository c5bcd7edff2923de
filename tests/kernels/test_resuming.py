"""Selections that are stopped after every block of picks and go on: the same bits as unbroken ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import budget, farthest, gaussian, herding, lcmd, points, seeding

pytestmark = pytest.mark.torchless

X = np.random.default_rng(3).normal(size=(600, 12)) * np.arange(1, 13) ** -0.7
A = np.random.default_rng(4).dirichlet(np.ones(4), size=600) - 0.25
R = gaussian.posterior_map(X[:20], 0.1)

KERNELS: dict[str, Callable[[int], tuple[np.ndarray, ...]]] = {
    "k_center": lambda k: farthest.k_center(X, X[:3], k),
    "k_center of gradients": lambda k: farthest.k_center_factored(points.Outer(A, X), k),
    "kmeans_pp": lambda k: seeding.kmeans_pp(points.Vectors(X), k, stream(5, 1, "select")),
    "badge": lambda k: seeding.kmeans_pp(points.Outer(A, X), k, stream(5, 1, "select")),
    "lcmd": lambda k: lcmd.lcmd(X, X[:3], k),
    "maxdet": lambda k: gaussian.maxdet(X, R, 0.1, k),
    "facility_location": lambda k: herding.facility_location(X, X[:3], herding.Gaussian(), k),
    "facility_location anew": lambda k: herding.facility_location(X, X[:3], herding.Gaussian(), k, cache=0),
    "sparse_facility_location": lambda k: herding.sparse_facility_location(X, X[:3], herding.Inverse(), k, 20),
}


def stopped(select: Callable[[], Any], after: int, resume: budget.State | None = None) -> budget.State | None:
    """The state when so many more states were saved; None if the selection came to its end before."""
    states: list[budget.State] = []

    def save(state: budget.State) -> None:
        states.append(state)
        if len(states) > after:
            raise KeyboardInterrupt

    try:
        with budget.limit(save=save, resume=resume):
            select()
    except KeyboardInterrupt:
        return states[-1]
    return None


@pytest.mark.parametrize("name", KERNELS)
def test_stopped_again_and_again_it_ends_as_if_never_stopped(name: str) -> None:
    kernel = KERNELS[name]
    whole = kernel(90)
    stops, state = 0, stopped(lambda: kernel(90), 1)
    while state is not None and len(state.picks) < 90:
        last, stops = state, stops + 1
        state = stopped(lambda: kernel(90), 4, state)
        if state is not None:
            assert len(state.picks) > len(last.picks)
    assert stops > 0
    with budget.limit(resume=last):
        again = kernel(90)
    for before, after in zip(whole, again, strict=True):
        assert before.tobytes() == after.tobytes()


def test_the_state_of_a_later_kernel_is_for_that_one() -> None:
    def both() -> np.ndarray:
        first = farthest.k_center(X, X[:3], 20)[0]
        return lcmd.lcmd(X, X[first], 40)[0]

    state = stopped(both, 30)
    assert state is not None and (state.kernel, state.call) == ("lcmd", 2)
    with budget.limit(resume=state) as spent:
        assert both().tolist() == both().tolist()
    assert spent.resume is None and spent.call == 4


@pytest.mark.parametrize("name", KERNELS)
def test_progress_reaches_the_end(name: str) -> None:
    told: list[tuple[int, int]] = []
    with budget.limit(report=lambda done, of: told.append((done, of))):
        KERNELS[name](30)
    assert told[-1] == (30, 30) and told == sorted(told)
