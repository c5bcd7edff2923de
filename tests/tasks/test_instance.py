"""Objects with masks: crops and pastes, losses, sites, pseudo-labels, measures, and one training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from querist.acquire.compose import Compose
from querist.acquire.score_prediction import ScorePrediction
from querist.assemble.parts import learner
from querist.core.errors import LabelError
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.schemes.score_labels import ScoreLabels
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.detector import SmallDetector
from querist.nets.instances import SmallInstances
from querist.tasks import new_space
from querist.tasks.instance.crops import cut, mask_iou, moved, paste
from querist.tasks.instance.learning import CELLS, FINE, FURTHER, MOST, InstanceHead
from querist.tasks.instance.rle import box_of, to_counts

SIDE = 32
HEAD = InstanceHead.of(new_space("instance", ["disc", "bar"]).schema())


def picture(number: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """A noisy picture with a disc and sometimes a bar."""
    rng = stream(number, 0, "oracle")
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    image, found = rng.normal(40, 10, size=(SIDE, SIDE)), []
    for name in ("disc", "bar")[: int(rng.integers(1, 3))]:
        cx, cy, size = rng.uniform(8, SIDE - 8), rng.uniform(8, SIDE - 8), rng.uniform(4, 7)
        mask = np.hypot(x - cx, y - cy) < size if name == "disc" else (np.abs(x - cx) < size) & (np.abs(y - cy) < 2.5)
        image[mask] = 200 if name == "disc" else 130
        found = [one for one in found if (one["raw"] & ~mask).any()]
        for one in found:
            one["raw"] &= ~mask
        found.append({"label": name, "raw": mask})
    return image.astype(np.uint8), [{"box": box_of(one["raw"]), "label": one["label"], "mask": to_counts(one["raw"])} for one in found]


PICTURES = {str(number): picture(number) for number in range(24)}
VALUES = {item: value for item, (_, value) in PICTURES.items()}


@pytest.fixture(scope="module")
def inputs() -> ArrayInputs:
    return ArrayInputs(ArrayPool(np.stack([image for image, _ in PICTURES.values()]), list(PICTURES)))


def perfect(values: dict[str, Any], quality: float = 8.0) -> tuple[torch.Tensor, np.ndarray]:
    """Outputs of a network that says the truth at one place each, and the targets."""
    targets = HEAD.targets(values)
    output = torch.zeros(len(values), 16, 3 + 4 + 4 + 1 + FURTHER)
    output[..., 2] = 12.0
    output[..., 3:7] = output[..., 7:11] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    for row, rows in enumerate(torch.from_numpy(targets)):
        for place in range(int((~torch.isnan(rows[:, 4])).sum())):
            output[row, place, :3] = torch.tensor([0.0, 0.0, 0.0]).index_fill(0, rows[place, 4].long(), 12.0)
            output[row, place, 3:7] = output[row, place, 7:11] = rows[place, :4]
            grid = torch.nn.functional.adaptive_avg_pool2d(rows[place, 5:].reshape(1, FINE, FINE), CELLS).flatten()
            output[row, place, 12:-2] = 24 * (grid - 0.5)
            output[row, place, -2:] = quality
    return output, targets


def alone(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Losses of images one by one: these made-up outputs have places of their own in every image."""
    return torch.cat([HEAD.loss(output[row : row + 1], target[row : row + 1]) for row in range(len(output))])


def test_a_crop_pasted_is_the_mask() -> None:
    for value in VALUES.values():
        for one in value:
            mask, box = _mask(one), np.asarray(one["box"])
            again = paste(cut(mask, box, FINE)[None], box[None], SIDE, SIDE)
            assert mask_iou(again, mask[None])[0, 0] > 0.93
    whole = np.ones((4, 6), dtype=bool)
    assert (cut(whole, np.array([0.0, 0.0, 6.0, 4.0]), 5) == 1).all()
    outside = cut(whole, np.array([3.0, 0.0, 9.0, 4.0]), 6)
    assert outside[:, :3].min() == 1 and outside[:, 3:].max() == 0


def test_overlaps_of_masks_by_hand() -> None:
    a = np.array([[[1, 1, 0]], [[0, 0, 0]]], dtype=bool)
    b = np.array([[[0, 1, 1]], [[0, 0, 0]], [[1, 1, 0]]], dtype=bool)
    np.testing.assert_allclose(mask_iou(a, b), [[1 / 3, 0, 1], [0, 0, 0]])
    assert mask_iou(a[:0], b).shape == (0, 3)


def test_a_mask_moves_with_its_frame() -> None:
    grid = torch.zeros(1, 8, 8)
    grid[0, 2:6, 2:6] = 1.0
    frame = torch.tensor([[8.0, 8.0, 16.0, 16.0]])
    assert torch.equal(moved(grid, frame, frame, 8), grid)
    assert moved(grid, frame, torch.tensor([[10.0, 10.0, 14.0, 14.0]]), 4).min() == 1.0
    assert moved(grid, frame, torch.tensor([[20.0, 20.0, 24.0, 24.0]]), 4).max() == 0.0
    right = moved(grid, frame, torch.tensor([[12.0, 8.0, 20.0, 16.0]]), 8)
    assert float(right.sum()) == pytest.approx(8.0), "half of the square, no more"


def test_targets() -> None:
    rows = HEAD.targets(VALUES)
    assert rows.shape == (24, MOST, 5 + FINE * FINE) and HEAD.targets({}).shape == (0, MOST, 5 + FINE * FINE)
    assert [int((~np.isnan(row[:, 4])).sum()) for row in rows] == [len(value) for value in VALUES.values()]
    with pytest.raises(LabelError):
        HEAD.targets({"a": VALUES["0"] * (MOST + 1)})


def test_the_truth_costs_little_and_what_is_wrong_costs_more() -> None:
    output, targets = perfect(VALUES)
    target = torch.from_numpy(targets)
    right = alone(output, target)
    assert right.shape == (24,) and float(right.max()) < 0.5
    for column, value in ((12, 40.0), (-1, -8.0), (-2, -8.0)):
        wrong = output.clone()
        wrong[..., column if column < 0 else slice(12, -2)] = value
        assert bool((alone(wrong, target) > right + 0.05).all()), "every part of the loss counts"
    empty = torch.full_like(target, torch.nan)
    assert bool(torch.isfinite(alone(output, empty)).all())
    output.requires_grad_()
    (gradient,) = torch.autograd.grad(alone(output, target).sum(), output)
    assert bool(torch.isfinite(gradient).all()) and bool(gradient[..., 12:].any())


def test_the_truth_scores_best() -> None:
    output, targets = perfect(VALUES)
    said = HEAD.sites(output[:, None], torch.zeros(24, 1, SIDE, SIDE))
    assert said.count == sum(map(len, VALUES.values())) and said.extra["mask"].shape == (said.count, CELLS, CELLS) and "further" not in said.items
    measured = HEAD.metrics([said.part(0, 10), said.part(10, 24)], targets)
    assert measured["mask_ap50"] == measured["ap50"] == 1.0 and measured["mask_ap"] > 0.9 and measured["dice"] > 0.95 and measured["count_error"] == 0.0
    worse = output.clone()
    worse[..., 12:-2] *= -1
    poor = HEAD.metrics([HEAD.sites(worse[:, None], torch.zeros(24, 1, SIDE, SIDE))], targets)
    assert poor["mask_ap50"] < 0.1 and poor["ap50"] == 1.0
    assert HEAD.metrics([], targets[:0]) == {}


def test_it_says_what_people_say() -> None:
    output, _ = perfect(VALUES)
    space = new_space("instance", ["disc", "bar"])
    for item, (value, sure) in zip(VALUES, HEAD.says(HEAD.sites(output[:, None], torch.zeros(24, 1, SIDE, SIDE))), strict=True):
        assert space.validate(item, value) == value and sure > 0.99
        true = sorted(VALUES[item], key=lambda one: one["label"])
        for told, one in zip(sorted(value, key=lambda one: one["label"]), true, strict=True):
            assert told["label"] == one["label"] and mask_iou(_mask(told)[None], _mask(one)[None])[0, 0] > 0.75
    nothing = output.clone()
    nothing[..., :2] = -12.0
    assert HEAD.says(HEAD.sites(nothing[:, None], torch.zeros(24, 1, SIDE, SIDE))) == [([], 0.0)] * 24
    boxes = HEAD.boxes.says(HEAD.boxes.sites(output[..., :12][:, None], torch.zeros(24, 1, SIDE, SIDE)))
    assert [len(found) for found, _ in boxes] == [len(value) for value in VALUES.values()] and min(sure for _, sure in boxes) > 0.99
    assert new_space("detection", ["disc", "bar"]).validate("x", boxes[0][0]) == boxes[0][0]


def test_own_answers_are_targets_and_how_sure_it_is_is_the_score_of_three() -> None:
    output, targets = perfect(VALUES, quality=math.log(3.0))
    pseudo, sure = HEAD.pseudo(output)
    assert pseudo.shape == targets.shape
    np.testing.assert_allclose(sure.numpy(), 0.75 * 0.75, atol=1e-3)
    np.testing.assert_allclose(HEAD.doubt(output).numpy(), 1 - sure.numpy())
    there = ~np.isnan(targets[..., 4])
    assert (np.isnan(pseudo[..., 4].numpy()) == ~there).all()
    assert float(alone(output, pseudo).max()) < 1.0
    nothing = output.clone()
    nothing[..., :2] = -12.0
    assert HEAD.pseudo(nothing)[1].tolist() == [0.0] * 24, "where nothing is found it is not sure of anything"


def test_a_recipe_trains_and_score_prediction_asks(inputs: ArrayInputs, tmp_path: Path) -> None:
    made = learner({"recipe": "small-instances", "steps": 60}, "random")
    labelled = {item: VALUES[item] for item in list(VALUES)[:16]}
    fitted = made.fit(inputs, HEAD, labelled, Streams(0, 1), None, lambda *told: None)
    rest = {item: VALUES[item] for item in list(VALUES)[16:]}
    with fitted.reading(HEAD) as reading:
        chunks = [said.sites for said in reading(list(rest), lambda done: None)]
    measured = HEAD.metrics(chunks, HEAD.targets(rest))
    assert measured["mask_ap50"] > 0.2, "half a minute of training is enough to find discs"

    class View:
        candidates, labelled, pending, round = list(rest), [], [], 1
        aggregator = None

        def fold(self, name: str, fn: Any, of: str = "candidates", places: Any = None) -> np.ndarray:
            return np.concatenate([fn(chunk) for chunk in chunks])

    chosen = Compose(score=ScorePrediction()).select(View(), 3, stream(0, 0, "select"))  # type: ignore[arg-type]
    assert len(set(chosen.ids)) == 3 and all(0 <= score <= 1 for score in chosen.scores)


def test_the_network_says_what_the_task_reads() -> None:
    network = SmallInstances().make((1, SIDE, SIDE), 2, torch.Generator().manual_seed(0)).eval()
    x = torch.randn(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    output = network(x)
    assert output.shape == (2, 80, 3 + 4 + 4 + 1 + FURTHER)
    torch.testing.assert_close(output[..., :12], SmallDetector().make((1, SIDE, SIDE), 2, torch.Generator().manual_seed(0)).eval()(x))
    assert network.describe is not None and network.describe(network.trunk(x)).shape == (2, 64)


def test_more_pseudo_labels_every_round(inputs: ArrayInputs, tmp_path: Path) -> None:
    scheme = ScoreLabels(Supervised(Steps(0.0, 4, 4), batch=4, smoothing=0.0), growth=0.5, least=0.0)
    made = Learner(SmallInstances(SmallDetector(channels=(8, 8, 8), width=8)), scheme)
    labelled = {item: VALUES[item] for item in list(VALUES)[:4]}
    counts, previous = [], None
    for number in (1, 2, 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        fitted = made.fit(inputs, HEAD, labelled, Streams(0, number), previous, lambda *told: None, pool=list(VALUES)[4:], folder=folder)
        fitted.save(folder)
        counts.append(dict(fitted.fits[0].notes).get("pseudo_labels", 0.0))
        previous = str(folder)
    assert counts == [0.0, 2.0, 4.0]


def _mask(one: dict[str, Any]) -> np.ndarray:
    from querist.tasks.instance.rle import to_mask

    return to_mask(one["mask"])
