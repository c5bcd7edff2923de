"""Masks as small grids over boxes: cutting them out of a picture, pasting them into it, and how far they overlap.

A mask of a box is a grid of so many cells over the box, each with the share (or the probability) of the cell that is inside. References:
    He et al. 2017 (Mask R-CNN), arXiv 1703.06870, for masks in the frame of a box.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample


def cut(mask: NDArray[Any], box: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Shares (side, side) of the cells of a box that lie in a mask (h, w): the mask is looked at in 3 × 3 points of every cell."""
    fine = 3 * side
    steps = (np.arange(fine) + 0.5) / fine
    x, y = box[0] + steps * (box[2] - box[0]), box[1] + steps * (box[3] - box[1])
    inside_y, inside_x = (y >= 0) & (y < mask.shape[0]), (x >= 0) & (x < mask.shape[1])
    rows, columns = np.clip(y.astype(np.int64), 0, mask.shape[0] - 1), np.clip(x.astype(np.int64), 0, mask.shape[1] - 1)
    seen = mask[np.ix_(rows, columns)] & inside_y[:, None] & inside_x[None]
    return np.asarray(seen.reshape(side, 3, side, 3).mean(axis=(1, 3)), dtype=np.float32)


def paste(grids: NDArray[Any], boxes: NDArray[Any], height: int, width: int) -> NDArray[np.bool_]:
    """Masks (m, h, w): pixels whose middle lies in the box and where the grid, read between its cells, is at least ½."""
    out = np.zeros((len(grids), height, width), dtype=bool)
    for place, (grid, box) in enumerate(zip(grids, boxes, strict=True)):
        size = np.maximum(box[2:] - box[:2], 1e-6)
        x, y = ((np.arange(width) + 0.5 - box[0]) / size[0], (np.arange(height) + 0.5 - box[1]) / size[1])
        rows, columns = _between(y, grid.shape[0]), _between(x, grid.shape[1])
        value = (rows @ grid) @ columns.T
        out[place] = (value >= 0.5) & ((y >= 0) & (y < 1))[:, None] & ((x >= 0) & (x < 1))[None]
    return out


def mask_iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Intersection over union (m, t) of masks (m, h, w) and (t, h, w); 0 where both are empty."""
    size = int(np.prod(a.shape[1:]))
    left, right = (masks.reshape(len(masks), size).astype(np.float64) for masks in (a, b))
    both: NDArray[np.float64] = left @ right.T
    union = left.sum(axis=1)[:, None] + right.sum(axis=1) - both
    return np.asarray(np.divide(both, union, out=np.zeros_like(both), where=union > 0))


def moved(grids: Tensor, frames: Tensor, boxes: Tensor, side: int) -> Tensor:
    """Masks (p, g, g) of `frames` (p, 4), read in the cells (p, side, side) of other boxes (p, 4); 0 outside their frames."""
    steps = (torch.arange(side, dtype=grids.dtype) + 0.5) / side
    size, frame = (boxes[:, 2:] - boxes[:, :2]), (frames[:, 2:] - frames[:, :2]).clamp(min=1e-6)
    places = boxes[:, None, :2] + steps[None, :, None] * size[:, None]
    places = 2 * (places - frames[:, None, :2]) / frame[:, None] - 1
    where = torch.stack([places[:, None, :, 0].expand(-1, side, -1), places[:, :, None, 1].expand(-1, -1, side)], dim=-1)
    return grid_sample(grids[:, None], where, mode="bilinear", padding_mode="zeros", align_corners=False)[:, 0]


def _between(position: NDArray[Any], cells: int) -> NDArray[np.float64]:
    """Weights (n, cells) that read a row of cells at positions (n,) in [0, 1], in a straight line between their middles."""
    at = np.clip(position * cells - 0.5, 0, cells - 1)
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(cells))))
