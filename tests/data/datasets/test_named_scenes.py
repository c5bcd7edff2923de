"""The scenes as named sets: their values are legal, development scenes are those of the generator, kinds agree about a scene."""

import numpy as np
import pytest

from querist.data.datasets import entries, named
from querist.data.datasets import scenes as module
from querist.data.scenes import scene
from querist.tasks.dense.runs import to_positions
from querist.tasks.instance.rle import to_mask

pytestmark = pytest.mark.fashion_mnist


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of a few scenes."""
    whole = module.loaded

    def loaded(kind: str, preset: str, part: str, root: str | None = None) -> object:
        return whole(kind, preset, part, root, pool=12, dev=5, final=4)

    monkeypatch.setattr(module, "loaded", loaded)


NAMES = [name for name in entries() if name.startswith("scenes")]


def test_the_presets_have_sets() -> None:
    assert len(NAMES) == 14 and {"scenes", "scenes-masks", "scenes-instances", "scenes-imbalanced-masks", "scenes-rare", "scenes-blob-masks"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_values_are_legal_and_the_split_is_the_generators(name: str) -> None:
    data = named(name, "/usr/share/datasets/fashion-mnist/.")  # a root of its own: nothing that other tests have read
    assert len(data.candidates) == 12 and len(data.dev) == 5 and set(data.targets) == {*data.candidates, *data.dev}
    for item, value in data.targets.items():
        assert data.space.decode(data.space.encode(data.space.validate(item, value))) == value
    preset = name.split("-")[1] if len(name.split("-")) > 1 and name.split("-")[1] not in ("masks", "instances") else "neutral"
    for place, item in enumerate(data.dev):
        assert np.array_equal(data.pool.load(item), scene(preset, "dev", place).image)
    assert data.final is not None and len(data.final().pool) == 4


def test_the_kinds_say_the_same_of_a_scene() -> None:
    root = "/usr/share/datasets/fashion-mnist/."
    boxes, maps, instances = (named(name, root) for name in ("scenes", "scenes-masks", "scenes-instances"))
    for number, item in enumerate(boxes.candidates):
        one = scene("neutral", "pool", number)
        assert [{"box": value["box"], "label": value["label"]} for value in instances.targets[item]] == boxes.targets[item]
        assert np.array_equal(to_positions(maps.targets[item], maps.classes), one.classes)
        assert all(np.array_equal(to_mask(value["mask"]), mask) for value, mask in zip(instances.targets[item], one.masks, strict=True))
        assert boxes.space.effort(boxes.targets[item])["boxes"] == len(one.boxes)
