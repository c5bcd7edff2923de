"""Objects with masks on the learner's side: a detector whose places also say a mask in the frame of their box, and how good box and mask are.

References:
    Wang et al. 2020 (score prediction with IoU heads for active learning), arXiv 2012.04829; Huang et al. 2019 (Mask Scoring R-CNN), arXiv 1903.00241.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.errors import LabelError
from querist.core.sites import Sites
from querist.tasks.detection.assign import assigned, overlaps
from querist.tasks.detection.decode import found
from querist.tasks.detection.learning import SURE, DetectionHead
from querist.tasks.detection.measures import average_precision
from querist.tasks.detection.output import columns
from querist.tasks.instance.crops import cut, mask_iou, moved, paste
from querist.tasks.instance.measures import measured
from querist.tasks.instance.rle import to_counts, to_mask

MOST: Final = 24
"""Objects of an item that can be learned."""
CELLS: Final = 14
"""Side of the grid of a mask that a network says."""
FINE: Final = 28
"""Side of the grid of a true mask."""
FURTHER: Final = CELLS * CELLS + 2
"""Numbers that a place says beyond those of a detector: logits of its mask, then of the overlaps of box and mask with the truth."""


@dataclass(frozen=True)
class InstanceHead:
    """Boxes with a class and a mask each.

    Attributes:
        boxes: The detector's side.
    """

    boxes: DetectionHead

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> InstanceHead:
        """The head for a label-space schema."""
        return cls(DetectionHead.of(schema))

    @property
    def outputs(self) -> int:
        """Number of classes, without background; the network adds `FURTHER` numbers itself."""
        return self.boxes.outputs

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.float32]:
        """(n, MOST, 5 + FINE²): box, class position and the mask's grid of every object, NaN behind the last one.

        Raises:
            LabelError: for a value that is no list of objects with active classes, or more than `MOST`.
        """
        rows = np.full((len(labelled), MOST, 5 + FINE * FINE), np.nan, dtype=np.float32)
        places = self.boxes.targets({item: [{"box": one["box"], "label": one["label"]} for one in value] for item, value in labelled.items()})
        for row, (item, value) in enumerate(labelled.items()):
            if len(value) > MOST:
                raise LabelError(item, value, f"at most {MOST} objects")
            rows[row, :, :5] = places[row, :MOST]
            for place, one in enumerate(value):
                rows[row, place, 5:] = cut(to_mask(one["mask"]), np.asarray(one["box"]), FINE).ravel()
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """See `DetectionHead.weights`."""
        return self.boxes.weights(targets[..., :5])

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Loss (n,): that of the boxes, and for each place that learns one the cross-entropy of its mask and the squared errors of both overlaps.

        Args:
            output: (n, a, numbers).
            target: See `targets`.
            smoothing: Of the classes.
            weights: Of the classes, or None.
        """
        loss = self.boxes.loss(output, target[..., :5], smoothing=smoothing, weights=weights)
        said, there = columns(output, self.outputs), ~torch.isnan(target[..., 4])
        most = max(int(there.sum(dim=1).max()), 1)
        rows = torch.nonzero(said.level[0] >= 0).squeeze(1)
        owner = torch.full(output.shape[:2], -1)
        owner[:, rows] = assigned(said.priors[0, rows].detach(), said.level[0, rows].detach(), target[:, :most, :4], there[:, :most])
        item, place = torch.nonzero(owner >= 0, as_tuple=True)
        if not len(item):
            return loss
        own, further, drawn = target[item, owner[item, place]], said.further[item, place], said.boxes[item, place].detach()
        grids = own[:, 5:].reshape(-1, FINE, FINE)
        wanted = functional.adaptive_avg_pool2d(grids, CELLS).flatten(1)
        masks = functional.binary_cross_entropy_with_logits(further[:, :-2], wanted, reduction="none").mean(dim=1)
        right = torch.stack([overlaps(drawn[:, None], own[:, None, :4])[:, 0, 0], _overlap(further[:, :-2].detach(), drawn, grids, own[:, :4])], dim=1)
        quality = (torch.sigmoid(further[:, -2:]) - right).square().sum(dim=1)
        count = torch.bincount(item, minlength=len(output)).clamp(min=1)
        return loss + loss.new_zeros(len(output)).index_add(0, item, masks + quality) / count

    def predict(self, output: Tensor) -> Tensor:
        """See `DetectionHead.predict`."""
        return self.boxes.predict(output)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The objects that it is sure of, a target like those of people; and their mean score of three (n,): class, box and mask. 0 where there is none."""
        raw = columns(output.detach()[:, None], self.outputs)
        kept, _, boxes = found(raw, least=SURE, most=MOST)
        target = output.new_full((len(output), MOST, 5 + FINE * FINE), torch.nan)
        item, column = torch.nonzero(kept.there, as_tuple=True)
        source = kept.place[item, column]
        further = raw.further[item, 0, source]
        grids = torch.sigmoid(further[:, :-2]).reshape(-1, 1, CELLS, CELLS)
        fine = functional.interpolate(grids, size=(FINE, FINE), mode="bilinear", align_corners=False)
        parts = [boxes[item, source], kept.label[item, column][:, None].to(output.dtype), (fine >= 0.5).flatten(1).to(output.dtype)]
        target[item, column] = torch.cat(parts, dim=1)
        sure = kept.score[item, column] * torch.sigmoid(further[:, -2:]).prod(dim=1)
        total = output.new_zeros(len(output)).index_add(0, item, sure)
        return target, total / kept.there.sum(dim=1).clamp(min=1)

    def doubt(self, output: Tensor) -> Tensor:
        """One minus the mean score of three (n,), see `pseudo`."""
        return 1.0 - self.pseudo(output)[1]

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """See `DetectionHead.discrepancy`."""
        return self.boxes.discrepancy(output, reference)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """Boxes, see `DetectionHead.sites`; `extra` also has `mask` (s, CELLS, CELLS), `box_iou` and `mask_iou` (s,), the overlaps that are expected."""
        said = self.boxes.sites(output, x, hidden)
        further = said.items["further"][said.owner, said.extra["source"]]
        shares = 1.0 / (1.0 + np.exp(-further.astype(np.float64)))
        masks = shares[:, :-2].reshape(-1, CELLS, CELLS).astype(np.float32)
        extra = {**said.extra, "mask": masks, "box_iou": shares[:, -2], "mask_iou": shares[:, -1]}
        items = {name: rows for name, rows in said.items.items() if name != "further"}
        return replace(said, extra=extra, items={**items, "size": np.tile(np.array(x.shape[-2:]), (len(said), 1))})

    def says(self, said: Sites) -> list[tuple[list[dict[str, Any]], float]]:
        """The objects of each item that it is `SURE` of, and their mean score of three, see `pseudo`; one whose mask is empty is left out."""
        spoken = []
        for number in range(len(said)):
            one = said.item(number)
            rows = np.flatnonzero(one.extra["score"] >= SURE)
            height, width = (int(side) for side in one.items["size"][0])
            masks = paste(one.extra["mask"][rows], np.asarray(one.place, dtype=np.float64)[rows], height, width)
            found = [
                {"box": np.asarray(one.place)[row].tolist(), "label": self.boxes.classes.names[int(one.extra["label"][row])], "mask": to_counts(mask)}
                for row, mask in zip(rows, masks, strict=True)
                if mask.any()
            ]
            good = one.extra["score"][rows] * one.extra["box_iou"][rows] * one.extra["mask_iou"][rows]
            spoken.append((found, float(good.mean()) if len(rows) else 0.0))
        return spoken

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.measured` for the masks, and `ap50` of the boxes; `score_gap`: how far the score of three is from the truth, on average."""
        labels = [rows[~np.isnan(rows[:, 4]), 4].astype(np.int64) for rows in targets]
        chunks: list[Sites] = []

        def compared() -> Iterator[tuple[Sites, list[NDArray[np.float64]]]]:
            row = 0
            for chunk in said:
                chunks.append(replace(chunk, items={}))
                yield chunk, [_compared(chunk.item(number), targets[row + number]) for number in range(len(chunk))]
                row += len(chunk)

        found = measured(compared(), labels, self.outputs)
        boxes = average_precision(chunks, targets[..., :5], self.outputs) if found else {}
        return {**found, **({"ap50": boxes["ap50"]} if boxes else {})}


def _overlap(logits: Tensor, drawn: Tensor, grids: Tensor, boxes: Tensor) -> Tensor:
    """Intersection over union (p,) of masks said (p, CELLS²) in the boxes drawn with true ones in theirs."""
    said = (logits >= 0).to(logits.dtype).reshape(-1, CELLS, CELLS)
    real = moved(grids, boxes, drawn, CELLS)
    area = [(frame[:, 2:] - frame[:, :2]).clamp(min=0).prod(dim=1) for frame in (drawn, boxes)]
    both = (said * real).mean(dim=(1, 2)) * area[0]
    union = said.mean(dim=(1, 2)) * area[0] + grids.mean(dim=(1, 2)) * area[1] - both
    return (both / union.clamp(min=1e-6)).clamp(0, 1)


def _compared(one: Sites, rows: NDArray[Any]) -> NDArray[np.float64]:
    """Overlaps (m, t) of the masks of an item, in pixels."""
    assert one.place is not None
    truth = rows[~np.isnan(rows[:, 4])].astype(np.float64)
    corners = np.concatenate([np.asarray(one.place, dtype=np.float64)[:, 2:], truth[:, 2:4], np.ones((1, 2))])
    width, height = (int(side) for side in np.clip(np.ceil(corners.max(axis=0)), 1, 4096))
    real = paste(truth[:, 5:].reshape(-1, FINE, FINE), truth[:, :4], height, width)
    return mask_iou(paste(np.asarray(one.extra["mask"]), np.asarray(one.place, dtype=np.float64), height, width), real)
