"""Detection on the learner's side: which places learn which box, the loss of an image, what is kept of an output, average precision."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision import ops

from querist.core.errors import LabelError
from querist.core.sites import Sites, offsets_of
from querist.tasks.classification.measures import Classes
from querist.tasks.detection.assign import assigned, generalised, losses, overlaps
from querist.tasks.detection.decode import kept
from querist.tasks.detection.learning import MOST, DetectionHead
from querist.tasks.detection.measures import OVERLAPS, average_precision
from querist.tasks.detection.output import columns

HEAD = DetectionHead(Classes(("cup", "dog", "key")))


def some_boxes(count: int, generator: torch.Generator, side: float = 60.0) -> Tensor:
    low = torch.rand(count, 2, generator=generator) * side * 0.6
    return torch.cat([low, low + 4 + torch.rand(count, 2, generator=generator) * side * 0.35], dim=1)


def prior_grid() -> tuple[Tensor, Tensor]:
    """Priors of 16 and 32 pixels on strides of 8 and 16, over 64 pixels."""
    rows, levels = [], []
    for level, stride in enumerate((8, 16)):
        middle = torch.arange(stride / 2, 64, stride)
        y, x = torch.meshgrid(middle, middle, indexing="ij")
        both = torch.stack([x.flatten(), y.flatten()], dim=1)
        rows.append(torch.cat([both - stride, both + stride], dim=1))
        levels.append(torch.full((len(both),), float(level)))
    return torch.cat(rows), torch.cat(levels)


def raw_output(n: int, generator: torch.Generator, classes: int = 3, further: int = 0) -> Tensor:
    priors, level = prior_grid()
    boxes = priors + torch.randn(n, len(priors), 4, generator=generator)
    logits = torch.randn(n, len(priors), classes + 1, generator=generator)
    more = torch.randn(n, len(priors), further, generator=generator)
    return torch.cat([logits, boxes, priors.expand(n, -1, 4), level[:, None].expand(n, -1, 1), more], dim=2)


def test_overlaps_are_those_of_torchvision() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = some_boxes(20, generator), some_boxes(20, generator)
    assert torch.allclose(overlaps(a, b), ops.box_iou(a, b), atol=1e-6)
    assert torch.allclose(generalised(a, b), ops.generalized_box_iou(a, b).diagonal(), atol=1e-5)
    assert float(overlaps(torch.zeros(1, 4), torch.zeros(1, 4))) == 0.0


def naive_owner(priors: Tensor, level: Tensor, boxes: Tensor) -> list[int]:
    """One image, box by box, as the paper says it."""
    iou, middles = ops.box_iou(boxes, priors), (priors[:, :2] + priors[:, 2:]) / 2
    owner, strength = [-1] * len(priors), [0.0] * len(priors)
    for number, box in enumerate(boxes):
        away = (middles - (box[:2] + box[2:]) / 2).norm(dim=1)
        near = [place for one in (0, 1) for place in sorted(torch.nonzero(level == one).flatten().tolist(), key=lambda place: float(away[place]))[:9]]
        line = float(iou[number, near].mean() + iou[number, near].std(correction=0))
        inside = [place for place in near if bool((middles[place] > box[:2]).all() and (middles[place] < box[2:]).all())]
        chosen = [place for place in inside if float(iou[number, place]) >= line] or [max(near, key=lambda place: float(iou[number, place]))]
        for place in chosen:
            if float(iou[number, place]) + 1e-3 > strength[place]:
                owner[place], strength[place] = number, float(iou[number, place]) + 1e-3
    return owner


def test_places_learn_the_boxes_that_a_naive_twin_gives_them() -> None:
    priors, level = prior_grid()
    generator = torch.Generator().manual_seed(3)
    for _ in range(10):
        # Middles off the grid: equally near places would leave the choice to the sort.
        boxes = torch.stack([some_boxes(4, generator) for _ in range(2)])
        there = torch.tensor([[True] * 4, [True, True, False, False]])
        found = assigned(priors, level, boxes, there)
        assert found[0].tolist() == naive_owner(priors, level, boxes[0])
        assert found[1].tolist() == naive_owner(priors, level, boxes[1, :2])
        assert set(found[0].tolist()) == {-1, 0, 1, 2, 3}, "every box has a place"
    assert (assigned(priors, level, boxes, torch.zeros_like(there)) == -1).all()


def test_a_perfect_output_has_hardly_a_loss_and_each_image_its_own() -> None:
    priors, level = prior_grid()
    generator = torch.Generator().manual_seed(1)
    target = torch.full((3, MOST, 5), torch.nan)
    target[0, :2] = torch.cat([some_boxes(2, generator), torch.tensor([[0.0], [2.0]])], dim=1)
    target[2, :1] = torch.cat([some_boxes(1, generator), torch.tensor([[1.0]])], dim=1)
    owner = assigned(priors, level, target[:, :2, :4].nan_to_num(), ~torch.isnan(target[:, :2, 4]))
    own = target.nan_to_num().gather(1, owner.clamp(min=0)[..., None].expand(-1, -1, 5))
    output = raw_output(3, generator)
    label = torch.where(owner >= 0, own[..., 4].long(), torch.full_like(owner, 3))
    output[..., :4] = 20.0 * torch.nn.functional.one_hot(label, 4)
    output[..., 4:8] = own[..., :4]
    perfect = losses(output, target, 3)
    assert perfect.shape == (3,) and float(perfect.max()) < 1e-4
    wrong = raw_output(3, generator)
    whole = losses(wrong, target, 3)
    assert (whole > 0.5).all(), "an image without boxes has a loss too"
    alone = torch.cat([losses(wrong[row : row + 1], target[row : row + 1], 3) for row in range(3)])
    assert torch.allclose(whole, alone, atol=1e-5)
    wrong.requires_grad_()
    (gradient,) = torch.autograd.grad(losses(wrong, target, 3).sum(), wrong)
    assert torch.isfinite(gradient).all() and (gradient[..., 8:] == 0).all() and (gradient[1, :, 4:8] == 0).all()


def test_smoothing_and_weights_change_the_loss_as_they_should() -> None:
    generator = torch.Generator().manual_seed(2)
    target = torch.full((1, MOST, 5), torch.nan)
    target[0, 0] = torch.tensor([10.0, 10, 30, 30, 1])
    output = raw_output(1, generator)
    plain = losses(output, target, 3)
    assert torch.allclose(losses(output, target, 3, weights=torch.ones(3)), plain)
    assert float(losses(output, target, 3, weights=torch.tensor([1.0, 5.0, 1.0]))) > float(plain)
    assert torch.allclose(losses(output, target, 3, weights=torch.tensor([9.0, 1.0, 9.0])), plain), "other classes' weights touch nothing"
    assert float(losses(output, target, 3, smoothing=0.1)) != float(plain)


def test_suppression_is_that_of_torchvision() -> None:
    generator = torch.Generator().manual_seed(4)
    probs = torch.softmax(3 * torch.randn(5, 40, 4, generator=generator), dim=-1)
    boxes = torch.stack([some_boxes(40, generator) for _ in range(5)])
    asked = torch.ones(40, dtype=torch.bool)
    asked[::7] = False
    found = kept(probs, boxes, asked, least=0.3, overlap=0.3, before=40, most=40)
    for row in range(5):
        alone = kept(probs[row : row + 1], boxes[row : row + 1], asked, least=0.3, overlap=0.3, before=40, most=40)
        assert alone.place[0][alone.there[0]].tolist() == found.place[row][found.there[row]].tolist()
        score, label = probs[row, :, :3].max(dim=1)
        able = torch.nonzero(asked & (score >= 0.3)).flatten()
        wanted = able[ops.batched_nms(boxes[row, able], score[able], label[able], 0.3)]
        assert found.place[row][found.there[row]].tolist() == wanted.tolist()
        assert torch.equal(found.score[row][found.there[row]], score[wanted]) and torch.equal(found.label[row][found.there[row]], label[wanted])


def test_sites_keep_the_class_vector_the_features_and_the_place_that_spoke() -> None:
    generator = torch.Generator().manual_seed(5)
    output = torch.stack([raw_output(4, generator, further=2) for _ in range(3)], dim=1)
    output[2, ..., 3] = 50.0  # background everywhere
    hidden = torch.randn(4, output.shape[2], 7, generator=generator)
    said = HEAD.sites(output, torch.zeros(4, 1, 64, 64), hidden)
    assert len(said) == 4 and np.diff(said.offsets)[2] == 0 and said.count > 10
    assert said.probs is not None and said.values is not None and said.place is not None and said.features is not None
    probs = torch.softmax(output[..., :4], dim=-1)
    for site in range(said.count):
        item, source = int(said.owner[site]), int(said.extra["source"][site])
        assert np.allclose(said.probs[site], probs[item, :, source]) and np.allclose(said.features[site], hidden[item, source])
        assert np.allclose(said.values[site], output[item, :, source, 4:8]) and np.allclose(
            said.place[site], output[item, :, source, 4:8].mean(dim=0), atol=1e-4
        )
        mean = said.probs[site].mean(axis=0)
        assert mean[:3].argmax() == said.extra["label"][site] and np.isclose(mean[:3].max(), said.extra["score"][site])
        assert said.extra["level"][site] == (0 if source < 64 else 1)
    assert said.items["probs"].shape == (4, 80, 4) and said.items["further"].shape == (4, 80, 2) and said.items["level"].shape == (4, 80)
    one = HEAD.sites(output[:, :1], torch.zeros(4, 1, 64, 64), None)
    assert one.features is None and one.probs is not None and one.probs.shape[1] == 1


def test_places_of_a_level_below_zero_are_trained_and_never_read() -> None:
    generator = torch.Generator().manual_seed(6)
    output = raw_output(2, generator)
    output[..., 12] = -1.0
    assert HEAD.sites(output[:, None], torch.zeros(2, 1, 64, 64)).count == 0
    target = torch.full((2, MOST, 5), torch.nan)
    target[:, 0] = torch.tensor([10.0, 10, 30, 30, 1])
    assert torch.allclose(losses(output, target, 3), losses(torch.cat([output[..., :12], output[..., 12:] + 1], dim=2), target, 3), atol=0.5)


def naive_ap50(found: list[list[tuple[float, int, list[float]]]], truths: list[list[tuple[int, list[float]]]], label: int) -> float:
    """All boxes of a class in order of score, each matched by hand; precision at 101 recalls."""
    rows = sorted(((score, image, box) for image, boxes in enumerate(found) for score, kind, box in boxes if kind == label), key=lambda row: -row[0])
    free = {(image, place) for image, boxes in enumerate(truths) for place, (kind, _) in enumerate(boxes) if kind == label}
    total, right, points = len(free), 0, []
    for number, (_, image, box) in enumerate(rows, start=1):
        mine = [(float(ops.box_iou(torch.tensor([box]), torch.tensor([truths[image][place][1]]))), place) for where, place in sorted(free) if where == image]
        best = max(mine, default=(0.0, -1), key=lambda pair: pair[0])
        if best[0] >= 0.5:
            free.remove((image, best[1]))
            right += 1
        points.append((right / total, right / number))
    return float(np.mean([max((p for r, p in points if r >= level - 1e-12), default=0.0) for level in np.linspace(0, 1, 101)]))


def as_sites(found: list[list[tuple[float, int, list[float]]]]) -> Sites:
    rows = [one for boxes in found for one in boxes]
    probs = np.zeros((len(rows), 1, 4))
    for row, (score, label, _) in enumerate(rows):
        probs[row, 0, label], probs[row, 0, 3] = score, 1 - score
    return Sites(offsets_of(np.array([len(boxes) for boxes in found])), probs=probs, place=np.array([box for _, _, box in rows]).reshape(-1, 4))


def test_average_precision_is_that_of_a_naive_twin() -> None:
    rng = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(7)
    for _ in range(5):
        truths = [[(int(rng.integers(3)), box.tolist()) for box in some_boxes(int(rng.integers(0, 5)), generator)] for _ in range(8)]
        found = [
            [
                (float(rng.uniform(0.4, 0.99)), kind if rng.random() < 0.8 else (kind + 1) % 3, (np.array(box) + rng.normal(0, 2, 4)).tolist())
                for kind, box in boxes
            ]
            + [(float(rng.uniform(0.4, 0.9)), int(rng.integers(3)), some_boxes(1, generator)[0].tolist())]
            for boxes in truths
        ]
        targets = np.full((8, 6, 5), np.nan)
        for row, boxes in enumerate(truths):
            for place, (kind, box) in enumerate(boxes):
                targets[row, place] = [*box, kind]
        told = average_precision([as_sites(found[:3]), as_sites(found[3:])], targets, 3)
        there = sorted({kind for boxes in truths for kind, _ in boxes})
        assert np.isclose(told["ap50"], np.mean([naive_ap50(found, truths, label) for label in there]), atol=1e-9)
        assert told["ap"] <= told["ap50"] and np.isclose(told["boxes"], np.mean([len(boxes) for boxes in found]))


def test_average_precision_at_the_ends() -> None:
    targets = np.array([[[10.0, 10, 20, 20, 0]], [[np.nan] * 5]])
    perfect = as_sites([[(0.9, 0, [10, 10, 20, 20])], []])
    assert average_precision([perfect], targets, 3) == {"ap50": 1.0, "ap75": 1.0, "ap": 1.0, "boxes": 0.5}
    shifted = as_sites([[(0.9, 0, [10, 10, 20, 16])], []])  # intersection over union 0.6
    told = average_precision([shifted], targets, 3)
    assert (told["ap50"], told["ap75"], told["ap"]) == (1.0, 0.0, pytest.approx(3 / len(OVERLAPS)))
    assert average_precision([as_sites([[], []])], targets, 3)["ap50"] == 0.0
    twice = as_sites([[(0.9, 0, [10, 10, 20, 20]), (0.8, 0, [10, 10, 20, 20])], []])
    assert average_precision([twice], targets, 3)["ap50"] == 1.0, "a second box below full recall costs nothing"
    assert average_precision([], targets[:0], 3) == {}


def test_targets_are_padded_and_what_is_no_box_is_refused() -> None:
    rows = HEAD.targets({"a": [{"box": [1, 2, 3, 4], "label": "dog"}], "b": []})
    assert rows.shape == (2, MOST, 5) and rows[0, 0].tolist() == [1, 2, 3, 4, 1] and np.isnan(rows[0, 1:]).all() and np.isnan(rows[1]).all()
    assert HEAD.targets({}).shape == (0, MOST, 5)
    for bad in ([{"box": [1, 2, 3, 4], "label": "cow"}], [{"box": [1, 2, 3], "label": "dog"}], None, [{"label": "dog"}]):
        with pytest.raises(LabelError):
            HEAD.targets({"a": bad})
    weights = HEAD.weights(HEAD.targets({"a": [{"box": [1, 2, 3, 4], "label": name} for name in ("dog", "dog", "dog", "cup")]}))
    assert weights.tolist() == [2.0, pytest.approx(2 / 3), 1.0]


def test_pseudo_targets_doubt_and_discrepancy() -> None:
    generator = torch.Generator().manual_seed(8)
    output = raw_output(2, generator)
    output[..., :4] = torch.tensor([0.0, 0.0, 0.0, 12.0])
    output[0, 9, :4] = torch.tensor([0.0, 6.0, 0.0, 0.0])
    target, sure = HEAD.pseudo(output)
    assert target.shape == (2, MOST, 5) and target[0, 0, :4].tolist() == output[0, 9, 4:8].tolist() and float(target[0, 0, 4]) == 1
    assert torch.isnan(target[0, 1:]).all() and torch.isnan(target[1]).all()
    assert 0.98 < float(sure[0]) < 1 and float(sure[1]) > 0.99
    doubt = HEAD.doubt(raw_output(2, generator))
    assert (doubt > HEAD.doubt(output)).all() and (doubt >= 0).all()
    assert (HEAD.discrepancy(output, output) == 0).all() and (HEAD.discrepancy(output, raw_output(2, generator)) > 0).all()
    assert HEAD.predict(output).shape == (2, 80, 4) and columns(output, 3).further.shape[-1] == 0


def test_average_precision_is_that_of_coco_where_its_code_is_installed() -> None:
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    rng, generator = np.random.default_rng(1), torch.Generator().manual_seed(9)
    truths = [[(int(rng.integers(3)), box.tolist()) for box in some_boxes(int(rng.integers(0, 6)), generator)] for _ in range(30)]
    found = [
        [(float(rng.uniform(0.1, 0.99)), kind, (np.array(box) + rng.normal(0, 2, 4)).tolist()) for kind, box in boxes if rng.random() < 0.9]
        + [(float(rng.uniform(0.05, 0.7)), int(rng.integers(3)), some_boxes(1, generator)[0].tolist()) for _ in range(3)]
        for boxes in truths
    ]
    targets = np.full((30, 8, 5), np.nan)
    notes = []
    for row, boxes in enumerate(truths):
        for place, (kind, (x1, y1, x2, y2)) in enumerate(boxes):
            targets[row, place] = [x1, y1, x2, y2, kind]
            area = (x2 - x1) * (y2 - y1)
            notes.append({"id": len(notes) + 1, "image_id": row, "category_id": kind, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": area, "iscrowd": 0})
    whole = coco.COCO()
    whole.dataset = {"images": [{"id": row} for row in range(30)], "annotations": notes, "categories": [{"id": kind} for kind in range(3)]}
    whole.createIndex()
    told = [
        {"image_id": row, "category_id": kind, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
        for row, boxes in enumerate(found)
        for score, kind, (x1, y1, x2, y2) in boxes
    ]
    measured = evaluation.COCOeval(whole, whole.loadRes(told), "bbox")
    measured.evaluate()
    measured.accumulate()
    measured.summarize()
    ours = average_precision([as_sites(found)], targets, 3)
    assert [ours["ap"], ours["ap50"], ours["ap75"]] == pytest.approx(measured.stats[:3].tolist(), abs=1e-6)
