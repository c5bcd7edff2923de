"""Links on the learner's side: a yes or no for every entity, binary cross-entropy over all of them, filtered ranks."""

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
from querist.tasks.link.measures import filtered_ranks, measures


@dataclass(frozen=True)
class LinkHead:
    """The entities that a query leads to, one logit each. The sites of a query are all entities; a site answers no or yes.

    Attributes:
        names: Of the entities; a position here is that in an output.
    """

    names: tuple[str, ...]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> LinkHead:
        """The head for a label-space schema: entities that are not retired."""
        return cls(tuple(str(row["name"]) for row in schema["classes"] if not row.get("retired", False)))

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""
        return len(self.names)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.float32]:
        """1 where an entity is an answer, else 0 (n, e).

        Raises:
            LabelError: for what is no list of entities.
        """
        place = {name: position for position, name in enumerate(self.names)}
        rows = np.zeros((len(labelled), len(self.names)), dtype=np.float32)
        for row, (item, value) in enumerate(labelled.items()):
            if isinstance(value, str) or not isinstance(value, Iterable) or not all(name in place for name in value):
                raise LabelError(item, value, "a list of entities")
            rows[row, [place[name] for name in value]] = 1.0
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weight (1,) of a yes: how many times as often the answer is no, over all entities."""
        yes = float((targets == 1).sum())
        return np.array([(targets.size - yes) / yes if yes else 1.0], dtype=np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Binary cross-entropy (n,) in nats, the mean over the entities.

        Args:
            output: Logits (n, e).
            target: 0 or 1 (n, e).
            smoothing: ε: a yes counts as 1 - ε + ε/e, a no as ε/e.
            weights: Of a yes (1,) or None.
        """
        wanted = target * (1.0 - smoothing) + smoothing / target.shape[1]
        return functional.binary_cross_entropy_with_logits(output, wanted, pos_weight=weights, reduction="none").mean(dim=1)

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities of yes, same shape."""
        return torch.sigmoid(output)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The likelier answer for every entity (n, e), and the probability of the least sure of them (n,), from ½ to 1."""
        probs = torch.sigmoid(output.detach())
        return (probs > 0.5).to(output.dtype), torch.maximum(probs, 1.0 - probs).amin(dim=-1)

    def doubt(self, output: Tensor) -> Tensor:
        """Mean binary entropy (n,) over the entities, in nats."""
        output = output.detach()
        probs = torch.sigmoid(output)
        return (probs * functional.softplus(-output) + (1.0 - probs) * functional.softplus(output)).mean(dim=-1)

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared difference of the probabilities (n,)."""
        return (torch.sigmoid(output) - torch.sigmoid(reference)).square().mean(dim=-1)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """Every entity of every query, with the classes no and yes; output: logits (m, k, e)."""
        m, k, e = output.shape
        yes = torch.sigmoid(output).transpose(1, 2).reshape(m * e, k).numpy()
        return even(m, e, probs=np.stack([1.0 - yes, yes], axis=-1))

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """Mean reciprocal filtered rank, hits at 1, 3 and 10, mean rank, over all true tails.

        A rank leaves out the other true tails of the query: those of its own answer, which has to be complete.
        """
        ranks, first = [], 0
        for part in said:
            yes = np.asarray(part.probs)[:, :, 1].mean(axis=1, dtype=np.float64).reshape(len(part), -1)
            ranks.append(filtered_ranks(yes, targets[first : first + len(part)] == 1))
            first += len(part)
        return measures(np.concatenate(ranks)) if ranks else {}
