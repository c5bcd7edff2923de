"""Computing on a torch device: the same picks, through the same methods."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import querist
from querist.acquire import placing
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.testing import FakeView

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("method", ["coreset", "badge", "auto", "margin", "vote", "chain"])
def test_a_device_chooses_the_same(method: str) -> None:
    view = FakeView.random(n=150)
    acquisition = catalogue.acquisition(method)
    for labelled in (view, dataclasses.replace(view, labelled=[], pending=[], labels=[])):
        wanted = acquisition.select(labelled, 12, stream(0, 1, "select"))
        with placing.on("cpu"):
            found = acquisition.select(labelled, 12, stream(0, 1, "select"))
        assert found.ids == wanted.ids
        np.testing.assert_allclose(found.scores, wanted.scores, rtol=1e-5)


def test_the_torch_form_is_used_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    plain = placing._placed

    def placed(x: np.ndarray, device: str) -> Any:
        seen.append(device)
        return plain(x, device)

    monkeypatch.setattr(placing, "_placed", placed)
    view = FakeView.random()
    with placing.on("cpu"):
        catalogue.acquisition("badge").select(view, 3, stream(0, 1, "select"))
        catalogue.acquisition("coreset").select(view, 3, stream(0, 1, "select"))
    catalogue.acquisition("badge").select(view, 3, stream(0, 1, "select"))
    assert seen == ["cpu"] * 4


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(UsageError, match="no GPU"):
        querist.select("coreset", 3, features=np.zeros((9, 2)), device="cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("method", ["coreset", "badge", "margin"])
def test_tensors_on_a_gpu(method: str) -> None:
    draw = stream(0, 0, "oracle")
    probs, features = draw.dirichlet(np.ones(5), size=2000).astype(np.float32), draw.normal(size=(2000, 16)).astype(np.float32)
    wanted = querist.select(method, 40, probs=probs, features=features, labelled=np.arange(2000) % 50 == 3)
    on_gpu = {"probs": torch.from_numpy(probs).cuda(), "features": torch.from_numpy(features).cuda()}
    assert querist.select(method, 40, labelled=np.arange(2000) % 50 == 3, **on_gpu).ids == wanted.ids
    assert querist.select(method, 40, probs=probs, features=features, labelled=np.arange(2000) % 50 == 3, device="cuda").ids == wanted.ids
