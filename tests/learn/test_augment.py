"""Augmentation: shapes, explicit generators, and nothing but what it says."""

from __future__ import annotations

import numpy as np
import torch

from querist.learn.augment import Augment
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
