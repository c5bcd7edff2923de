"""From items to tensors: standardisation, shapes, unreadable rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from querist.core.contracts import no_report
from querist.core.errors import PoolError
from querist.core.rng import stream
from querist.data.arrays import ArrayPool
from querist.learn.inputs import ArrayInputs, Standardiser, as_planes

RNG = stream(0, 0, "oracle")


@pytest.mark.parametrize(("shape", "planes"), [((7,), (7,)), ((6, 5), (1, 6, 5)), ((6, 5, 3), (3, 6, 5))])
def test_shapes(shape: tuple[int, ...], planes: tuple[int, ...]) -> None:
    x = RNG.integers(0, 255, size=(40, *shape)).astype(np.uint8)
    inputs = ArrayInputs(ArrayPool(x))
    batch = inputs.batch(["3", "0", "3"])
    assert inputs.shape == planes and batch.shape == (3, *planes) and batch.dtype == torch.float32
    assert torch.equal(batch[0], batch[2]) and not torch.equal(batch[0], batch[1])
    everything = inputs.batch([str(row) for row in range(40)])
    axes = (0, 2, 3) if len(planes) == 3 else (0,)
    assert float(everything.mean(dim=axes).abs().max()) < 1e-4
    torch.testing.assert_close(everything.std(dim=axes, correction=0), torch.ones(planes[0]), atol=1e-4, rtol=0)


def test_channels_come_first_and_keep_their_pixels() -> None:
    x = RNG.normal(size=(2, 4, 5, 3)).astype(np.float32)
    assert np.array_equal(as_planes(x)[1, 2], x[1, :, :, 2])


def test_a_constant_column_is_centred_only() -> None:
    x = np.full((5, 2), 3.0, dtype=np.float32)
    assert (Standardiser.fit(x)(x) == 0).all()


def test_a_test_set_is_read_with_the_pools_numbers() -> None:
    pool, far = RNG.normal(size=(50, 3)).astype(np.float32), RNG.normal(loc=9.0, size=(20, 3)).astype(np.float32)
    inputs = ArrayInputs(ArrayPool(pool))
    beside = inputs.beside(ArrayPool(far))
    expected = (far[4] - pool.mean(axis=0, dtype=np.float64)) / pool.std(axis=0, dtype=np.float64)
    np.testing.assert_allclose(beside.batch(["4"])[0].numpy(), expected, rtol=1e-4)


def test_rows_with_nan_are_named_and_left_out_of_the_standardisation() -> None:
    x = RNG.normal(size=(30, 3)).astype(np.float32)
    x[7, 1] = np.nan
    inputs = ArrayInputs(ArrayPool(x))
    good, bad = inputs.readable([str(row) for row in range(30)])
    assert list(bad) == ["7"] and "NaN" in bad["7"] and len(good) == 29
    assert bool(torch.isfinite(inputs.batch(good)).all())
    with pytest.raises(PoolError, match="'7'"):
        inputs.batch(["6", "7"])


def test_a_pool_without_a_readable_item_is_refused() -> None:
    with pytest.raises(PoolError, match="no readable item"):
        ArrayInputs(ArrayPool(np.full((3, 2), np.inf, dtype=np.float32))).batch(["0"])


def test_everything_is_ready_at_once() -> None:
    inputs = ArrayInputs(ArrayPool(RNG.normal(size=(5, 2))))
    assert inputs.ready(["3", "1"]) == ["3", "1"] and inputs.prepare(["3"], no_report) == {} and inputs.advance(1.0) is False


class Ragged:
    """Pictures of different sizes."""

    def ids(self) -> list[str]:
        return ["0", "1"]

    def load(self, item: str) -> np.ndarray:
        return np.zeros((4, 4 + int(item)), dtype=np.uint8)

    def __len__(self) -> int:
        return 2

    def fingerprint(self) -> str:
        return "0" * 32

    def extend(self, items: object) -> list[str]:
        return []


def test_items_of_different_shapes_are_refused_with_a_way_out() -> None:
    with pytest.raises(PoolError, match="differ in shape") as caught:
        ArrayInputs(Ragged()).batch(["0", "1"])
    assert "side" in str(caught.value.hint)
