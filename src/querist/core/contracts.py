"""The Protocols through which the layers meet. Shapes: n items, k posterior samples, c classes, d features.

Siblings (`project`, `learn`, `acquire`) know each other only through this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from querist.core.records import Answer, Query, RoundJob, RoundResult, Selection
from querist.core.sites import Sites
from querist.core.spec import Spec

Input = Any
"""What a pool loads: an array, a text, or a mapping of named modalities."""

Statistic = NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]
"""An array with one row per item, or the factorised pair (residual (n, c), feature (n, d))."""

STATISTICS: Final[Mapping[str, str]] = {
    "probs": "class probabilities, (n, k, c) float32, k posterior samples (1 if deterministic)",
    "features": "penultimate features, (n, d) float32",
    "gradients": "last-layer gradient embedding of the predicted label, factorised: residual (n, c), feature (n, d)",
    "costs": "what a label of the item costs, (n,) > 0, in any one unit",
    "boundary_distance": "norm of the smallest perturbation found that changes the prediction (DeepFool), (n,), the largest float32 where none was found",
    "iterative_distance": "norm of the perturbation at which the basic iterative method changes the prediction, (n,), as above",
    "word_gradient": "largest expected gradient length of a word's embedding, (n,) ≥ 0",
    "mix_flip": "smallest cap in (0, 1] of a feature mix with a labelled class anchor that changes the prediction (ALFA-Mix), (n,), 0 where none does",
    "loss_estimate": "what a module trained to rank losses expects of the item's loss (learning loss), (n,), only its order means something",
    "view_uncertainty": "mean entropy over hidden layers, each with a classifier of its own, weighed by how well these do (AL-MV), (n,) in [0, 1]",
    "checkpoint_moments": "mean probabilities, mean squares, shares of votes and mean entropy over the checkpoints of a training, (n, 3 c + 1) float64",
    "inconsistency": "variance of the class probabilities over augmentations of the item, summed over classes, (n,) ≥ 0",
    "labelled_look": "how labelled the item looks to a discriminator of labelled from unlabelled items on the codes of a VAE (VAAL), logit (n,)",
    "critic": "how far from the labelled items a Wasserstein critic on the features places the item (WAAL), (n,), only differences mean something",
    "sites": "class probabilities at every site of an item (slot, token, pixel, box), ragged; read chunk by chunk through `fold`",
    "values": "predicted numbers at every site of an item, k posterior samples, ragged; read chunk by chunk through `fold`",
    "codes": "code of the item by an auto-encoder of the whole pool's inputs, (n, d)",
    "recording": "number of the recording (video, document, patient) that the item is part of, (n,)",
    "moment": "time of the item within its recording, (n,), in any one unit",
    "box_views": "of a detector's image under augmentations: how far its least consistent box is from the consistency that is wanted, (n, 1 + c), and then "
    "the largest score of each class, means over the views",
    "class_quality": "how well a detector has learnt each class, in [0, 1], the same for every item, (n, c)",
    "head_samples": "class probabilities under dropout of the features in front of the head, (n, m, c) float32",
}
"""Every statistic that an acquisition may need, by name. Unknown names are refused when a run is assembled."""

Report = Callable[[str, float, Mapping[str, Any]], None]
"""Progress: phase (`train`, `score`, `select`, …), fraction done in [0, 1], JSON-ready extras."""


def no_report(phase: str, fraction: float, extra: Mapping[str, Any]) -> None:
    """The report that says nothing."""


@runtime_checkable
class Pool(Protocol):
    """Items with stable string ids. Append-only; loading is pure."""

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order."""

    def load(self, item_id: str) -> Input:
        """The content of one item.

        Raises:
            UnknownItemError: if there is no such id.
            PoolError: if the item cannot be read (the caller quarantines it).
        """

    def __len__(self) -> int: ...

    def fingerprint(self) -> str:
        """Hex digest of what the pool holds (names, sizes and, for arrays, content)."""

    def extend(self, items: Any) -> Sequence[str]:
        """Append items; returns the new ids."""


@runtime_checkable
class LabelSpace(Protocol):
    """What may be said about an item. Torch-free, versioned, JSON-codable."""

    kind: str
    version: int
    units: ClassVar[tuple[str, ...]]
    """What efforts are counted in."""

    def validate(self, item: str, value: Any) -> Any:
        """The value in its normal form.

        Raises:
            LabelError: naming item, value and what is accepted.
        """

    def encode(self, value: Any) -> str:
        """A valid value as the JSON text that the store keeps (stable class ids, never positions)."""

    def decode(self, text: str, version: int | None = None) -> Any:
        """The inverse of `encode`, mapped from the given schema version to the current one; None if it cannot be mapped."""

    def schema(self) -> Mapping[str, Any]:
        """JSON-ready description; `tasks.label_space(schema)` builds the space again."""

    def effort(self, value: Any) -> Mapping[str, float]:
        """Unit of work (`items`, `boxes`, `tokens`, …) → how many of it a valid value takes."""

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""


@runtime_checkable
class Suiting(Protocol):
    """A label space whose values have to suit the item: as many tags as tokens, boxes within the picture."""

    def suits(self, item: str, value: Any, look: Any) -> None:
        """Look at the item (`core.looks.Look`), in which nothing may be seen, and refuse a valid value that cannot be meant.

        Raises:
            LabelError: naming item, value and what would suit.
        """


@runtime_checkable
class PoolView(Protocol):
    """What an acquisition may see of one round. Read-only; candidates ∩ (labelled ∪ pending) = ∅; ids in canonical order."""

    @property
    def candidates(self) -> Sequence[str]: ...
    @property
    def labelled(self) -> Sequence[str]: ...
    @property
    def pending(self) -> Sequence[str]: ...
    @property
    def classes(self) -> int:
        """Number of classes of the task."""

    @property
    def labels(self) -> Sequence[int]:
        """Class position of each labelled item, in the order of `labelled`; empty where nobody said."""

    @property
    def round(self) -> int:
        """Number of the round that this selection ends, from 1."""

    def stat(self, name: str, of: str = "candidates") -> Any:
        """A statistic of the ids of `of` (`candidates`, `labelled` or `pending`), rows in their order; lazy and cached.

        Raises:
            CapabilityError: if this learner does not provide it.
        """


Fold = Callable[[Sites], NDArray[Any]]
"""What is made of the sites of m items: (m, …), rows in their order."""


@runtime_checkable
class SitesView(PoolView, Protocol):
    """A view of items with sites, which are more than fits in memory: they stream through a function, and only its rows are kept."""

    @property
    def aggregator(self) -> Callable[[NDArray[Any], Sites], NDArray[Any]]:
        """How scores of sites (s,) become scores of items (n,)."""

    def fold(self, name: str, fn: Fold, of: str = "candidates", places: NDArray[Any] | None = None) -> NDArray[Any]:
        """`fn` of the sites of the ids of `of`, chunk by chunk, rows joined (n, …).

        Args:
            name: The statistic, `sites` or `values`.
            fn: Gives one row per item.
            of: `candidates`, `labelled` or `pending`.
            places: Only the ids at these places.

        Raises:
            CapabilityError: if this learner does not provide it.
        """


@runtime_checkable
class Acquisition(Protocol):
    """A frozen dataclass that chooses. It sees statistics, never models."""

    @property
    def needs(self) -> frozenset[str]:
        """Names of the statistics it reads."""

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Exactly min(k, n) distinct candidates, most wanted first.

        Deterministic under `rng`, independent of pool order (ties by canonical id order), respects pending.
        """


@runtime_checkable
class Adaptive(Protocol):
    """An acquisition that chooses differently by what there is to choose with."""

    def given(self, statistics: frozenset[str], *, frozen: bool = False) -> Acquisition:
        """The same for these statistics; `frozen` says that the features stay the same from round to round."""


def folds(acquisition: Any) -> bool:
    """Whether an acquisition reads `probs` only to score them, so that scores of sites serve it as well.

    It says so itself, by `folds = True` or `False`; a wrapper that says nothing is as the method inside it.
    """
    told = getattr(acquisition, "folds", None)
    inner = getattr(acquisition, "inner", None)
    if isinstance(told, bool):  # a method may have a number of folds, too
        return told
    return inner is not None and folds(inner)


def lacking(acquisition: Acquisition, provides: frozenset[str]) -> list[str]:
    """The statistics, in order, that an acquisition needs and a learner does not provide."""
    missing = acquisition.needs - provides
    return sorted(missing - {"probs"} if "sites" in provides and folds(acquisition) else missing)


def adapted(acquisition: Acquisition, statistics: frozenset[str], *, frozen: bool = False) -> Acquisition:
    """The acquisition as it is, or, if it is `Adaptive`, for what there is."""
    return acquisition.given(statistics, frozen=frozen) if isinstance(acquisition, Adaptive) else acquisition


@runtime_checkable
class Oracle(Protocol):
    """Answers only what is asked."""

    def answer(self, query: Query) -> Iterable[Answer]: ...


@runtime_checkable
class Runtime(Protocol):
    """The learner's side of a project, bound lazily: the one slow thing."""

    def train_score_select(self, job: RoundJob, report: Report) -> RoundResult: ...


@runtime_checkable
class Advancing(Protocol):
    """A runtime that can use idle time: it computes what later rounds will need."""

    def advance(self, seconds: float) -> bool:
        """Work for about this long; True while there is more to do."""


GUESSES: Final = "guesses.json"
"""What a runtime may leave in a round's workdir: item → [encoded value, confidence], the model's guesses about the items it ranked."""

RuntimeFactory = Callable[[Spec, Pool | None], Runtime]
"""Project spec and the in-memory pool, if the project was given one, to the runtime that serves it."""
