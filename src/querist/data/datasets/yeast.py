"""Genes of yeast with functional categories: the multi-label set of Mulan, as the package river ships it.

Reference:
    Elisseeff & Weston 2002, "A kernel method for multi-labelled classification".
"""

from __future__ import annotations

import csv
import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from querist.core.errors import PoolError
from querist.data.datasets.registry import Loaded, entry

FILE: Final = "yeast.csv.gz"
LABEL: Final = "Class"


def yeast(root: str | None) -> Loaded:
    """2,417 genes, 103 measures, 14 categories, each a yes or no."""
    path = _file(root)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as handle:
            header, *rows = [row for row in csv.reader(handle) if row]
        table = np.array(rows, dtype=np.float32)
    except (OSError, EOFError, UnicodeDecodeError, ValueError) as error:
        raise PoolError(f"{path} cannot be read: {error}", wanted="a line of names, then rows of numbers", hint=f"{entry('yeast').get}.") from error
    said = np.array([name.startswith(LABEL) for name in header])
    answers = table[:, said] if table.ndim == 2 and table.shape[1] == len(header) else np.empty((0, 0))
    if not len(answers) or not answers.shape[1] or not np.isin(answers, (0, 1)).all():
        raise PoolError(f"{path} is no table of labels", got=f"{int(said.sum())} columns {LABEL}…", wanted=f"columns {LABEL}1, {LABEL}2, … of 0 and 1")
    names = tuple(name for name in header if name.startswith(LABEL))
    values = [dict(zip(names, row, strict=True)) for row in (answers > 0).tolist()]
    return Loaded(np.ascontiguousarray(table[:, ~said]), np.zeros(len(table), dtype=np.int64), names, values)


def _file(root: str | None) -> Path:
    if root is None:  # found, not imported: the package reads far more than this
        found = find_spec("river")
        homes = [] if found is None else [Path(home) / "datasets" for home in found.submodule_search_locations or ()]
    else:
        homes = [Path(root), Path(root) / "river" / "datasets"]
    for home in homes:
        for name in (FILE, FILE.removesuffix(".gz")):
            if (home / name).is_file():
                return home / name
    where = f"in {root}" if root is not None else "installed"
    raise PoolError(f"the data set 'yeast' is not {where}: there is no {FILE}", hint=f"{entry('yeast').get}.")
