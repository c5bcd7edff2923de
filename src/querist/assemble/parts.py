"""From a spec to the working parts: the one place where learner, acquisition and project meet.

A project's `learner` is a mapping: `{"recipe": NAME}` or a learner's own spec (`{"use": …}`), plus the options
`inference`, `refit`, `effort`, `scheme`, `aside`, `network`, `steps`, `pace`, `encoder`, `weights`, `side`; `network` and `scheme` by name or as specs.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from querist.assemble import schemes
from querist.assemble.features import SHARED, alone, fill
from querist.assemble.learners import NO_ENCODER
from querist.core import catalogue
from querist.core.contracts import STATISTICS, Acquisition, Pool, adapted, lacking
from querist.core.errors import CapabilityError, UsageError
from querist.core.spec import Spec, build, digest
from querist.data.batch import load_batch
from querist.learn.encoded import EncodedInputs
from querist.learn.inputs import ArrayInputs, Inputs
from querist.learn.learner import Learner
from querist.learn.multimodal import MultimodalInputs
from querist.learn.runtime import LearnerRuntime
from querist.nets.base import MLP
from querist.nets.cnn import SmallCNN
from querist.nets.encoders import Pixels, encoder
from querist.nets.timm import TimmNetwork
from querist.tasks.heads import kind

DEFAULT_RECIPE = "mlp"
INPUT_OPTIONS = frozenset({"encoder", "weights", "side"})
OPTIONS = INPUT_OPTIONS | {"recipe", "use", "inference", "refit", "network", "steps", "pace", "scheme", "aside", "effort"}
NETWORKS = {"linear": MLP(hidden=()), "mlp": MLP(), "small-cnn": SmallCNN(), "tiny-cnn": SmallCNN((16, 32), hidden=64)}
"""Networks by name, for `--network`; a recipe brings its own."""

PROVIDERS = {"word_gradient": "A network with a table of words provides it: the recipe text-cnn with the encoder tokens."}
"""Who provides a statistic that few do."""


def runtime(spec: Spec, pool: Pool | None = None) -> LearnerRuntime:
    """The runtime of a project that trains here.

    Args:
        spec: The project's spec (keys `pool`, `method`, `learner`, `score_pool`, …) with `folder`, where its artifacts lie.
        pool: The pool, when the caller holds it in memory; else it is built from the spec.

    Raises:
        UsageError: for an unknown method, recipe or option.
        CapabilityError: if the method needs a statistic that the learner does not provide.
    """
    opened: Pool = pool if pool is not None else build(spec["pool"])
    options = dict(spec.get("learner") or {})
    _suits(options, str(spec.get("task", "classification")), spec["method"])
    made = learner(options, spec["method"])
    able = kind(str(spec.get("task", "classification"))).provided(made.provides)
    acquisition = adapted(catalogue.acquisition(spec["method"]), able, frozen=made.frozen)
    check(acquisition, able, str(spec["method"]))
    own, tested = _sources(spec, opened, options, raw=bool(getattr(made.network, "raw", False)))
    return LearnerRuntime(own, tested, made, acquisition, int(spec.get("score_pool", 10_000) or 0))


def _suits(options: Mapping[str, Any], task: str, method: Any) -> None:
    """Refuse a recipe that is made for another kind of task."""
    name = _recipe(options, method)
    if "use" not in options and task not in catalogue.row(name, "recipe")["kinds"]:
        wanted = ", ".join(str(row["name"]) for row in catalogue.rows("recipe") if task in row["kinds"])
        raise UsageError(f"the recipe {name} is not for {task}", got=f"recipe {name}", wanted=wanted)


def _recipe(options: Mapping[str, Any], method: Any) -> str:
    return str(options.get("recipe") or catalogue.recipe_name(method) or DEFAULT_RECIPE)


def learner(options: Mapping[str, Any], method: Any) -> Learner:
    """The learner of these options, with the inference that the method's row asks for unless the options name one."""
    unknown = sorted(set(options) - OPTIONS)
    if unknown and "use" not in options:
        raise UsageError(f"unknown learner option {unknown[0]!r}", wanted=", ".join(sorted(OPTIONS)))
    if "use" in options:
        return _learner(build({key: value for key, value in options.items() if key not in INPUT_OPTIONS}))
    made = _learner(build(catalogue.row(_recipe(options, method), "recipe")["learner"]))
    inference = str(options.get("inference") or catalogue.inference_name(method))
    changes: dict[str, Any] = {"inference": build(catalogue.row(inference, "inference")["inference_spec"])}
    if options.get("network"):
        changes["network"] = network(options["network"], options.get("weights"))
    changes["scheme"] = schemes.chosen(options.get("scheme") or catalogue.scheme_name(method), made.scheme, options)
    if options.get("refit"):
        changes["refit"] = str(catalogue.row(str(options["refit"]), "refit")["name"])
    return dataclasses.replace(made, **changes)


def network(named: str | Mapping[str, Any], weights: str | None = None) -> Any:
    """A network factory by name (`timm:NAME` too, with weights from a local file) or spec.

    Raises:
        UsageError: for an unknown name.
    """
    if isinstance(named, Mapping):
        return build(named)
    if named.startswith("timm:"):
        return TimmNetwork(named.removeprefix("timm:"), weights)
    if named not in NETWORKS:
        raise UsageError(f"unknown network {named!r}", wanted=", ".join((*NETWORKS, "timm:NAME")))
    return NETWORKS[named]


def _sources(spec: Spec, pool: Pool, options: Mapping[str, Any], raw: bool) -> tuple[Inputs, Inputs]:
    """Where the tensors of the pool's and of the test items come from."""
    test_pool: Pool | None = build(spec["test_pool"]) if spec.get("test_pool") else None
    if not spec.get(SHARED) or not options.get("encoder"):
        own = inputs(pool, options, Path(spec.get("folder") or tempfile.mkdtemp(prefix="querist-features-")) / "features", raw=raw)
        return own, own if test_pool is None else own.beside(test_pool)
    folder = Path(spec[SHARED]) / pool.fingerprint()[:16]
    with alone(folder):  # opened in here, so that what another process has just computed is seen
        own = inputs(pool, options, folder, seconds=math.inf)
        tested = own if test_pool is None else own.beside(test_pool)
        fill(own, pool)
        if test_pool is not None:
            fill(tested, test_pool)
    return own, tested


def inputs(pool: Pool, options: Mapping[str, Any], folder: Path, seconds: float = 15.0, raw: bool = False) -> Inputs:
    """How items become tensors under these options.

    Args:
        pool: The items.
        options: `encoder` with `weights`, or `side` for the images' own pixels; arrays need neither. Of items of several modalities `encoder` is a
            mapping from their names to encoders, `none` for arrays.
        folder: Where computed rows are kept.
        seconds: How long a round may compute rows that it could do without.
        raw: The network takes arrays as they are, not standardised: its `raw` says so.
    """
    if isinstance(options.get("encoder"), Mapping):
        own = {str(name): _modality(str(chosen), str(name), folder, seconds, raw) for name, chosen in options["encoder"].items()}
        return MultimodalInputs.of(pool, own)
    if options.get("encoder"):
        chosen = encoder(str(options["encoder"]), options.get("weights"))
        return EncodedInputs(pool, chosen, folder / digest(chosen)[:16], seconds)
    if options.get("side") and not isinstance(load_batch(pool, pool.ids()[:1])[0], np.ndarray):
        pixels = Pixels(int(options["side"]))
        return EncodedInputs(pool, pixels, folder / digest(pixels)[:16], seconds)
    return ArrayInputs(pool, raw)


def _modality(chosen: str, name: str, folder: Path, seconds: float, raw: bool) -> Callable[[Pool], Inputs]:
    """How the inputs of one modality are made."""
    if chosen == NO_ENCODER:
        return lambda pool: ArrayInputs(pool, raw)
    made = encoder(chosen)
    return lambda pool: EncodedInputs(pool, made, folder / name / digest(made)[:16], seconds)


def check(acquisition: Acquisition, provides: frozenset[str], name: str) -> None:
    """Needs ⊆ provides, or an error that names the missing statistic and who provides it.

    Raises:
        UsageError: for a statistic that nobody knows.
        CapabilityError: for one that this learner does not provide for this task.
    """
    unknown = sorted(acquisition.needs - set(STATISTICS))
    if unknown:
        raise UsageError(f"{name} needs a statistic that does not exist: {unknown[0]!r}", wanted=", ".join(STATISTICS))
    missing = lacking(acquisition, provides)
    if missing:
        raise CapabilityError(
            f"{name} needs {missing[0]!r} ({STATISTICS[missing[0]]}), which this learner does not provide",
            got=", ".join(sorted(provides)), wanted=", ".join(sorted(acquisition.needs)),
            hint=PROVIDERS.get(missing[0], "Networks with a trunk and a linear head provide it, for items that have one class each."),
        )  # fmt: skip


def _learner(made: Any) -> Learner:
    if not isinstance(made, Learner):
        raise UsageError("not a learner", got=type(made).__name__, wanted="querist.learn.learner:Learner")
    return made
