"""Named streams: reproducible, independent of each other, the same in every process."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.errors import UsageError
from querist.core.rng import STREAMS, Streams, stream, torch_seed

pytestmark = pytest.mark.torchless


def test_equal_names_draw_equal_numbers() -> None:
    assert np.array_equal(stream(3, 2, "loader").random(5), stream(3, 2, "loader").random(5))
    assert np.array_equal(Streams(3, 2).of(4)("loader").random(5), stream(3, 2, "loader", 4).random(5))


def test_everything_that_names_a_stream_matters() -> None:
    keys = [(seed, round_, name, member) for seed in (0, 1) for round_ in (0, 1) for name in STREAMS for member in (0, 1)]
    assert len({stream(*key).integers(0, 2**62) for key in keys}) == len(keys)


def test_these_numbers_never_change() -> None:
    """Projects of older versions are replayed: a stream is part of the file format."""
    assert [int(stream(0, 0, name).integers(0, 1_000_000)) for name in STREAMS[:3]] == [455846, 616704, 378261]
    assert STREAMS == ("init_set", "model_init", "loader", "augment", "dropout", "select", "oracle", "split", "subpool", "unlabelled", "auxiliary"), (
        "only added to"
    )


def test_torch_seeds_fit_into_63_bits() -> None:
    assert all(0 <= torch_seed(stream(seed, 0, "augment")) < 2**63 for seed in range(20))


@pytest.mark.parametrize("wrong", [(-1, 0, "loader"), (0, -1, "loader"), (0, 0, "lodaer"), (0, 0, "loader", -1)])
def test_wrong_names_and_negative_numbers_are_refused(wrong: tuple[int, int, str]) -> None:
    with pytest.raises(UsageError):
        stream(*wrong)
