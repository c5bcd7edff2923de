"""Volumes: functions of their number, with boxes of their nodules."""

import numpy as np
import pytest

from querist.core.errors import UsageError
from querist.data.scenes import PARTS
from querist.data.volumes import MOST, volume


def test_a_volume_depends_on_part_seed_and_number_alone() -> None:
    one, again = volume("pool", 3), volume("pool", 3)
    assert np.array_equal(one.voxels, again.voxels) and np.array_equal(one.instances, again.instances)
    others = [volume("pool", 4), volume("pool", 3, seed=1), volume("dev", 3)]
    assert all(not np.array_equal(one.voxels, other.voxels) for other in others)
    assert len({volume(part, number).voxels.tobytes() for part in PARTS for number in range(10)}) == 30


def test_boxes_and_seconds_are_those_of_the_nodules() -> None:
    counts = []
    for number in range(60):
        one = volume("pool", number)
        counts.append(len(one.boxes))
        assert one.voxels.shape == (16, 32, 32) and one.seconds == 5 + 7 * len(one.boxes)
        for row, (x1, y1, z1, x2, y2, z2) in enumerate(one.boxes.astype(int), start=1):
            there = one.instances == row
            assert there[z1:z2, y1:y2, x1:x2].sum() == there.sum() > 8
            assert all(there[z1:z2, y1:y2, x1:x2].any(axis=axes).all() for axes in ((1, 2), (0, 2), (0, 1))), "the box is tight"
            assert one.voxels[there].mean() > one.voxels[~one.mask].mean() + 20
        per_slice = [len(set(np.unique(each)) - {0}) for each in one.instances]
        assert one.slice_seconds.tolist() == [5 + 25 * found for found in per_slice]
    assert max(counts) == MOST and 0.08 < np.mean(np.array(counts) == 0) < 0.35


def test_unknown_volumes_are_refused() -> None:
    with pytest.raises(UsageError, match="no such volumes"):
        volume("train", 0)
    with pytest.raises(UsageError, match="no such volumes"):
        volume("pool", 0, shape=(4, 32, 32))
