"""Detection on the learner's side: a loss per image, boxes as sites, average precision. Serves every detector with the columns of `output`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.errors import LabelError
from querist.core.sites import Sites, offsets_of
from querist.tasks.classification.measures import Classes
from querist.tasks.detection.assign import losses
from querist.tasks.detection.decode import at_boxes, found
from querist.tasks.detection.measures import average_precision
from querist.tasks.detection.output import columns

MOST: Final = 64
"""Boxes of an item that can be learned."""
SURE: Final = 0.5
"""Score from which on a box is a pseudo-label."""


@dataclass(frozen=True)
class DetectionHead:
    """Boxes with a class each.

    Attributes:
        classes: The active classes of the schema; background comes after the last.
    """

    classes: Classes

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> DetectionHead:
        """The head for a label-space schema."""
        return cls(Classes.of(schema))

    @property
    def outputs(self) -> int:
        """Number of classes, without background."""
        return len(self.classes.names)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.float32]:
        """(n, MOST, 5): x1 y1 x2 y2 and class position of every box, NaN behind the last one.

        Raises:
            LabelError: for a value that is no list of boxes with active classes, or more than `MOST`.
        """
        position = {name: number for number, name in enumerate(self.classes.names)}
        rows = np.full((len(labelled), MOST, 5), np.nan, dtype=np.float32)
        for row, (item, value) in enumerate(labelled.items()):
            try:
                boxes = [[*map(float, one["box"]), position[one["label"]]] for one in value]
            except (KeyError, TypeError, ValueError):
                raise LabelError(item, value, 'boxes such as {"box": [x1, y1, x2, y2], "label": name}, named ' + ", ".join(position)) from None
            if len(boxes) > MOST or any(len(box) != 5 for box in boxes):
                raise LabelError(item, value, f"at most {MOST} boxes of four numbers")
            if boxes:
                rows[row, : len(boxes)] = boxes
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (c,) of the classes, inverse to how many boxes they have, mean 1 over boxes; 1 for those without any."""
        labels = targets[..., 4][~np.isnan(targets[..., 4])].astype(np.int64)
        counts = np.bincount(labels, minlength=self.outputs).astype(np.float64)
        there = counts > 0
        return np.where(there, counts.sum() / np.maximum(there.sum() * counts, 1), 1.0).astype(np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """See `assign.losses` (n,)."""
        return losses(output, target, self.outputs, smoothing=smoothing, weights=weights)

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities (n, a, c + 1) at every place."""
        return torch.softmax(columns(output, self.outputs).logits, dim=-1)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The boxes that it is `SURE` of, a target like those of people; and the least score of them, or how sure it is that there is none (n,)."""
        kept, _, boxes = found(columns(output.detach()[:, None], self.outputs), least=SURE, most=MOST)
        target = output.new_full((len(output), MOST, 5), torch.nan)
        near = boxes.gather(1, kept.place[..., None].expand(-1, -1, 4))
        rows = torch.cat([near, kept.label[..., None].to(near)], dim=-1)
        target[:, : rows.shape[1]] = torch.where(kept.there[..., None], rows, torch.full_like(rows, torch.nan))
        none = 1 - self.predict(output.detach())[..., :-1].amax(dim=(1, 2))
        least = torch.where(kept.there, kept.score, torch.ones_like(kept.score)).amin(dim=1)
        return target, torch.where(kept.there.any(dim=1), least, none)

    def doubt(self, output: Tensor) -> Tensor:
        """Mean entropy (n,) in nats of the places, weighed by how likely an object is there."""
        logs = torch.log_softmax(columns(output.detach(), self.outputs).logits, dim=-1)
        entropy, object_ = torch.special.entr(logs.exp()).sum(dim=-1), 1 - logs[..., -1].exp()
        doubt: Tensor = (entropy * object_).sum(dim=1) / object_.sum(dim=1).clamp(min=1e-6)
        return doubt

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared difference (n,) of the probabilities at all places."""
        return (self.predict(output) - self.predict(reference)).square().mean(dim=(1, 2))

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """Boxes. Beside them, as `items`, what the detector said at every place before any box was thrown away.

        `probs` (s, k, c + 1) have background last; `values` (s, k, 4) are the box as each of the k functions draws it; `extra` has `score`,
        `label`, `level` and the index of the `source` place; `items` have `probs` (n, a, c + 1), `boxes`, `priors` (n, a, 4) and `level`
        (n, a), means over the k functions, and `further` (n, a, f) where the detector says more.
        """
        raw = columns(output, self.outputs)
        kept, probs, boxes = found(raw)
        item, column = torch.nonzero(kept.there, as_tuple=True)
        source = kept.place[item, column]
        features = at_boxes(hidden, raw, item, source, (x.shape[-2], x.shape[-1]))
        items = {"probs": probs.mean(dim=1), "boxes": boxes, "priors": raw.priors[:, 0], "level": raw.level[:, 0]}
        if raw.further.shape[-1]:
            items["further"] = raw.further.mean(dim=1)
        return Sites(
            offsets_of(kept.there.sum(dim=1).numpy()),
            probs=probs.transpose(1, 2)[item, source].numpy(),
            values=raw.boxes.transpose(1, 2)[item, source].numpy(),
            place=boxes[item, source].numpy(),
            features=None if features is None else features.numpy(),
            extra={
                "score": kept.score[item, column].numpy(), "label": kept.label[item, column].numpy(),
                "level": raw.level[0, 0][source].numpy(), "source": source.numpy(),
            },
            items={name: value.numpy() for name, value in items.items()},
        )  # fmt: skip

    def says(self, said: Sites) -> list[tuple[list[dict[str, Any]], float]]:
        """The boxes of each item that it is `SURE` of, and the least score of them, or how sure it is that there is none."""
        spoken = []
        for number in range(len(said)):
            one = said.item(number)
            rows = np.flatnonzero(one.extra["score"] >= SURE)
            boxes = [{"box": np.asarray(one.place)[row].tolist(), "label": self.classes.names[int(one.extra["label"][row])]} for row in rows]
            none = 1.0 - float(one.items["probs"][0, :, : self.outputs].max())
            spoken.append((boxes, float(one.extra["score"][rows].min()) if len(rows) else none))
        return spoken

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.average_precision`."""
        return average_precision(said, targets, self.outputs)
