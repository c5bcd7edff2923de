"""Semantic segmentation on the learner's side, of images and of volumes: every pixel is a site, what nobody labelled teaches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.errors import LabelError
from querist.core.sites import Sites, even
from querist.tasks.classification.measures import Classes
from querist.tasks.dense.measures import measured
from querist.tasks.dense.runs import NOBODY, to_positions

SIDES: Final = (0.6, 0.3, 0.1)
"""Weights of the losses of the final and the side outputs, as Zhao et al. 2020 have them."""


@dataclass(frozen=True)
class DenseHead:
    """One softmax per pixel or voxel. Outputs are (n, c·s + w, *grid): the final logits, those of s - 1 side outputs, and maybe the window.

    A network with side outputs gives the logits of several decoder stages, the final one first, all as large as the image. A network that
    was given a window in its last input channel (`data.regions`) hands it on as the last channel: ≥ 0 within, below outside, where sites do not count.

    Attributes:
        names: Classes; the first is the background, as `measures.measured` takes it.
    """

    names: tuple[str, ...]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> DenseHead:
        """The head for a label-space schema."""
        return cls(Classes.of(schema).names)

    @property
    def outputs(self) -> int:
        """Number of classes c."""
        return len(self.names)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.uint8]:
        """Class positions (n, *grid), `NOBODY` where nobody said.

        Raises:
            LabelError: for maps of different sizes.
        """
        maps: list[NDArray[np.uint8]] = []
        for item, value in labelled.items():
            maps.append(to_positions(value, self.names))
            if maps[-1].shape != maps[0].shape:
                raise LabelError(item, list(maps[-1].shape), f"maps of one size, {list(maps[0].shape)}")
        return np.stack(maps) if maps else np.empty((0, 1, 1), dtype=np.uint8)

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (c,) inverse to the classes' pixels, mean 1 over the classes that occur; 1 for others."""
        counts = np.bincount(targets[targets != NOBODY].ravel(), minlength=self.outputs).astype(np.float64)
        inverse = np.where(counts > 0, counts.sum() / np.maximum(counts, 1), np.nan)
        mean = np.nanmean(inverse) if (counts > 0).any() else 1.0
        return np.where(counts > 0, inverse / mean, 1.0).astype(np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy (n,) in nats, the mean over labelled pixels, 0 without any; of side outputs the weighted mean.

        Args:
            output: (n, c·s + w, *grid).
            target: Class positions (n, *grid).
            smoothing: Label smoothing in [0, 1).
            weights: Of classes (c,) or None, per pixel.
        """
        there = target != NOBODY
        wanted = torch.where(there, target, torch.zeros_like(target)).long()
        shares = torch.tensor(SIDES[: self._stages(output)])
        total = output.new_zeros(len(output))
        for share, logits in zip(shares / shares.sum(), self._logits(output), strict=True):
            pixels = functional.cross_entropy(logits, wanted, reduction="none", label_smoothing=smoothing)
            pixels = pixels if weights is None else pixels * weights[wanted]
            kept = torch.where(there, pixels, torch.zeros_like(pixels)).flatten(1)
            total = total + share * kept.sum(dim=1) / there.flatten(1).sum(dim=1).clamp(min=1)
        return total

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities (n, c, *grid) of the final output."""
        return torch.softmax(self._final(output), dim=1)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest class of every pixel (n, *grid), a target like those of people, and the mean probability of these (n,)."""
        sure, target = self.predict(output.detach()).max(dim=1)
        return target.to(torch.uint8), sure.flatten(1).mean(dim=1)

    def doubt(self, output: Tensor) -> Tensor:
        """Mean entropy (n,) of the pixels, in nats."""
        entropy: Tensor = torch.special.entr(self.predict(output.detach())).sum(dim=1)
        return entropy.flatten(1).mean(dim=1)

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared difference of the probabilities (n,)."""
        return (self.predict(output) - self.predict(reference)).square().flatten(1).mean(dim=1)

    def sites(self, output: Tensor, x: Tensor, hidden: Any = None) -> Sites:
        """Every pixel as a site, row by row; `extra["sides"]` (s, stages) has the classes that the stages of the first sample say, where there are several.

        Args:
            output: (m, k, c·s + w, *grid).
            x: The inputs.
            hidden: The map in front of the last layer (m, f, *grid), or what has it as `final`; None, or coarser than the grid, and pixels have no features.
        """
        m, k, grid = len(output), output.shape[1], tuple(output.shape[3:])
        # One copy: k samples of a chunk of pixels are what memory goes into.
        probs = self.predict(output.flatten(0, 1)).reshape(m, k, self.outputs, -1).permute(0, 3, 1, 2).reshape(-1, k, self.outputs)
        first = output[:, 0]
        extra = {"sides": _rows(torch.stack([part.argmax(dim=1) for part in self._logits(first)], dim=1).to(torch.uint8).flatten(2))}
        features = getattr(hidden, "final", hidden)
        features = features if features is not None and tuple(features.shape[2:]) == grid else None  # a coarser map is no map of pixels
        return even(
            m,
            int(np.prod(grid)),
            probs=probs.numpy(),
            grid=grid,
            weight=(first[:, -1] >= 0).to(torch.float32).flatten().numpy() if self._window(output[:, 0]) else None,
            features=None if features is None else _rows(features.flatten(2)).numpy(),
            extra={name: value.numpy() for name, value in extra.items()} if self._stages(first) > 1 else {},
        )

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.measured`, of the mean over samples."""
        return measured(zip(_maps(said), targets, strict=True), self.outputs)

    def _final(self, output: Tensor) -> Tensor:
        return output[:, : self.outputs]

    def _stages(self, output: Tensor) -> int:
        return int(output.shape[1]) // self.outputs

    def _window(self, output: Tensor) -> bool:
        return bool(output.shape[1] % self.outputs)

    def _logits(self, output: Tensor) -> tuple[Tensor, ...]:
        """Of every stage (n, c, *grid)."""
        stages = self._stages(output)
        return tuple(output[:, : stages * self.outputs].chunk(stages, dim=1))


def _rows(planes: Tensor) -> Tensor:
    """(m, f, pixels) → (m · pixels, f): a row per site."""
    return planes.movedim(-1, 1).flatten(0, 1)


def _maps(said: Iterable[Sites]) -> Iterator[NDArray[np.uint8]]:
    """Class positions of each item, one at a time."""
    for chunk in said:
        assert chunk.probs is not None and chunk.grid is not None
        best = chunk.probs.mean(axis=1, dtype=np.float64).argmax(axis=1).astype(np.uint8)
        yield from best.reshape(len(chunk), *chunk.grid)
