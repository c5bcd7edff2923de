"""ALFA-Mix and DropQuery against the papers' loops, where clusters are clear enough for any k-means to find them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from querist.core import catalogue
from querist.core.rng import stream
from querist.kernels.mixing import class_anchors, mixing_cap
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

SIZES = (18, 14, 11, 8, 5)
"""Items of each cloud, so that the order of the picks is clear too."""


def clouds(seed: int, d: int = 8) -> np.ndarray:
    """Five clouds whose centres lie far apart and in different directions."""
    rng = stream(seed, 0, "oracle")
    return (np.repeat(np.eye(d)[: len(SIZES)] * 6, SIZES, axis=0) + rng.normal(size=(sum(SIZES), d)) * 0.1).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def view_of(features: np.ndarray, probs: np.ndarray) -> FakeView:
    stats = {"features": features, "probs": probs[:, None].astype(np.float32)}
    return FakeView([str(row) for row in range(len(features))], stats={"candidates": stats})


def the_rest_is_filled_by_margin(view: FakeView, method: Any, candidates: list[int], degree: np.ndarray) -> None:
    p = np.sort(view.stat("probs")[:, 0].astype(np.float64), axis=1)
    margin = 1 - (p[:, -1] - p[:, -2])
    rest = sorted((row for row in range(len(p)) if row not in candidates), key=lambda row: (-degree[row], -margin[row]))
    chosen = method.select(view, len(p), stream(0, 1, "select"))
    assert [int(item) for item in chosen.ids[len(candidates) :]] == rest
    np.testing.assert_allclose(chosen.scores[len(candidates) :], margin[rest] - 1, atol=1e-5)


def equal_items_are_one_cluster(view: FakeView, method: Any) -> None:
    """Two, two and ten equal items: a second seed on top of another would leave a group without a centre."""
    groups = np.repeat(np.arange(3), (2, 2, 10))
    equal = view.take(np.arange(14)).filled("features", np.eye(3, dtype=np.float32)[groups])
    for seed in range(8):
        assert {int(groups[int(item)]) for item in method.select(equal, 3, stream(seed, 1, "select")).ids} == {0, 1, 2}


def medoids_of(features: np.ndarray, rows: list[int]) -> list[str]:
    """Of each cloud among these rows the one nearest to their mean, large clouds first."""
    owner = np.repeat(np.arange(len(SIZES)), SIZES)
    groups = sorted(([row for row in rows if owner[row] == cloud] for cloud in range(len(SIZES))), key=len, reverse=True)
    found = []
    for group in filter(None, groups):
        x = features[group].astype(np.float64)
        gaps = ((x - x.mean(axis=0)) ** 2).sum(axis=1)
        found.append(str(group[int(np.argmax(gaps <= gaps.min() * (1 + 1e-9)))]))  # two rows are equally far from their mean
    return found


@pytest.mark.parametrize("seed", range(4))
def test_alfamix_is_its_naive_twin(seed: int) -> None:
    rng, z = stream(seed, 1, "oracle"), clouds(seed)
    w, b = rng.normal(size=(3, 8)), rng.normal(size=3)
    logits = z @ w.T + b
    anchors = class_anchors(z[::7] + 1.0, logits[::7].argmax(axis=1))

    def flips(cap: float) -> list[int]:
        """The paper's loop: α elementwise, mix, predict."""
        found = []
        for row, x in enumerate(z.astype(np.float64)):
            predicted = logits[row].argmax()
            slope = w.T @ (softmax(logits[row]) - np.eye(3)[predicted])
            for anchor in anchors:
                alpha = cap / np.sqrt(8) * np.linalg.norm(anchor - x) * slope / np.linalg.norm(slope) / (anchor - x)
                if (w @ ((1 - alpha) * x + alpha * anchor) + b).argmax() != predicted:
                    found.append(row)
                    break
        return found

    candidates = next((rows for rows in (flips(0.2 * step) for step in range(1, 6)) if len(rows) > 20), flips(1.0))
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    wanted = medoids_of(unit, candidates)
    assert wanted, "else this test shows nothing"
    view = view_of(z, softmax(logits)).filled("mix_flip", mixing_cap(z, w, b, anchors).astype(np.float32))
    method = catalogue.acquisition("alfamix")
    assert np.flatnonzero(method.by(view, 20).disputed).tolist() == candidates
    again = view.filled("mix_flip", np.where(np.isin(np.arange(len(z)), candidates), np.float32(0.1), np.float32(0.0)))
    chosen = method.select(again, len(wanted), stream(0, 1, "select"))
    assert set(chosen.ids) == set(wanted) and list(chosen.scores) == sorted(chosen.scores, reverse=True)
    the_rest_is_filled_by_margin(again, method, candidates, np.zeros(len(z)))
    equal_items_are_one_cluster(view.filled("mix_flip", np.full(len(z), 0.1, dtype=np.float32)), method)
    np.testing.assert_allclose(mixing_cap(z, w, b + 2000.0, anchors), mixing_cap(z, w, b, anchors), rtol=1e-6, err_msg="logits have no origin")


@pytest.mark.parametrize("seed", range(4))
def test_dropquery_is_its_naive_twin(seed: int) -> None:
    rng, z = stream(seed, 1, "oracle"), clouds(seed)
    w = rng.normal(size=(3, 8))
    probs, samples = softmax(z @ w.T), softmax((z[:, None] * (rng.random((len(z), 3, 8)) > 0.5)) @ w.T + rng.normal(size=(len(z), 3, 3)) * 2)
    rows = [row for row in range(len(z)) if sum(int(samples[row, m].argmax() != probs[row].argmax()) for m in range(3)) > 1.5]
    wanted = medoids_of(z, rows)
    assert 2 <= len(wanted) and len(rows) < len(z), "else this test shows nothing"
    view = view_of(z, probs).filled("head_samples", samples.astype(np.float32))
    method = catalogue.acquisition("dropquery")
    chosen = method.select(view, len(wanted), stream(0, 1, "select"))
    assert set(chosen.ids) == set(wanted) and list(chosen.scores) == sorted(chosen.scores, reverse=True)
    the_rest_is_filled_by_margin(view, method, rows, (samples.argmax(axis=2) != probs.argmax(axis=1)[:, None]).sum(axis=1))
    equal_items_are_one_cluster(view.filled("head_samples", np.repeat(1 - probs[:, None], 3, axis=1).astype(np.float32)), method)
