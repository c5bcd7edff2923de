"""Annotation formats of vision tools as pools with label values, and back: one file a format, free of torch."""

from querist.data.annotated.coco import read_coco, write_coco
from querist.data.annotated.found import AnnotatedSet
from querist.data.annotated.png_masks import read_png_masks, write_png_masks
from querist.data.annotated.voc import read_voc, write_voc
from querist.data.annotated.yolo import read_yolo, write_yolo

__all__ = [
    "AnnotatedSet", "read_coco", "read_png_masks", "read_voc", "read_yolo", "write_coco", "write_png_masks", "write_voc", "write_yolo",
]  # fmt: skip
