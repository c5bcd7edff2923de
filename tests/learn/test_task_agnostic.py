"""Training that knows nothing of classes trains classification, several answers per item and regression alike."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import clouds

from querist.core.contracts import no_report
from querist.core.rng import Streams, torch_seed
from querist.learn.before import LABELLED, Before, save, weights_file
from querist.learn.device import generator
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.refits import REFITS
from querist.learn.schemes.base import Fit, Scheme, TrainingSet
from querist.learn.schemes.confident_labels import ConfidentLabels
from querist.learn.schemes.fixmatch import FixMatch
from querist.learn.schemes.learning_loss import LearningLoss
from querist.learn.schemes.mean_teacher import MeanTeacher
from querist.learn.schemes.pseudo_label import PseudoLabel
from querist.learn.schemes.self_paced import SelfPaced
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.schemes.ta_vaal import TAVAAL
from querist.learn.schemes.vaal import VAAL
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP, Network
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.tasks.multi_output.learning import MultiOutputHead
from querist.tasks.regression.learning import RegressionHead

SHORT = Supervised(steps=Steps(0.0, 60, 60), batch=16, rate=0.02, weighted=True, validation=0.2)
LABELS = 24


@dataclasses.dataclass(frozen=True)
class Consistent:
    """The answer that the network is sure of on an unlabelled input is the target of the same input under noise."""

    inner: Programmed = Supervised()
    threshold: float = 0.8

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Any) -> Fit:
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        def consistent(step: Step) -> torch.Tensor:
            target, sure = step.task.pseudo(step.asked(step.unlabelled).logits)
            shaken = step.outputs(step.view("shaken")).logits
            return step.task.loss(shaken, target) * (sure >= self.threshold) + 0.1 * step.task.discrepancy(shaken, shaken.detach())

        made = self.inner.programme(setting).joined(Term("consistent", consistent, unlabelled=True))
        views = {"shaken": lambda x, noise: x + 0.1 * torch.randn(x.shape, generator=noise)}
        return made.with_stage(dataclasses.replace(made.stage(), unlabelled=8, views=views))


SCHEMES: dict[str, Scheme] = {
    "supervised": SHORT,
    "learning_loss": LearningLoss(SHORT),
    "consistency": Consistent(SHORT),
    "fixmatch": FixMatch(SHORT, batch=8, longer=1.0),
    "mean_teacher": MeanTeacher(SHORT, batch=8, longer=1.0),
    "pseudo_label": PseudoLabel(SHORT, batch=8, longer=1.0),
    "ta_vaal": TAVAAL(VAAL(SHORT, steps=Steps(0.0, 20, 20), batch=8)),
}

LATER: dict[str, Scheme] = {"supervised": SHORT, "confident_labels": ConfidentLabels(SHORT, delta=0.5), "self_paced": SelfPaced(SHORT, start=0.5)}


def task_of(kind: str) -> tuple[TaskHead, Any]:
    """A head, and the values of items 0 to 59: which of three clouds, in three ways of saying it."""
    cloud = np.arange(60) % 3
    if kind == "classification":
        return ClassificationHead.of(new_space("classification", ("a", "b", "c")).schema()), ["abc"[place] for place in cloud]
    if kind == "regression":
        return RegressionHead(("size", "age"), (0.0, 0.0), (2.0, 100.0)), [{"size": float(place), "age": 50.0 * (place == 1) + 20.0} for place in cloud]
    partly = [{"first": bool(place == 0), "odd": bool(place == 1), **({} if item % 4 else {"even": bool(place != 1)})} for item, place in enumerate(cloud)]
    return MultiOutputHead(("first", "odd", "even")), partly


def better(task: TaskHead, metrics: dict[str, float]) -> float:
    return metrics[{ClassificationHead: "accuracy", RegressionHead: "mae", MultiOutputHead: "micro_f1"}[type(task)]]  # type: ignore[index]


def network_of(task: TaskHead, seed: int = 0) -> Network:
    return MLP(hidden=(16,), dropout=0.1).make((4,), task.outputs, generator(torch_seed(Streams(seed, 1)("model_init"))))


def fitted(scheme: Scheme, kind: str, refit: str = "scratch", before: Before | None = None) -> tuple[Network, Fit, float]:
    task, values = task_of(kind)
    x = torch.from_numpy(clouds(60))
    pool = Unlabelled([str(item) for item in range(LABELS, 45)], lambda ids: x[[int(item) for item in ids]])
    y = task.targets({str(item): values[item] for item in range(LABELS)})
    network = network_of(task)
    if before is not None:
        REFITS[refit].start(network, before)
    data = TrainingSet(x[:LABELS], y, tuple(str(item) for item in range(LABELS)), pool, before)
    fit = REFITS[refit].around(scheme).fit(network, task, data, Streams(0, 1 if before is None else 2), no_report)
    with torch.no_grad():
        said = task.sites(network(x[45:])[:, None], x[45:], None)
    return network, fit, better(task, task.metrics([said], task.targets({str(item): values[item] for item in range(45, 60)})))


@pytest.mark.parametrize("kind", ["classification", "regression", "multi_output"])
@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_without_classes_trains_every_kind(name: str, kind: str) -> None:
    network, fit, measure = fitted(SCHEMES[name], kind)
    assert np.isfinite(fit.loss) and all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())
    assert measure < 15.0 if kind == "regression" else measure > 0.8
    again, second, _ = fitted(SCHEMES[name], kind)
    assert fit == second and all(torch.equal(tensor, again.state_dict()[key]) for key, tensor in network.state_dict().items())


@pytest.mark.parametrize("kind", ["classification", "regression", "multi_output"])
@pytest.mark.parametrize(
    ("name", "refit"),
    [
        ("supervised", "warm"), ("supervised", "shrink_perturb"), ("supervised", "replay"), ("supervised", "distil_replay"),
        ("confident_labels", "scratch"), ("self_paced", "scratch"),
    ],
)  # fmt: skip
def test_what_builds_on_the_round_before_serves_every_kind(tmp_path: Path, name: str, refit: str, kind: str) -> None:
    task, _ = task_of(kind)
    first, _, _ = fitted(SHORT, kind)
    save(weights_file(tmp_path, 0), dict(first.state_dict()))
    (tmp_path / LABELLED).write_text(json.dumps([str(item) for item in range(15)]), encoding="utf-8")
    before = Before(tmp_path, 0, lambda: network_of(task))
    _, fit, measure = fitted(LATER[name], kind, refit, before)
    assert measure < 15.0 if kind == "regression" else measure > 0.8
    assert fit.notes.get("pseudo_labels", 0.0) > 0 if name != "supervised" else not fit.notes
