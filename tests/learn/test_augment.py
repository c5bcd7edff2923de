"""Augmentation: shapes, explicit generators, and nothing but what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from querist.assemble.parts import learner
from querist.assemble.simulate import learner_options
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.learn.augment import OPERATIONS, Augment, RandAugment, _cut, _moved
from querist.learn.device import generator

X = torch.arange(200 * 2 * 5 * 6, dtype=torch.float32).reshape(200, 2, 5, 6) + 1.0


def test_the_default_changes_nothing_and_vectors_pass() -> None:
    assert Augment()(X, generator(0)) is X
    vectors = torch.ones(4, 3)
    assert Augment(flip=True, shift=2, erase=2)(vectors, generator(0)) is vectors


def test_same_generator_same_batch_and_the_input_is_kept() -> None:
    every, before = Augment(flip=True, shift=2, erase=3), X.clone()
    first, second, other = every(X, generator(1)), every(X, generator(1)), every(X, generator(2))
    assert torch.equal(first, second) and not torch.equal(first, other)
    assert torch.equal(X, before) and first.shape == X.shape and first.dtype == X.dtype


def test_flips_only_mirror() -> None:
    out = Augment(flip=True)(X, generator(0))
    kept = (out == X).flatten(1).all(dim=1)
    mirrored = (out == X.flip(3)).flatten(1).all(dim=1)
    assert bool((kept ^ mirrored).all())
    assert 60 < int(mirrored.sum()) < 140, "half of 200, within 5 sigma"


def test_shifts_move_whole_images_and_repeat_the_border() -> None:
    out = Augment(shift=2)(X, generator(0)).numpy()
    padded = np.pad(X.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    offsets = [(down, right) for down in range(5) for right in range(5)]
    seen = set()
    for item in range(len(out)):
        fits = [(down, right) for down, right in offsets if np.array_equal(out[item], padded[item, :, down : down + 5, right : right + 6])]
        assert len(fits) == 1
        seen.update(fits)
    assert seen == set(offsets), "200 draws out of 25 offsets"


def test_erased_squares_are_squares_of_zeros_in_half_of_the_images() -> None:
    out = Augment(erase=3)(X, generator(0)).numpy()
    touched = 0
    for image, original in zip(out, X.numpy(), strict=True):
        gone = image == 0
        assert np.array_equal(gone[0], gone[1]), "all channels"
        assert np.array_equal(image[~gone], original[~gone])
        rows, columns = np.flatnonzero(gone[0].any(axis=1)), np.flatnonzero(gone[0].any(axis=0))
        if len(rows):
            touched += 1
            assert len(rows) <= 3 and len(columns) <= 3 and gone[0][np.ix_(rows, columns)].all()
    assert 60 < touched < 140


IMAGES = torch.from_numpy(np.random.default_rng(0).normal(size=(200, 1, 16, 16)).astype(np.float32))


def amounts(**given):
    """Amounts of single operations for one image each."""
    out = torch.zeros(1, len(OPERATIONS))
    for name, value in given.items():
        out[0, OPERATIONS.index(name.replace("_", " "))] = value
    return out


def test_strong_augmentation_is_decided_by_its_generator_and_leaves_vectors_alone():
    strong, vectors = RandAugment(operations=3, strength=0.7, flip=True), torch.zeros(4, 5)
    before = IMAGES.clone()
    assert strong(vectors, generator(0)) is vectors
    first, again, other = strong(IMAGES, generator(0)), strong(IMAGES, generator(0)), strong(IMAGES, generator(1))
    assert torch.equal(first, again) and not torch.equal(first, other) and torch.equal(IMAGES, before)
    assert first.shape == IMAGES.shape and first.dtype == torch.float32 and torch.isfinite(first).all()


def test_no_strength_changes_nothing_but_rounding():
    assert torch.allclose(RandAugment(strength=0.0)(IMAGES, generator(0)), IMAGES, atol=1e-5)
    assert torch.allclose(RandAugment(operations=0)(IMAGES, generator(0)), IMAGES, atol=1e-5)


def test_every_operation_is_drawn_as_often_with_either_sign():
    drawn = RandAugment(operations=2, strength=0.5)._amounts(20_000, generator(0))
    used = (drawn != 0).float().mean(dim=0)
    assert torch.allclose(used, torch.full_like(used, 1 - (8 / 9) ** 2), atol=0.01)
    assert drawn.abs().max() <= 1.0 and (drawn.mean(dim=0).abs() < 0.005).all()


def test_shifts_repeat_the_border():
    moved = _moved(IMAGES[:1], amounts(shift_x=1 / (16 * 0.3)))[0, 0]  # one pixel
    assert torch.allclose(moved[:, :-1], IMAGES[0, 0, :, 1:], atol=1e-4) and torch.allclose(moved[:, -1], IMAGES[0, 0, :, -1], atol=1e-4)
    down = _moved(IMAGES[:1], amounts(shift_y=2 / (16 * 0.3)))[0, 0]
    assert torch.allclose(down[:-2], IMAGES[0, 0, 2:], atol=1e-4)


def test_a_quarter_turn_and_a_slant_are_what_they_say():
    assert torch.allclose(_moved(IMAGES[:1], amounts(rotate=3.0))[0, 0], IMAGES[0, 0].rot90(), atol=1e-4)
    slanted = _moved(IMAGES[:1], amounts(shear_x=1 / 0.3))[0, 0]  # a row r away from the centre moves by r pixels
    assert torch.allclose(slanted[7, 1:], (IMAGES[0, 0, 7, 1:] + IMAGES[0, 0, 7, :-1]) / 2, atol=1e-4)


def test_contrast_keeps_the_mean_and_brightness_the_spread():
    class One(RandAugment):
        def _amounts(self, n, generator):
            return amounts(contrast=1.0).expand(n, -1)

    class Lighter(RandAugment):
        def _amounts(self, n, generator):
            return amounts(brightness=0.5).expand(n, -1)

    out, light = One()(IMAGES, generator(0)), Lighter()(IMAGES, generator(0))
    assert torch.allclose(out.mean(dim=(1, 2, 3)), IMAGES.mean(dim=(1, 2, 3)), atol=1e-4)
    assert torch.allclose(out.std(dim=(1, 2, 3)), 2 * IMAGES.std(dim=(1, 2, 3)), rtol=1e-3)
    assert torch.allclose(light, IMAGES + 0.5, atol=1e-4)


def test_cutout_is_one_square_of_the_pool_s_mean():
    out = _cut(IMAGES + 10, torch.full((200,), 0.5), generator(0))
    holes = (out == 0)[:, 0]
    rows, columns = holes.any(dim=2).sum(dim=1), holes.any(dim=1).sum(dim=1)
    assert torch.equal(holes.sum(dim=(1, 2)), rows * columns) and rows.max() == columns.max() == 8 and rows.min() >= 3
    assert (_cut(IMAGES, torch.zeros(200), generator(0)) == IMAGES).all()


def test_a_track_is_the_recipe_s_sibling():
    for recipe in ("digits-cnn", "fashion-cnn", "small-cnn"):
        plain, strong = (learner({"recipe": name}, "random") for name in (recipe, f"{recipe}-strong"))
        assert strong.network == plain.network and isinstance(strong.scheme.augment, RandAugment) and strong.scheme.average > 0
        assert catalogue.row(f"{recipe}-strong")["track"] == "strong"
    assert learner_options("digits", {"track": "strong"}) == {"recipe": "digits-cnn-strong"}
    assert learner_options("digits", {"track": "strong", "recipe": "small-cnn", "steps": 3}) == {"recipe": "small-cnn-strong", "steps": 3}
    with pytest.raises(UsageError, match="features-head has no strong form"):
        learner_options("splice", {"track": "strong"})
