"""Several yes-or-no answers per item on the learner's side: binary cross-entropy per slot, a missing answer teaches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.errors import LabelError
from querist.core.sites import Sites, even


@dataclass(frozen=True)
class MultiOutputHead:
    """One sigmoid per slot.

    Attributes:
        names: Of the slots.
    """

    names: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""
        return len(self.names)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.float32]:
        """1 for yes, 0 for no, NaN where nothing was said (n, c); a value is a mapping name → bool or None.

        Raises:
            LabelError: for anything else.
        """
        rows = np.full((len(labelled), self.outputs), np.nan, dtype=np.float32)
        for row, (item, value) in enumerate(labelled.items()):
            if not isinstance(value, Mapping) or not all(name in self.names and (said is None or isinstance(said, bool)) for name, said in value.items()):
                raise LabelError(item, value, "yes or no for some of " + ", ".join(self.names))
            for name, said in value.items():
                if said is not None:
                    rows[row, self.names.index(name)] = float(said)
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (c,) of a yes: how many times as often the answer is no; 1 where one of them never comes."""
        yes, no = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
        return np.where((yes > 0) & (no > 0), no / np.maximum(yes, 1), 1.0).astype(np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Binary cross-entropy (n,) in nats, the mean over the slots that were answered; 0 for an item without any.

        Args:
            output: Logits (n, c).
            target: (n, c), NaN where missing.
            smoothing: Label smoothing in [0, 1).
            weights: Of a yes (c,) or None.
        """
        there = ~torch.isnan(target)
        wanted = torch.where(there, target, torch.zeros_like(target)) * (1.0 - smoothing) + smoothing / 2.0
        losses = functional.binary_cross_entropy_with_logits(output, wanted, pos_weight=weights, reduction="none")
        return torch.where(there, losses, torch.zeros_like(losses)).sum(dim=-1) / there.sum(dim=-1).clamp(min=1)

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities of yes, same shape."""
        return torch.sigmoid(output)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The likelier answer in every slot (n, c), and the probability of the least sure of them (n,), from ½ to 1."""
        probs = torch.sigmoid(output.detach())
        return (probs > 0.5).to(output.dtype), torch.maximum(probs, 1.0 - probs).amin(dim=-1)

    def doubt(self, output: Tensor) -> Tensor:
        """Mean binary entropy (n,) of the slots, in nats."""
        output = output.detach()
        probs = torch.sigmoid(output)
        return (probs * functional.softplus(-output) + (1.0 - probs) * functional.softplus(output)).mean(dim=-1)

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared difference of the probabilities (n,)."""
        return (torch.sigmoid(output) - torch.sigmoid(reference)).square().mean(dim=-1)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """Every slot of every item as a site, no or yes."""
        yes = torch.sigmoid(output).transpose(1, 2).flatten(0, 1)
        return even(len(output), self.outputs, probs=torch.stack([1.0 - yes, yes], dim=-1).numpy())

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `measured`, of the mean over samples."""
        parts = [np.asarray(part.probs)[:, :, 1].mean(axis=1, dtype=np.float64).reshape(len(part), self.outputs) for part in said]
        return self.measured(np.concatenate(parts) if parts else np.empty((0, self.outputs)), targets)

    def measured(self, probs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """Micro and macro F1 over what was answered, and the share of items with all their answers right. Empty without any.

        Args:
            probs: Probabilities of yes (n, c).
            targets: (n, c), NaN where missing.
        """
        there = ~np.isnan(targets)
        if not there.any():
            return {}
        said, told = (probs > 0.5) & there, (targets == 1) & there
        hits, both = (said & told).sum(axis=0), said.sum(axis=0) + told.sum(axis=0)
        answered = there.any(axis=1)
        macro = np.divide(2.0 * hits, both, out=np.zeros(len(both)), where=both > 0)[both > 0]
        return {
            "micro_f1": float(2.0 * hits.sum() / both.sum()) if both.sum() else 1.0,
            "macro_f1": float(macro.mean()) if len(macro) else 1.0,
            "exact": float((said == told).all(axis=1)[answered].mean()),
        }
