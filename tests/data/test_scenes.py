"""Scenes: functions of their number, parts that share no item, masks and boxes that agree, presets that do what they say."""

import dataclasses
import hashlib
import itertools

import numpy as np
import pytest

from querist.core.errors import UsageError
from querist.data.scene_layout import MOST_SHARED, shared
from querist.data.scene_paint import boxes_of, sprite
from querist.data.scenes import PARTS, PRESETS, SECONDS, Preset, Scene, scene

pytestmark = pytest.mark.fashion_mnist


def some(preset: str | Preset, part: str = "pool", count: int = 120, first: int = 0) -> list[Scene]:
    return [scene(preset, part, number) for number in range(first, first + count)]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("part", PARTS)
def test_a_scene_depends_on_its_number_alone(preset: str, part: str) -> None:
    forward = some(preset, part, 10)
    backward = [scene(preset, part, number) for number in reversed(range(10))][::-1]
    for one, other in zip(forward, backward, strict=True):
        for field in dataclasses.fields(Scene):
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name
    assert not np.array_equal(forward[0].image, scene(preset, part, 0, seed=1).image)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_scene_is_another_one(preset: str) -> None:
    seen = {one.image.tobytes() for part in PARTS for one in some(preset, part, 40)}
    assert len(seen) == 120


@pytest.mark.parametrize("preset", PRESETS)
def test_parts_share_no_item(preset: str) -> None:
    pool, dev, final = (np.concatenate([one.sources for one in some(preset, part, 60)]) for part in PARTS)
    if preset == "blob":
        assert (np.concatenate([pool, dev, final]) == -1).all()
    else:
        assert pool.max() < 50_000 <= dev.min() and dev.max() < 60_000 and final.max() < 10_000


@pytest.mark.parametrize("preset", PRESETS)
def test_boxes_are_those_of_masks_and_share_little(preset: str) -> None:
    for one in some(preset, count=60):
        assert one.boxes.shape == (len(one.labels), 4) and one.masks.shape == (len(one.labels), 64, 64)
        assert one.masks.sum(axis=0).max(initial=0) <= 1, "masks are disjoint"
        for box, mask in zip(one.boxes, one.masks, strict=True):
            y, x = np.nonzero(mask)
            assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
        assert shared(one.boxes) <= MOST_SHARED
        assert one.seconds == 5 + 7 * len(one.boxes) and one.mask_seconds == 5 + 25 * len(one.boxes)
        assert set(np.unique(one.classes)) - {0} == {label + 1 for label in one.labels.tolist()}


def test_neutral_scenes_show_all_classes_and_few_are_empty() -> None:
    scenes = some("neutral", count=400)
    counts = np.array([len(one.labels) for one in scenes])
    shares = np.bincount(np.concatenate([one.labels for one in scenes]), minlength=4) / counts.sum()
    assert counts.max() == 5 and 0.02 <= (counts == 0).mean() <= 0.09 and 2.5 <= counts.mean() <= 3.3
    assert shares.min() > 0.19 and shares.max() < 0.31


def test_imbalanced_scenes_follow_zipf_in_the_pool_alone() -> None:
    pool, dev = some("imbalanced", count=400), some("imbalanced", "dev", 300)
    shares = np.bincount(np.concatenate([one.labels for one in pool]), minlength=4)
    wanted = np.arange(1, 5) ** -2.0
    assert np.abs(shares / shares.sum() - wanted / wanted.sum()).max() < 0.06
    assert 0.23 <= np.mean([len(one.labels) == 0 for one in pool]) <= 0.37
    even = np.bincount(np.concatenate([one.labels for one in dev]), minlength=4)
    assert even.min() / even.sum() > 0.19


def test_redundant_scenes_come_in_sequences_of_eight() -> None:
    scenes = some("redundant", count=160)
    assert [one.sequence for one in scenes[:17]] == [0] * 8 + [1] * 8 + [2] and [one.time for one in scenes[:9]] == [*range(8), 0]
    steps = []
    for before, after in itertools.pairwise(scenes):
        if before.sequence == after.sequence:
            assert before.labels.tolist() == after.labels.tolist() and before.sources.tolist() == after.sources.tolist()
            if len(before.labels) == 1:  # where nobody is hidden, boxes only move
                steps += np.abs(after.boxes - before.boxes).max(axis=1).tolist()
    assert max(steps) <= 3 and np.mean(np.array(steps) > 0) > 0.5
    assert [one.sequence for one in some("redundant", "dev", 5)] == [0, 1, 2, 3, 4]


def test_a_fifth_of_the_shifted_pool_is_of_the_domain_that_is_tested() -> None:
    pool = some("shifted", count=300)
    assert 0.14 <= np.mean([one.domain for one in pool]) <= 0.26
    assert all(one.domain == 1 for part in ("dev", "final") for one in some("shifted", part, 20))
    bright = [np.mean([one.image.mean() for one in pool if one.domain == domain]) for domain in (0, 1)]
    assert bright[1] > bright[0] + 50, "inverted"


def test_rare_scenes_hide_the_last_class_from_all_but_one_percent() -> None:
    more = dataclasses.replace(PRESETS["rare"], rare=0.1)
    shows = np.array([3 in one.labels for one in some(more, count=300)])
    assert 0.05 <= shows.mean() <= 0.15
    assert not any(3 in one.labels for one in some(dataclasses.replace(more, rare=0.0), count=100))
    assert np.mean([3 in one.labels for one in some("rare", "dev", 60)]) > 0.3


def test_wrong_labels_are_as_many_as_asked_and_in_the_pool_alone() -> None:
    preset = Preset(wrong=0.25)
    said, true = (np.concatenate([getattr(one, name) for one in some(preset, count=200)]) for name in ("labels", "truth"))
    assert 0.18 <= (said != true).mean() <= 0.32
    assert all((one.labels == one.truth).all() for one in some(preset, "dev", 30))


def test_a_blob_is_one_dark_object() -> None:
    for one in some("blob", count=40):
        assert len(one.boxes) == 1 and 0.01 < one.masks.mean() < 0.6
        assert one.image[one.masks[0]].mean() < one.image[~one.masks[0]].mean()


def test_larger_canvases_hold_larger_objects() -> None:
    small, large = (np.mean([one.masks.mean() for one in some(Preset(side=side), count=20) if len(one.masks)]) for side in (64, 128))
    assert scene(Preset(side=256), "pool", 0).image.shape == (256, 256) and abs(large / small - 1) < 0.3


def test_a_sprite_at_rest_is_the_item_and_a_turn_by_a_quarter_is_exact() -> None:
    item = np.zeros((28, 28), dtype=np.uint8)
    item[4:20, 6:11] = 200
    grey, mask = sprite(item, 1.0, 0.0)
    assert mask.shape in {(16, 5), (17, 6)} and abs(float(grey.sum()) - item.sum()) / item.sum() < 0.12
    assert sprite(item, 1.0, 90.0)[1].shape == mask.shape[::-1]
    assert sprite(np.zeros((28, 28), dtype=np.uint8), 1.0, 0.0)[1].size == 0


def test_boxes_of_masks() -> None:
    masks = np.zeros((2, 5, 6), dtype=bool)
    masks[0, 2, 3] = True
    assert boxes_of(masks).tolist() == [[3, 2, 4, 3], [0, 0, 0, 0]]
    assert SECONDS == {"item": 5.0, "box": 7.0, "mask": 25.0}


def test_unknown_scenes_are_refused() -> None:
    for preset, part in (("plain", "pool"), ("neutral", "test")):
        with pytest.raises(UsageError, match="no such scenes"):
            scene(preset, part, 0)


def test_the_presets_are_frozen() -> None:
    """A preset that is changed is another benchmark: give it another name, and leave this digest alone."""
    assert hashlib.sha256(repr(sorted(PRESETS.items())).encode()).hexdigest()[:16] == "84bd441c392fb973"
