"""A segmenter of your own: a model of segmentation-models-pytorch, or any module that makes class maps of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, drawn_from, evaluating
from querist.nets.own import function_of


class Read(NamedTuple):
    """What the trunk gives: the map in front of the last layers `final` (None where it is not known), the `deepest` map, and logits if they are made."""

    final: Tensor | None
    deepest: Tensor
    logits: Tensor | None


@dataclass(frozen=True)
class Segmenter:
    """A segmenter of your own: a function makes it.

    Attributes:
        make_model: `"module:function"`; the function takes the number of classes, background included, and returns a model of
            segmentation-models-pytorch, or any module that gives logits (n, classes, h, w) of images (n, ch, h, w). Load your weights there.
        dropout: Rate of whole channels before the last layers of an smp model; a module of another kind brings its own.
    """

    make_model: str
    dropout: float = 0.2

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w) and `outputs` classes.

        Raises:
            UsageError: if there is no such function, or what it makes gives no class maps of such images.
        """
        if len(shape) != 3:
            raise UsageError("a segmenter takes images", got=tuple(shape), wanted="(channels, height, width)")
        with drawn_from(generator):
            model: Any = function_of(self.make_model)(outputs)
        if not isinstance(model, nn.Module):
            raise UsageError(f"{self.make_model} makes no module", got=type(model).__name__, wanted="a torch module")
        if all(hasattr(model, part) for part in ("encoder", "decoder", "segmentation_head")):
            trunk: nn.Module = SmpTrunk(model, shape)
            network = Network(trunk, nn.Sequential(SmpHead(model.segmentation_head, self.dropout)), describe)
        else:
            network = Network(WholeTrunk(model, shape), nn.Sequential(Given()), describe)
        _check(network, shape, outputs, self.make_model)
        return network


class SmpTrunk(nn.Module):
    """Encoder and decoder of an smp model; grey images are shown to a colour encoder in all its channels."""

    def __init__(self, model: Any, shape: Sequence[int]) -> None:
        super().__init__()
        self.encoder, self.decoder, self.channels = model.encoder, model.decoder, _channels(model, shape)

    def forward(self, x: Tensor) -> Read:
        """Maps of images (n, ch, h, w)."""
        maps = self.encoder(x.expand(-1, self.channels, -1, -1))
        try:
            final = self.decoder(maps)
        except TypeError:  # before version 0.5 a decoder took the maps one by one
            final = self.decoder(*maps)
        return Read(final, maps[-1], None)


class SmpHead(nn.Module):
    """Dropout of channels, then the model's own head."""

    def __init__(self, head: Any, dropout: float) -> None:
        super().__init__()
        self.dropout, self.head = nn.Dropout2d(dropout), head

    def forward(self, maps: Read) -> Tensor:
        """Logits (n, c, h, w)."""
        out: Tensor = self.head(self.dropout(maps.final))
        return out


class WholeTrunk(nn.Module):
    """A module as it is; the coarsest map inside is found by a look at one image."""

    def __init__(self, model: nn.Module, shape: Sequence[int]) -> None:
        super().__init__()
        self.model, self.channels = model, _channels(model, shape)
        self.deepest = _coarsest(model, torch.zeros(1, self.channels, *shape[1:]))

    def forward(self, x: Tensor) -> Read:
        """Logits of images (n, ch, h, w), and the coarsest map on the way."""
        seen: list[Tensor] = []
        inner = self.model.get_submodule(self.deepest)
        handle = inner.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
        try:
            logits: Tensor = self.model(x.expand(-1, self.channels, -1, -1))
        finally:
            handle.remove()
        return Read(None, seen[-1], logits)


class Given(nn.Module):
    """Logits that the trunk has made already."""

    def forward(self, maps: Read) -> Tensor:
        """(n, c, h, w)."""
        assert maps.logits is not None
        return maps.logits


def describe(maps: Read) -> Tensor:
    """The item in one vector: the channel-wise mean of the deepest map."""
    return maps.deepest.flatten(2).mean(dim=2)


def _channels(model: nn.Module, shape: Sequence[int]) -> int:
    """Channels that the first convolution reads: all of a colour image, or the grey one as often."""
    first = next((layer for layer in model.modules() if isinstance(layer, nn.Conv2d)), None)
    return int(shape[0]) if first is None or shape[0] != 1 else first.in_channels


def _coarsest(model: nn.Module, x: Tensor) -> str:
    """Name of the last module whose output is a map with the fewest pixels, single ones apart."""
    sizes: dict[str, int] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output[0, 0].numel() > 1:
                sizes[name] = output[0, 0].numel()

        return hook

    handles = [module.register_forward_hook(watch(name)) for name, module in model.named_modules()]
    try:
        with evaluating(model), torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return min(reversed(sizes), key=lambda name: sizes[name], default="")


def _check(network: Network, shape: Sequence[int], outputs: int, path: str) -> None:
    with evaluating(network), torch.no_grad():
        found = network(torch.zeros(1, *shape))
    if found.shape != (1, outputs, *shape[1:]):
        raise UsageError(f"{path} makes no segmenter of these images", got=tuple(found.shape), wanted=(1, outputs, *shape[1:]))
