"""Items with many sites, read in chunks: a small segmentation, by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.acquire.aggregated import Aggregated
from querist.acquire.cluster_margin import ClusterMargin
from querist.acquire.compose import Compose
from querist.acquire.embeddings import Gradients
from querist.acquire.scores import BALD, Entropy, Margin
from querist.acquire.selectors import KMeansPP
from querist.core import catalogue
from querist.core.contracts import folds, lacking
from querist.core.errors import CapabilityError, TrainingError, UsageError
from querist.core.rng import Streams, stream
from querist.core.sites import Sites, even, one_each
from querist.data.arrays import ArrayPool
from querist.kernels.folding import Aggregator
from querist.kernels.gradients import residual
from querist.kernels.information import entropy
from querist.kernels.site_gradients import site_gradients
from querist.learn.inference.mc_dropout import MCDropout
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.sited_view import SitedView
from querist.learn.statistics.sited import Said
from querist.nets.base import Network, initialise
from querist.tasks import heads
from querist.testing.fake_view import FakeView

SIDE, CLASSES, N = 6, 3, 40


@dataclass(frozen=True)
class Pixels:
    """A class for every pixel; values are class positions (h, w)."""

    outputs: int = CLASSES

    def targets(self, labelled: Mapping[str, Any]) -> np.ndarray:
        return np.stack([np.asarray(value, dtype=np.int64) for value in labelled.values()]) if labelled else np.empty((0, SIDE, SIDE), dtype=np.int64)

    def weights(self, targets: np.ndarray) -> np.ndarray:
        return np.ones(CLASSES, dtype=np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        return functional.cross_entropy(output, target, reduction="none", label_smoothing=smoothing).flatten(1).mean(dim=1)

    def predict(self, output: Tensor) -> Tensor:
        return torch.softmax(output, dim=1)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        sure, target = torch.softmax(output.detach(), dim=1).max(dim=1)
        return target, sure.flatten(1).mean(dim=1)

    def doubt(self, output: Tensor) -> Tensor:
        return torch.special.entr(torch.softmax(output.detach(), dim=1)).sum(dim=1).flatten(1).mean(dim=1)

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        return (torch.softmax(output, dim=1) - torch.softmax(reference, dim=1)).square().flatten(1).mean(dim=1)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None) -> Sites:
        m, k = output.shape[:2]
        probs = torch.softmax(output, dim=2).permute(0, 3, 4, 1, 2).reshape(m * SIDE * SIDE, k, CLASSES)
        features = None if hidden is None else hidden.permute(0, 2, 3, 1).reshape(m * SIDE * SIDE, -1).numpy()
        return even(m, SIDE * SIDE, probs=probs.numpy(), grid=(SIDE, SIDE), features=features)

    def metrics(self, said: Iterable[Sites], targets: np.ndarray) -> dict[str, float]:
        predicted = np.concatenate([np.asarray(part.probs).mean(axis=1).argmax(axis=1) for part in said])
        return {"pixels": float((predicted == targets.ravel()).mean())}


@dataclass(frozen=True)
class Convolutions:
    """Two convolutions with dropout before the last."""

    width: int = 8
    rate: float = 0.2

    def make(self, shape: tuple[int, ...], outputs: int, generator: torch.Generator) -> Network:
        trunk = nn.Sequential(nn.Conv2d(shape[0], self.width, 3, padding=1), nn.ReLU())
        network = Network(trunk, nn.Sequential(nn.Dropout(self.rate), nn.Conv2d(self.width, outputs, 1)), lambda hidden: hidden.mean(dim=(2, 3)))
        initialise(network, generator)
        return network


@pytest.fixture(scope="module")
def masks() -> dict[str, Any]:
    return {str(item): stream(item, 0, "oracle").integers(CLASSES, size=(SIDE, SIDE)).tolist() for item in range(N)}


@pytest.fixture(scope="module")
def inputs(masks: dict[str, Any]) -> ArrayInputs:
    noise = stream(0, 0, "augment").normal(scale=0.6, size=(N, SIDE, SIDE))
    return ArrayInputs(ArrayPool(np.array(list(masks.values())) + noise, list(masks)))


def fitted(inputs: ArrayInputs, masks: Mapping[str, Any], **parts: Any) -> Fitted:
    learner = Learner(Convolutions(), Supervised(Steps(0.0, 60, 60), batch=8, rate=0.02), **parts)
    labelled = {item: masks[item] for item in list(masks)[:12]}
    return learner.fit(inputs, Pixels(), labelled, Streams(0, 1), None, lambda *told: None)


@pytest.fixture(scope="module")
def sampled(inputs: ArrayInputs, masks: dict[str, Any]) -> Fitted:
    return fitted(inputs, masks, inference=MCDropout(4))


def view_of(made: Fitted, ids: list[str], by: str = "mean") -> SitedView:
    def read(asked: Any) -> Iterator[Said]:
        with made.reading(Pixels()) as reading:
            yield from reading(list(asked), lambda done: None)

    provides = heads.kind("dense").provided(Learner(Convolutions()).provides)
    return SitedView(ids[12:], ids[:12], (), read, provides, Aggregator(by), classes=CLASSES)


def test_a_network_of_pixels_learns_like_any_other(inputs: ArrayInputs, masks: dict[str, Any], sampled: Fitted) -> None:
    ids = list(masks)[12:]
    with sampled.reading(Pixels()) as reading:
        found = Pixels().metrics((said.sites for said in reading(ids, lambda done: None)), Pixels().targets({item: masks[item] for item in ids}))
    assert found["pixels"] > 0.5, "chance is a third"


def test_folding_is_the_mean_over_pixels_of_the_score(sampled: Fitted, masks: dict[str, Any]) -> None:
    view = view_of(sampled, list(masks))
    whole = view.fold("sites", lambda said: np.asarray(said.probs).reshape(len(said), SIDE * SIDE, -1, CLASSES))
    assert whole.shape == (N - 12, SIDE * SIDE, 4, CLASSES)
    by_hand = np.array([entropy(item).mean() for item in whole])
    np.testing.assert_allclose(Entropy()(view), by_hand, rtol=1e-5)
    chosen = Compose(score=Entropy()).select(view, 3, stream(0, 0, "select"))
    assert list(chosen.ids) == [view.candidates[row] for row in np.argsort(-by_hand, kind="stable")[:3]]


def test_the_wrapper_folds_in_another_way(sampled: Fitted, masks: dict[str, Any]) -> None:
    view = view_of(sampled, list(masks))
    chosen = Aggregated(Compose(score=Entropy()), by="max").select(view, 3, stream(0, 0, "select"))
    np.testing.assert_allclose(chosen.scores, np.sort(Entropy()(view_of(sampled, list(masks), "max")))[::-1][:3])
    with pytest.raises(UsageError, match="unknown aggregator"):
        Aggregated(Compose(score=Entropy()), by="median").select(view, 3, stream(0, 0, "select"))
    with pytest.raises(UsageError, match="folds no scores"):
        Aggregated(catalogue.acquisition("batchbald")).select(view, 3, stream(0, 0, "select"))


def test_chunks_change_nothing(sampled: Fitted, masks: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = BALD()(view_of(sampled, list(masks)))
    monkeypatch.setattr("querist.learn.statistics.sited.CHUNK_BYTES", 1)
    np.testing.assert_allclose(BALD()(view_of(sampled, list(masks))), whole, rtol=1e-5, atol=1e-9)


def test_scores_features_and_gradients_of_some_candidates_only(sampled: Fitted, masks: dict[str, Any]) -> None:
    view = view_of(sampled, list(masks))
    chosen = ClusterMargin().select(view, 5, stream(0, 0, "select"))
    assert len(set(chosen.ids)) == 5
    badge = Compose(embed=Gradients(), selector=KMeansPP())
    assert len(set(badge.select(view, 5, stream(0, 0, "select")).ids)) == 5
    ones, rows = view.stat("gradients")
    assert ones.shape == (N - 12, 1) and rows.shape == (N - 12, CLASSES * 8) and view.stat("features").shape == (N - 12, 8)
    part = view.fold("sites", lambda said: np.full(len(said), said.count / len(said)), places=np.array([3, 1]))
    assert part.tolist() == [SIDE * SIDE, SIDE * SIDE]


def test_what_streams_is_no_array(sampled: Fitted, masks: dict[str, Any]) -> None:
    view = view_of(sampled, list(masks))
    with pytest.raises(CapabilityError, match="fold"):
        view.stat("sites")
    with pytest.raises(CapabilityError, match="no statistic 'probs'"):
        view.stat("probs")


def test_identical_samples_are_refused(inputs: ArrayInputs, masks: dict[str, Any], sampled: Fitted) -> None:
    with torch.no_grad():
        silent = Convolutions().make(inputs.shape, CLASSES, torch.Generator())
        silent.load_state_dict(sampled.networks[0].state_dict())
        silent.head[1].weight.zero_()  # type: ignore[operator, union-attr]
    dead = Fitted([silent], MCDropout(4), inputs, Streams(0, 1), ())
    with pytest.raises(TrainingError, match="identical"):
        view_of(dead, list(masks)).stat("features")


def test_one_site_each_is_the_item_itself() -> None:
    plain = FakeView.random()
    for inner in (Compose(score=Margin()), Compose(score=BALD()), ClusterMargin()):
        alone = inner.select(plain, 6, stream(0, 0, "select"))
        for by in ("sum", "mean", "max", "min", "topk_mean", "weighted_mean", "weighted_sum"):
            assert Aggregated(inner, by=by).select(plain, 6, stream(0, 0, "select")) == alone, by


def test_one_site_each_has_the_gradients_of_the_item() -> None:
    rng = stream(0, 0, "oracle")
    probs, features = rng.dirichlet(np.ones(4), size=(7, 3)).astype(np.float32), rng.normal(size=(7, 5)).astype(np.float32)
    left = residual(probs.mean(axis=1))
    np.testing.assert_allclose(site_gradients(one_each(probs, features)), (left[:, :, None] * features[:, None]).reshape(7, -1), rtol=1e-5, atol=1e-7)


def test_items_without_sites_and_sites_that_do_not_count() -> None:
    rng = stream(0, 0, "oracle")
    said = Sites(np.array([0, 2, 2, 5]), probs=rng.dirichlet(np.ones(3), size=(5, 1)), features=rng.normal(size=(5, 2)), weight=np.array([1, 1, 0, 2, 2.0]))
    assert said.owner.tolist() == [0, 0, 2, 2, 2] and said.item(1).count == 0 and said.item(2).count == 3
    rows = site_gradients(said)
    assert not rows[1].any() and rows[2].any()
    np.testing.assert_allclose(rows[2], site_gradients(said.only(np.array([True, True, False, True, True])))[2], rtol=1e-6)
    assert Aggregator("mean", empty=-1.0)(np.arange(5.0), said).tolist() == [0.5, -1.0, 3.5]


def test_capabilities_follow_from_what_is_read() -> None:
    learner = Learner(Convolutions()).provides
    dense = heads.kind("dense").provided(learner)
    assert folds(catalogue.acquisition("margin")) and not lacking(catalogue.acquisition("margin"), dense)
    assert lacking(catalogue.acquisition("batchbald"), dense) == ["probs"] and lacking(catalogue.acquisition("dropquery"), dense)
    assert not lacking(catalogue.acquisition("badge"), dense) and not lacking(catalogue.acquisition("coreset"), dense)
    assert lacking(catalogue.acquisition("margin"), heads.kind("regression").provided(learner)) == ["probs"], "numbers have no margin"
    assert "dense" in heads.served(catalogue.acquisition("uherding")) and "dense" not in heads.served(catalogue.acquisition("bait"))
