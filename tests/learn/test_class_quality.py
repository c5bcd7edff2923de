"""How well each class is learnt: the mean over steps, the measure at places, and that watching changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from querist.core.contracts import no_report
from querist.core.rng import Streams
from querist.learn.programme import Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.class_quality import ClassQuality, WatchedClasses
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.training import carried_out
from querist.nets.base import Network
from querist.nets.detector import SmallDetector
from querist.tasks.classification.measures import Classes
from querist.tasks.detection.assign import owners, qualities
from querist.tasks.detection.learning import DetectionHead
from querist.tasks.detection.output import columns

HEAD = DetectionHead(Classes(("cup", "dog", "key")))


def fitted(scheme: object) -> tuple[Network, Fit]:
    generator = torch.Generator().manual_seed(0)
    x, values = 0.1 * torch.randn(12, 1, 32, 32, generator=generator), {}
    for row in range(12):
        x[row, 0, 8:22, 8:22] += 2.0 if row % 2 else -2.0
        values[str(row)] = [{"box": [8, 8, 22, 22], "label": HEAD.classes.names[row % 2]}]
    made = SmallDetector(channels=(4, 8, 8), width=8).make((1, 32, 32), 3, torch.Generator().manual_seed(1))
    return made, carried_out(scheme, Setting(made, HEAD, TrainingSet(x, HEAD.targets(values)), Streams(0, 1)), no_report)  # type: ignore[arg-type]


def test_what_is_trained_is_what_would_be_trained_anyway() -> None:
    inner = Supervised(Steps(0.0, 80, 80), batch=8, smoothing=0.0)
    (plain, _), (watched, fit) = fitted(inner), fitted(WatchedClasses(inner))
    assert all(torch.equal(value, watched.state_dict()[name]) for name, value in plain.state_dict().items())
    quality = fit.modules["class_quality"].state_dict()["quality"].tolist()
    assert 0.1 < quality[0] < 1 and 0.1 < quality[1] < 1 and quality[2] == 0.0, "the third class was never seen"


def test_quality_is_score_and_overlap_at_the_places_that_learn() -> None:
    made, _ = fitted(Supervised(Steps(0.0, 2, 2), batch=8))
    generator = torch.Generator().manual_seed(2)
    target = HEAD.targets({"a": [{"box": [4, 4, 18, 18], "label": "dog"}], "b": [{"box": [8, 10, 24, 30], "label": "key"}]})
    with torch.no_grad():
        output = made.eval()(torch.randn(2, 1, 32, 32, generator=generator))
    total, count = qualities(output, torch.from_numpy(target), 3, share=0.6)
    owner, _ = owners(output, torch.from_numpy(target), 3)
    assert count.tolist() == [0, int((owner[0] >= 0).sum()), int((owner[1] >= 0).sum())] and float(total[0]) == 0
    said, wanted = columns(output, 3), 0.0
    for place in torch.nonzero(owner[0] >= 0).flatten().tolist():
        x1, y1, x2, y2 = said.boxes[0, place].tolist()
        both = max(min(x2, 18) - max(x1, 4), 0) * max(min(y2, 18) - max(y1, 4), 0)
        overlap = both / ((x2 - x1) * (y2 - y1) + 14 * 14 - both)
        wanted += float(torch.softmax(said.logits[0, place], dim=-1)[1]) ** 0.6 * overlap**0.4
    assert float(total[1]) == pytest.approx(wanted, rel=1e-4)


def test_the_mean_does_not_remember_where_it_started() -> None:
    watch, rng = ClassQuality(2, 0.9), np.random.default_rng(0)
    values = rng.random(200)
    for value in values:
        watch(torch.tensor([3 * value, 0.0]), torch.tensor([3.0, 0.0]))
    wanted = 0.0
    for number, value in enumerate(values, start=1):
        kept = min(0.9, 1 - 1 / number)
        wanted = kept * wanted + (1 - kept) * value
    assert watch.quality.tolist() == [pytest.approx(wanted, abs=1e-5), 0.0] and watch.seen.tolist() == [200.0, 0.0]
