"""The two sources of a method's gain told apart: what its training gives, and what its query gives.

Four arms with the same seeds: plain training with random queries (the baseline), plain training with the method's query, the method's
training with random queries, and both. Plain training runs a fifth time with as many optimiser steps as the method's training takes,
where these differ; the gain of the training is against the better of the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from querist.bench.results import Gain, MethodResult
from querist.bench.spec import BASELINE, LEARNER, StudySpec
from querist.bench.statistics import judged, paired_t
from querist.core import catalogue
from querist.core.errors import CapabilityError, UsageError

QUERY = "margin"
"""What a scheme without a query of its own is ablated with."""

Arms = Mapping[str, str]
"""Arm (`plain`, `training`, `both`, `paced`) → method of the study."""


def trains(name: str) -> str | None:
    """The scheme of a method: that of its row, or itself if it is one; None for a strategy that trains nothing.

    Raises:
        UsageError: for an unknown name.
    """
    if any(row["name"] == name for row in catalogue.rows("scheme")):
        return name
    return catalogue.scheme_name(name)


def names(name: str) -> Arms:
    """What the arms of a method or scheme are called in a study."""
    scheme = trains(name)
    both = name if scheme != name else f"{QUERY}+{name}"
    return {"plain": f"{name}+plain" if both == name else QUERY, "training": f"{BASELINE}+{scheme}", "both": both, "paced": f"{BASELINE}+{scheme}-steps"}


def arms(name: str, options: Mapping[str, Any], labels: int) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Methods and strategies of a study that tells the gains of a method apart.

    Args:
        name: A strategy whose row says what it `trains`, or a scheme.
        options: Options of the learner of the study.
        labels: Number of labels at which steps are counted.

    Returns:
        Catalogue names to run, and name → spec of the arms that are none.
    """
    scheme, called = trains(name), names(name)
    own: dict[str, dict[str, Any]] = {called["training"]: {"use": BASELINE, LEARNER: {"scheme": scheme}}}
    listed = [called["both"]] if called["both"] == name else [QUERY]
    if called["both"] != name:
        own[called["both"]] = {"use": QUERY, LEARNER: {"scheme": scheme}}
    elif (plain := _plain(name, options)) is not None:
        own[called["plain"]] = {"use": name, LEARNER: plain}
    pace = _pace(str(scheme), options, labels)
    if pace != 1.0:
        own[called["paced"]] = {"use": BASELINE, LEARNER: {"pace": pace}}
    return listed, own


def gains(spec: StudySpec, methods: Mapping[str, MethodResult]) -> dict[str, list[Gain]]:
    """Ablated method → its gains by source, as far as their arms have shared seeds."""
    return {name: _gains(names(name), methods, spec.margin) for name in spec.ablated}


def _gains(called: Arms, methods: Mapping[str, MethodResult], margin: float) -> list[Gain]:
    there = {arm for arm, method in called.items() if method in methods and methods[method].seeds}
    plain = BASELINE
    if "paced" in there and fmean(methods[called["paced"]].aubc) > fmean(methods[BASELINE].aubc[: len(methods[called["paced"]].aubc)]):
        plain = called["paced"]
    pairs = [
        ("training", called["training"], plain, "training"),
        ("query, after its training", called["both"], called["training"], "both"),
        ("query, after plain training", called["plain"], BASELINE, "plain"),
        ("both", called["both"], plain, "both"),
    ]
    kept = [(source, ours, theirs) for source, ours, theirs, arm in pairs if arm in there and (theirs in (BASELINE, plain) or "training" in there)]
    areas = {name: dict(zip(found.seeds, found.aubc, strict=True)) for name, found in methods.items()}
    tests = [paired_t(areas[ours], areas[theirs]) for _, ours, theirs in kept]
    return [
        Gain(source=source, method=ours, baseline=theirs, difference=test.difference, low=test.low, high=test.high, n=test.n, p=p, verdict=word)
        for (source, ours, theirs), test, (p, word) in zip(kept, tests, judged(tests, margin), strict=True)
    ]


def _plain(name: str, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Learner options under which the method's query runs and the network trains as plainly as random's; None if there are none."""
    from querist.assemble.parts import check, learner

    try:
        made = learner({**options, "scheme": "supervised"}, name)
        check(catalogue.acquisition(name), made.provides | {"sites"}, name)
        return {"scheme": "supervised"}
    except CapabilityError:
        pass
    try:
        learner({**options, "aside": True}, name)
    except UsageError:
        return None
    return {"aside": True}


def _pace(scheme: str, options: Mapping[str, Any], labels: int) -> float:
    """Optimiser steps of a scheme over those of plain training, both moving the network that answers."""
    import numpy as np
    import torch

    from querist.assemble.parts import learner
    from querist.core.rng import Streams
    from querist.learn.device import generator
    from querist.learn.programme import Setting, written
    from querist.learn.schemes.base import TrainingSet
    from querist.nets.base import MLP
    from querist.tasks import new_space
    from querist.tasks.classification.learning import ClassificationHead

    task = ClassificationHead.of(new_space("classification", ("a", "b")).schema())
    nothing = TrainingSet(torch.zeros((labels, 1, 8, 8)), np.arange(labels) % 2)
    counts = []
    for wishes in ({**options, "scheme": scheme}, {key: value for key, value in options.items() if key != "scheme"}):
        made: Any = learner(wishes, BASELINE)
        setting = Setting(MLP((8,)).make((1, 8, 8), 2, generator(0)), task, nothing, Streams(0, 1))
        counts.append(written(made.scheme, setting).steps if hasattr(made.scheme, "programme") else 0)
    return counts[0] / counts[1] if all(counts) else 1.0
