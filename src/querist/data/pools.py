"""All kinds of pools in one place."""

from querist.data.arrays import ArrayPool, FilePool
from querist.data.batch import load_batch
from querist.data.datasets.named import NamedPool
from querist.data.duplicates import byte_equal
from querist.data.folders import FolderPool
from querist.data.opening import open_pool
from querist.data.tables import TablePool
from querist.data.wrapped import HFPool, TorchPool

__all__ = ["ArrayPool", "FilePool", "FolderPool", "HFPool", "NamedPool", "TablePool", "TorchPool", "byte_equal", "load_batch", "open_pool"]
