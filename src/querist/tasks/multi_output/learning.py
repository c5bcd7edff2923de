"""Several answers per item on the learner's side: cross-entropy per slot, a missing answer teaches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.errors import LabelError
from querist.core.sites import Sites, even
from querist.tasks import label_space
from querist.tasks.classification.measures import class_weights
from querist.tasks.multi_output.measures import measured


@dataclass(frozen=True)
class MultiOutputHead:
    """One sigmoid per yes-or-no slot, one softmax per slot with classes.

    A network that was told which slots are asked for (`nets.asked`) hands that on behind its outputs: above 0 asked, below not. What it says of the
    others is no site, and teaches nothing.

    Attributes:
        names: Of the slots.
        choices: Names of the classes of each slot; none for a yes or no. Empty: all are that.
    """

    names: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> MultiOutputHead:
        """The head for a label-space schema."""
        choices: Mapping[str, tuple[str, ...]] = getattr(label_space(schema), "choices")  # noqa: B009
        return cls(tuple(choices), tuple(choices.values()))

    @cached_property
    def possible(self) -> tuple[tuple[Any, ...], ...]:
        """What each slot may be answered with, in the order of target positions."""
        return tuple(taken or (False, True) for taken in self.choices or ((),) * len(self.names))

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Outputs of each slot."""
        return tuple(len(taken) or 1 for taken in self.choices or ((),) * len(self.names))

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""
        return sum(self.widths)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.float32]:
        """Position of the answer in each slot (n, slots): 1 for yes, 0 for no; NaN where nothing was said.

        Raises:
            LabelError: for a value that is no mapping slot → answer or None.
        """
        places = {name: {answer: float(place) for place, answer in enumerate(answers)} for name, answers in zip(self.names, self.possible, strict=True)}
        rows = np.full((len(labelled), len(self.names)), np.nan, dtype=np.float32)
        for row, (item, value) in enumerate(labelled.items()):
            if not isinstance(value, Mapping) or not all(name in places and (said is None or _known(said, places[name])) for name, said in value.items()):
                raise LabelError(item, value, "answers for some of " + ", ".join(self.names))
            for name, said in value.items():
                if said is not None:
                    rows[row, self.names.index(name)] = places[name][said]
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (outputs,): of a yes, how many times as often the answer is no; of classes, inverse to their frequency. 1 where one never comes."""
        found = [np.ones(width, dtype=np.float32) for width in self.widths]
        for slot, width in enumerate(self.widths):
            told = targets[~np.isnan(targets[:, slot]), slot].astype(np.int64)
            if width > 1:
                found[slot] = class_weights(told, width)
            elif 0 < told.sum() < len(told):
                found[slot] = np.array([(told == 0).sum() / told.sum()], dtype=np.float32)
        return np.concatenate(found)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy (n,) in nats, the mean over the slots that were answered; 0 for an item without any.

        Args:
            output: Logits (n, outputs), maybe the slots that are asked for behind them.
            target: (n, slots), NaN where missing.
            smoothing: Label smoothing in [0, 1).
            weights: Of the outputs, or None; of a yes-or-no slot that of a yes.
        """
        there = ~torch.isnan(target)
        logs = self._logs(output)
        legal = torch.isfinite(self._logs(torch.zeros_like(output[:1, : self.outputs])))
        wanted = functional.one_hot(torch.where(there, target, torch.zeros_like(target)).long(), logs.shape[-1]).to(logs.dtype)
        wanted = wanted * (1.0 - smoothing) + smoothing * legal / legal.sum(dim=-1, keepdim=True)
        if weights is not None:
            wanted = wanted * self._table(weights)
        losses = -(wanted * torch.where(legal, logs, torch.zeros_like(logs))).sum(dim=-1)
        return torch.where(there, losses, torch.zeros_like(losses)).sum(dim=-1) / there.sum(dim=-1).clamp(min=1)

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities (…, outputs) of yes and of classes."""
        parts = torch.split(output[..., : self.outputs], list(self.widths), dim=-1)
        return torch.cat([torch.softmax(part, dim=-1) if part.shape[-1] > 1 else torch.sigmoid(part) for part in parts], dim=-1)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest answer in every slot that is asked for (n, slots), NaN in others, and the probability of the least sure of them (n,)."""
        sure, answer = self._logs(output.detach()).exp().max(dim=-1)
        asked = self._asked(output)
        return torch.where(asked, answer.to(output.dtype), torch.nan), torch.where(asked, sure, 1.0).amin(dim=-1)

    def doubt(self, output: Tensor) -> Tensor:
        """Mean entropy (n,) of the slots that are asked for, in nats."""
        asked = self._asked(output)
        entropy: Tensor = (torch.special.entr(self._logs(output.detach()).exp()).sum(dim=-1) * asked).sum(dim=-1) / asked.sum(dim=-1).clamp(min=1)
        return entropy

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared difference of the probabilities (n,), of the slots that are asked for."""
        asked = torch.repeat_interleave(self._asked(output), torch.tensor(self.widths, device=output.device), dim=-1)
        return ((self.predict(output) - self.predict(reference)).square() * asked).sum(dim=-1) / asked.sum(dim=-1).clamp(min=1)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """The slots that are asked for, in order, with their answers; a slot with fewer answers than another has 0 for the rest. `extra`: which `slot`."""
        slots, probs = len(self.names), self._logs(output).exp().transpose(1, 2).flatten(0, 1).numpy()
        seen = hidden[0] if isinstance(hidden, tuple) else hidden
        places = seen is not None and seen.ndim == 3 and seen.shape[1] == slots
        features = seen.flatten(0, 1).numpy() if seen is not None and places else None
        all_of = even(len(output), slots, probs=probs, features=features, extra={"slot": np.tile(np.arange(slots), len(output))})
        asked = self._asked(output)[:, 0]
        return all_of if bool(asked.all()) else all_of.only(asked.flatten().numpy())

    def says(self, said: Sites) -> list[tuple[dict[str, Any], float]]:
        """The likeliest answer in every slot of each item that is asked for, and the probability of the least sure one."""
        probs = self._dense(said)
        best, sure = probs.argmax(axis=2), np.where(np.isnan(probs[:, :, 0]), 1.0, probs.max(axis=2))
        return [
            ({self.names[slot]: self.possible[slot][row[slot]] for slot in np.flatnonzero(~np.isnan(table[:, 0]))}, float(certain))
            for table, row, certain in zip(probs, best.tolist(), sure.min(axis=1), strict=True)
        ]

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.measured`, of the mean over samples."""
        parts = [np.nan_to_num(self._dense(part)) for part in said]
        if not parts:
            return {}
        return measured(np.concatenate(parts), targets, [len(answers) for answers in self.possible], [width == 1 for width in self.widths])

    def _dense(self, said: Sites) -> NDArray[np.float64]:
        """Mean probabilities (n, slots, answers), NaN where a slot is not asked for."""
        probs = np.asarray(said.probs).mean(axis=1, dtype=np.float64)
        table = np.full((len(said), len(self.names), probs.shape[1]), np.nan)
        table[said.owner, said.extra.get("slot", np.arange(len(probs)) % len(self.names))] = probs
        return table

    def _asked(self, output: Tensor) -> Tensor:
        """(…, slots): what is asked for; everything where the network was not told."""
        asked = output[..., self.outputs :]
        return asked > 0 if asked.shape[-1] else torch.ones((*output.shape[:-1], len(self.names)), dtype=torch.bool, device=output.device)

    def _logs(self, output: Tensor) -> Tensor:
        """Log-probabilities (…, slots, answers); -inf where a slot has no such answer."""
        output = output[..., : self.outputs]
        if self.outputs == len(self.names):
            return torch.stack([functional.logsigmoid(-output), functional.logsigmoid(output)], dim=-1)
        most = max(map(len, self.possible))
        rows = []
        for part in torch.split(output, list(self.widths), dim=-1):
            logs = part.log_softmax(dim=-1) if part.shape[-1] > 1 else torch.cat([functional.logsigmoid(-part), functional.logsigmoid(part)], dim=-1)
            rows.append(functional.pad(logs, (0, most - logs.shape[-1]), value=-torch.inf))
        return torch.stack(rows, dim=-2)

    def _table(self, weights: Tensor) -> Tensor:
        """Weights (slots, answers) of weights (outputs,)."""
        most = max(map(len, self.possible))
        rows = [part if len(part) > 1 else torch.cat([torch.ones_like(part), part]) for part in torch.split(weights, list(self.widths))]
        return torch.stack([functional.pad(row, (0, most - len(row))) for row in rows])


def _known(said: Any, places: Mapping[Any, float]) -> bool:
    """Whether a slot can be answered with this; 1 is no yes."""
    return isinstance(said, bool | str) and said in places
