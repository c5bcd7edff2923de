"""Recordings from ids, and the rule for frames that are near in time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.apart import Apart
from querist.acquire.frames import NumberedFrames
from querist.acquire.ranked import MARGIN
from querist.core.contracts import folds
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.testing import BoxView, FakeView


def numbers(ids: tuple[str, ...]) -> np.ndarray:
    return np.array([int(item.split("-")[1]) for item in ids])


def test_frames_of_a_recording_are_apart() -> None:
    view = FakeView.random(n=80, labelled=4, pending=2)
    chosen = NumberedFrames(Apart(gap=2, known=1), frames=8).select(view, 12, stream(0, 1, "select"))
    found = numbers(chosen.ids)
    for place, number in enumerate(found):
        others = np.concatenate([found[:place], found[place + 1 :]])
        near = others[others // 8 == number // 8]
        assert (np.abs(near - number) > 2).all()
        known = numbers((*view.labelled, *view.pending))
        assert (np.abs(known[known // 8 == number // 8] - number) > 1).all()
    # Recordings of one frame bar nothing: the method itself.
    alone = NumberedFrames(Apart(gap=2, known=-1), frames=1).select(view, 12, stream(0, 1, "select"))
    assert alone.ids == MARGIN.select(view, 12, stream(0, 1, "select")).ids


def test_it_serves_boxes_too_and_says_what_it_needs() -> None:
    from querist.core import catalogue

    video = NumberedFrames(Apart(catalogue.acquisition("aghdam"), gap=1), frames=4)
    assert video.needs == {"sites"} and not folds(video) and folds(NumberedFrames())
    view = BoxView.random(n=40)
    found = numbers(video.select(view, 8, stream(0, 1, "select")).ids)
    pairs = [(a, b) for a in found for b in found if a < b and a // 4 == b // 4]
    assert all(b - a > 1 for a, b in pairs)


def test_an_id_without_a_number_is_refused() -> None:
    view = dataclasses.replace(FakeView.random(n=2), candidates=["a-1", "b"])
    with pytest.raises(UsageError, match="frames are numbered"):
        NumberedFrames().select(view, 1, stream(0, 1, "select"))
