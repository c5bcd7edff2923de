"""Strategies for class maps, on views of a few small maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from querist.acquire.aggregated import Aggregated
from querist.acquire.binned import HistogramMixture
from querist.acquire.compose import Compose
from querist.acquire.dense import DepthVariance, SideDisagreement
from querist.acquire.disagreement import MeanSTD
from querist.acquire.scores import Entropy
from querist.core import catalogue
from querist.core.contracts import folds
from querist.core.errors import StatisticError
from querist.core.rng import stream
from querist.core.sites import Sites, even
from querist.kernels.folding import Aggregator
from querist.kernels.overlap import side_disagreement
from querist.tasks.heads import served

GRID = (6, 5)
PIXELS = 30


class Maps:
    """Candidates whose pixels have these probabilities (n, k, c, *grid)."""

    def __init__(self, probs: np.ndarray, features: np.ndarray | None = None, extra: np.ndarray | None = None, weight: np.ndarray | None = None) -> None:
        n, k, c = probs.shape[:3]
        rows = np.moveaxis(probs.reshape(n, k, c, -1), 3, 1).reshape(-1, k, c)
        self._sites = even(n, rows.shape[0] // n, probs=rows, grid=probs.shape[3:], weight=weight, extra={} if extra is None else {"sides": extra})
        self._features = features
        self.candidates = [f"map-{row}" for row in range(n)]
        self.labelled: list[str] = []
        self.pending: list[str] = []
        self.labels: list[int] = []
        self.classes, self.round, self.aggregator = c, 1, Aggregator("mean")

    def stat(self, name: str, of: str = "candidates") -> Any:
        assert name == "features" and of == "candidates" and self._features is not None
        return self._features

    def fold(self, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        assert name == "sites" and of == "candidates"
        rows = range(len(self._sites)) if places is None else places.tolist()
        return np.concatenate([fn(self._sites.item(row)) for row in rows])


def binary(foreground: np.ndarray) -> np.ndarray:
    """Probabilities (n, k, 2, *grid) of two classes."""
    return np.stack([1 - foreground, foreground], axis=2)


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, 1, "select")


def test_suggestive_annotation_is_uncertain_and_covers() -> None:
    # Members differ by ±a in every pixel: maps 0 to 3 most; of these 0 to 2 look alike, and so do most of the others.
    spread = np.array([0.4, 0.39, 0.38, 0.37, 0.1, 0.1, 0.1, 0.1])
    foreground = 0.5 + spread[:, None, None, None] * np.array([1, -1])[None, :, None, None] * np.ones((1, 1, *GRID))
    features = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]] + [[1.0, 0.1]] * 4, dtype=np.float32)
    view = Maps(binary(foreground), features)
    np.testing.assert_allclose(MeanSTD()(view), spread, rtol=1e-6)  # type: ignore[arg-type]
    chosen = catalogue.acquisition("suggestive_annotation").select(view, 2, rng())
    assert set(chosen.ids) <= {f"map-{row}" for row in range(4)} and "map-3" in chosen.ids
    alike = Maps(binary(np.full((8, 2, *GRID), 0.3)), features)
    assert not MeanSTD()(alike).any()  # type: ignore[arg-type]


def test_uncertainty_at_a_contour_counts_less_than_within() -> None:
    pytest.importorskip("scipy")
    mask = np.zeros(GRID, dtype=bool)
    mask[1:5, 1:4] = True
    base = np.where(mask, 0.8, 0.1)
    foreground = np.repeat(base[None, None], 3, axis=0).repeat(2, axis=1)
    foreground[0, :, 1, 1] = [0.6, 1.0]  # at the corner of the object
    foreground[1, :, 2, 2] = [0.6, 1.0]  # in its middle
    foreground[2] = 0.1
    foreground[2, :, 2, 2] = [0.0, 0.2]  # nothing is found at all
    score = DepthVariance()(Maps(binary(foreground)))  # type: ignore[arg-type]
    assert score[1] == pytest.approx(2 * 0.2**2) and score[0] == pytest.approx(score[1] / 2) and score[2] == 0.0
    chosen = HistogramMixture(Compose(score=DepthVariance()), lowest=1.0, middle=0.0).select(Maps(binary(foreground)), 1, rng())  # type: ignore[arg-type]
    assert chosen.ids == ("map-2",) and "nothing found" in chosen.note[0]


def test_pixels_out_of_the_window_do_not_count() -> None:
    pytest.importorskip("scipy")
    foreground = np.stack([np.full(GRID, 0.9), np.full(GRID, 0.7)])[None]
    inside = np.zeros(GRID)
    inside[:3] = 1
    whole, part = (DepthVariance()(Maps(binary(foreground), weight=weight))[0] for weight in (None, inside.ravel()))  # type: ignore[arg-type]
    assert 0 < part < whole
    stages = np.stack([np.ones(PIXELS), np.repeat([1, 0], PIXELS // 2)], axis=1).astype(np.uint8)
    view = Maps(binary(foreground), extra=stages, weight=inside.ravel())
    assert SideDisagreement()(view)[0] == 0.0  # type: ignore[arg-type]


def test_side_outputs_that_agree_are_not_asked_about() -> None:
    draw = stream(1, 0, "oracle")
    stages = draw.integers(0, 3, size=(4 * PIXELS, 3)).astype(np.uint8)
    stages[:PIXELS] = stages[:PIXELS, :1]
    view = Maps(draw.dirichlet(np.ones(3), size=(4, 1, *GRID)).transpose(0, 1, 4, 2, 3), extra=stages)
    score = SideDisagreement()(view)  # type: ignore[arg-type]
    per_item = stages.reshape(4, PIXELS, 3).transpose(0, 2, 1)
    np.testing.assert_allclose(score, side_disagreement(np.concatenate([per_item == 1, per_item == 2], axis=2)))
    assert score[0] == 0.0 and score[1:].min() > 0.3
    assert "map-0" not in catalogue.acquisition("deep_supervision").select(view, 3, rng()).ids


def test_samples_stand_for_side_outputs() -> None:
    foreground = np.zeros((2, 3, *GRID))
    foreground[0, 0, :3] = 1
    score = SideDisagreement()(Maps(binary(foreground)))  # type: ignore[arg-type]
    assert score[0] == pytest.approx(1 - 1 / 16) and score[1] == 0.0


@pytest.mark.parametrize("score", [DepthVariance(), SideDisagreement()])
def test_a_pixel_that_is_no_number_names_its_item(score: Any) -> None:
    pytest.importorskip("scipy")
    foreground = np.full((3, 2, *GRID), 0.8)
    foreground[1, 0, 2, 2] = np.nan
    with pytest.raises(StatisticError, match="map-1"):
        Compose(score=score).select(Maps(binary(foreground)), 2, rng())  # type: ignore[arg-type]


def test_they_serve_what_has_sites() -> None:
    for name in ("suggestive_annotation", "melanoma_ceal", "deep_supervision"):
        assert folds(catalogue.acquisition(name)) and "dense" in served(catalogue.acquisition(name))
    assert {"dense", "detection", "tagging"} <= set(served(catalogue.acquisition("set_cover")))


def test_rules_wrap_scores_of_sites_and_aggregators() -> None:
    draw = stream(2, 0, "oracle")
    view = Maps(binary(draw.random((20, 2, *GRID))), draw.normal(size=(20, 3)).astype(np.float32))
    inner = Compose(score=Entropy())
    for rule in ("set_cover", "list_medoids", "binned", "histogram_mixture"):
        made = catalogue.acquisition({"use": rule, "inner": Aggregated(inner, by="max")})
        assert len(set(made.select(view, 5, rng()).ids)) == 5


def test_sites_of_one_item() -> None:
    said: Sites = Maps(binary(np.full((2, 1, *GRID), 0.5)))._sites
    assert len(said.item(1)) == 1 and said.item(1).count == PIXELS
