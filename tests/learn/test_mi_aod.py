"""MI-AOD: its losses on numbers, and which weights each of its stages moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.learn.programme import Setting
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.mi_aod import CLASSIFIERS, MIAOD, OTHERS
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.training import carried_out
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import Network
from querist.nets.detector import SmallDetector
from querist.tasks.classification.measures import Classes
from querist.tasks.detection import two_heads
from querist.tasks.detection.assign import losses
from querist.tasks.detection.learning import DetectionHead
from querist.tasks.detection.output import columns

HEAD = DetectionHead(Classes(("cup", "dog")))
C = 2


def network(two: bool = True) -> Network:
    return SmallDetector(channels=(4, 8, 8), width=8, two=two).make((1, 32, 32), C, torch.Generator().manual_seed(0))


def items(n: int, seed: int = 0) -> tuple[Tensor, np.ndarray]:
    """Images with a bright or a dark square."""
    generator = torch.Generator().manual_seed(seed)
    x, values = 0.1 * torch.randn(n, 1, 32, 32, generator=generator), {}
    for row in range(n):
        left, top = (int(place) for place in torch.randint(0, 16, (2,), generator=generator))
        x[row, 0, top : top + 14, left : left + 14] += 2.0 if row % 2 else -2.0
        values[str(row)] = [{"box": [left, top, left + 14, top + 14], "label": HEAD.classes.names[row % 2]}]
    return x, HEAD.targets(values)


def logits_of(probs: list[list[float]]) -> Tensor:
    """Logits (1, a, c + 1) of class probabilities; background has the rest."""
    p = torch.tensor([probs])
    return torch.cat([p, 1 - p.sum(dim=-1, keepdim=True)], dim=-1).clamp(min=1e-9).log()


def output_of(first: list[list[float]], second: list[list[float]], bags: list[list[float]]) -> Tensor:
    fixed = torch.zeros(1, len(first), 9)
    return torch.cat([logits_of(first), fixed, logits_of(second), torch.tensor([bags])], dim=-1)


def test_the_losses_are_those_of_the_paper_on_numbers() -> None:
    output = output_of([[0.7, 0.1], [0.5, 0.3]], [[0.5, 0.1], [0.5, 0.1]], [[0.0, 0.0], [1.0986123, 0.0]])
    p, q = two_heads.both(output, C)
    assert torch.allclose(p[0], torch.tensor([[0.7, 0.1], [0.5, 0.3]]), atol=1e-5) and torch.allclose(q[0], torch.tensor([[0.5, 0.1], [0.5, 0.1]]), atol=1e-5)
    over = torch.softmax(torch.tensor([0.6, 0.5]), dim=0)
    shares = torch.tensor([[0.5, 0.5], [0.75, 0.25]]) * over[:, None]
    assert torch.allclose(two_heads.shares(output, C)[0], shares, atol=1e-5)
    gap = torch.tensor([[0.2, 0.0], [0.0, 0.2]])
    assert torch.allclose(two_heads.discrepancy_losses(output, C), (shares * gap).sum()[None], atol=1e-5)
    assert torch.allclose(two_heads.discrepancy_losses(output, C, apart=True), (shares * (1 - gap)).sum()[None], atol=1e-5)
    told = shares.sum(dim=0)
    wanted = torch.nn.functional.binary_cross_entropy(told, torch.tensor([1.0, 0.0]))
    assert torch.allclose(two_heads.bag_losses(output, torch.tensor([[1.0, 0.0]]), C), wanted[None], atol=1e-5)
    assert two_heads.bag_losses(output, torch.full((1, 2), torch.nan), C).tolist() == [0.0]
    assert two_heads.shown_to(output, C).tolist() == [[1.0, 0.0]]
    assert torch.isnan(two_heads.shown_to(output_of([[0.2, 0.2]], [[0.4, 0.1]], [[0.0, 0.0]]), C)).all()
    target = torch.full((2, 3, 5), torch.nan)
    target[0, 0] = torch.tensor([0.0, 0, 9, 9, 1])
    assert two_heads.shown_by(target, C).tolist() == [[0.0, 1.0], [0.0, 0.0]]
    same = output_of([[0.7, 0.1]], [[0.7, 0.1]], [[0.3, 0.0]])
    assert float(two_heads.discrepancy_losses(same, C)) == pytest.approx(0.0, abs=1e-6)


def test_labels_teach_both_classifiers() -> None:
    made, (x, y) = network().eval(), items(4)
    output, target = made(x), torch.from_numpy(y)
    assert columns(output, C).further.shape[-1] == two_heads.width(C)
    second = two_heads.swapped(output, C)
    assert torch.allclose(two_heads.detection_losses(output, target, C), (losses(output, target, C) + losses(second, target, C)) / 2)
    assert not torch.allclose(losses(output, target, C), losses(second, target, C))


def trained(scheme: MIAOD, unlabelled: bool = True) -> Network:
    made, (x, y), (pool, _) = network(), items(12), items(20, seed=1)
    ids = [str(row) for row in range(20)]
    source = Unlabelled(ids, lambda asked: pool[[int(item) for item in asked]], list) if unlabelled else None
    fit = carried_out(scheme, Setting(made, HEAD, TrainingSet(x, y, tuple(map(str, range(12))), source), Streams(0, 1)), no_report)
    assert np.isfinite(fit.loss)
    return made


def test_the_stages_are_cut_in_the_papers_proportions() -> None:
    scheme = MIAOD(Supervised(Steps(0.0, 130, 130), batch=8))
    x, y = items(12)
    programme = scheme.programme(Setting(network(), HEAD, TrainingSet(x, y), Streams(0, 1)))
    assert [(stage.name, stage.steps) for stage in programme.stages] == [
        ("train", 30), ("alike 1", 10), ("apart 1", 10), ("labels 1", 30), ("alike 2", 10), ("apart 2", 10), ("labels 2", 30),
    ]  # fmt: skip
    assert programme.steps == 130


Stages = list[tuple[str, dict[str, Tensor], dict[str, Tensor]]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Stages:
    """Every stage that is carried out, with the weights before and after it."""
    from querist.learn import training

    found: Stages = []
    run = training.StageRun.run

    def watched(self: training.StageRun, saved: dict[str, Tensor]) -> None:
        weights = self._training.setting.network.state_dict()
        before = {name: value.clone() for name, value in weights.items()}
        run(self, saved)
        found.append((self._stage.name, before, {name: value.clone() for name, value in weights.items()}))

    monkeypatch.setattr(training.StageRun, "run", watched)
    return found


def test_each_stage_moves_only_its_own(seen: Stages) -> None:
    """Alike moves all but the classifiers, apart nothing but them."""
    trained(MIAOD(Supervised(Steps(0.0, 13, 13), batch=8)))
    assert [name for name, _, _ in seen] == ["train", "alike 1", "apart 1", "labels 1", "alike 2", "apart 2", "labels 2"]
    classifiers, others = (tuple(part.removeprefix("network.") + "." for part in parts) for parts in (CLASSIFIERS, OTHERS))
    for name, before, after in seen:
        moved = {key for key in before if not torch.equal(before[key], after[key])}
        if name.startswith("alike"):
            assert moved and not any(key.startswith(classifiers) for key in moved)
            assert any(key.startswith("trunk.") for key in moved)
        elif name.startswith("apart"):
            assert moved and all(key.startswith(classifiers) for key in moved) and not any(key.startswith(others) for key in moved)
        else:
            assert any(key.startswith(classifiers) for key in moved) and any(key.startswith(others) for key in moved)


def test_the_stage_apart_drives_the_classifiers_apart_where_there_are_no_labels(seen: Stages) -> None:
    pool, _ = items(20, seed=1)
    trained(MIAOD(Supervised(Steps(0.0, 60, 60), batch=8), weight=50.0, loops=1, epochs=(2, 3)))
    made, gaps = network().eval(), {}
    for name, before, after in seen:
        for place, state in (("before", before), ("after", after)):
            made.load_state_dict(state)
            with torch.no_grad():
                gaps[name, place] = float(two_heads.discrepancy_losses(made(pool), C).mean())
    assert gaps["apart 1", "after"] > 1.3 * gaps["apart 1", "before"]


def test_a_network_with_one_classifier_is_refused() -> None:
    x, y = items(4)
    with pytest.raises(UsageError, match="two classifiers"):
        MIAOD().programme(Setting(network(two=False), HEAD, TrainingSet(x, y), Streams(0, 1)))
