"""Learning from another data set first: what comes of it, what it may read, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from learn_short import SHORT

from querist.core.contracts import no_report
from querist.core.errors import PoolError, QueristError
from querist.core.records import RoundJob
from querist.core.rng import Streams
from querist.core.spec import build, spec
from querist.data.arrays import ArrayPool
from querist.data.datasets.named import named
from querist.learn.device import generator, scoring
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.programme import Programme, Setting
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.domain_adversarial import DomainAdversarial, Drawn, grown, reversed_gradient
from querist.learn.schemes.pretrained import Pretrained
from querist.learn.source import Source
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.learn.watched import Reads
from querist.nets.base import MLP
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
POOL = clouds(60)
FAR = np.float32(4.0)
"""How far the source lies from the pool, in a direction that says nothing of the class."""


def shifted(n: int = 90) -> np.ndarray:
    """Points of the same three clouds (n, 5), whose fifth coordinate is `FAR`; the pool's is noise around 0."""
    far = FAR + np.random.default_rng(7).normal(size=(n, 1)).astype(np.float32)
    return np.concatenate([clouds(300)[60 : 60 + n], far], axis=1)


def pool() -> np.ndarray:
    return np.concatenate([POOL, np.random.default_rng(8).normal(size=(60, 1)).astype(np.float32)], axis=1)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return told(tmp_path / "elsewhere", shifted(), [label(str(item)) for item in range(90)])


def told(folder: Path, x: np.ndarray, labels: list[str]) -> Source:
    folder.mkdir()
    np.save(folder / "x.npy", x)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "label"), *zip(ArrayPool(x).ids(), labels, strict=True)])
    return Source(str(folder / "x.npy"), str(folder / "labels.csv"))


def fitted(by: Any, folder: Path, number: int = 1, previous: Path | None = None, labels: int = 9, liar: bool = False, wrap: Any = None) -> Fitted:
    folder.mkdir(parents=True, exist_ok=True)
    inputs = ArrayInputs(ArrayPool(pool()))
    given = {item: label(str(int(item) + liar)) for item in ids(0, labels)}
    seen = inputs if wrap is None else wrap(inputs)
    made = Learner(MLP((16,)), Pretrained(SHORT, by)).fit(
        seen, TASK, given, Streams(0, number), None if previous is None else str(previous), no_report, ids(labels, 60), folder
    )
    made.save(folder)
    return made


def after_source(by: DomainAdversarial) -> Any:
    """The network when the stage is done, before any label of the pool has been read."""
    inputs = ArrayInputs(ArrayPool(pool()))
    network = MLP((16,)).make(inputs.shape, 3, generator(0))
    data = TrainingSet(inputs.batch(ids(0, 3)), np.arange(3), tuple(ids(0, 3)), Unlabelled(ids(3, 60), inputs.batch), beside=inputs.beside)
    setting = Setting(network, TASK, data, Streams(0, 1))
    stage, modules = by.stage(setting, 16)
    Training(Programme((stage,), modules=modules), setting, no_report).run()
    return network, inputs


def test_the_answers_of_the_source_are_known_before_any_label(source: Source) -> None:
    network, inputs = after_source(DomainAdversarial(source, steps=200))
    with scoring(network):
        said = network(inputs.batch(ids(0, 60))).argmax(dim=1)
    assert (said.numpy() == np.arange(60) % 3).mean() > 0.9


def test_the_reversed_gradient_hides_where_features_come_from(source: Source) -> None:
    """Distance of the mean features of source and pool, over the spread of all."""

    def gap(weight: float) -> float:
        network, inputs = after_source(DomainAdversarial(source, steps=400, weight=weight))
        with scoring(network):
            there = network.trunk(inputs.beside(ArrayPool(shifted())).batch(ids(0, 90)))
            here = network.trunk(inputs.batch(ids(0, 60)))
        return float((there.mean(dim=0) - here.mean(dim=0)).norm() / torch.cat([there, here]).std(dim=0).norm())

    plain, hidden = gap(0.0), gap(1.0)
    assert plain > 0.3 and hidden < plain / 2, f"{plain:.3f} without and {hidden:.3f} with the reversed gradient"


def test_a_reversed_gradient_is_the_features_and_their_gradient_reversed() -> None:
    features = torch.randn(5, 3, generator=generator(1), requires_grad=True)
    out = reversed_gradient(features, 0.3)
    assert torch.equal(out, features)
    (out * torch.arange(15.0).reshape(5, 3)).sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None and torch.allclose(features.grad, -0.3 * torch.arange(15.0).reshape(5, 3))
    assert grown(0.0) == 0.0 and grown(0.5) == pytest.approx(np.tanh(2.5)) and 0.999 < grown(1.0) < 1.0


def test_later_rounds_start_from_what_the_first_learnt(source: Source, tmp_path: Path) -> None:
    """Head and trunk; and the source is not read again: it may be gone."""
    by = DomainAdversarial(source, steps=12, batch=8)
    first = fitted(by, tmp_path / "1")
    Path(source.at).unlink()
    second = fitted(by, tmp_path / "2", 2, tmp_path / "1", labels=12)
    assert first.fits[0].memory.keys() == second.fits[0].memory.keys()
    assert all(torch.equal(first.fits[0].memory[name], second.fits[0].memory[name]) for name in first.fits[0].memory)
    assert any("head" in name for name in first.fits[0].memory) and [first.fits[0].steps, second.fits[0].steps] == [32, 20]
    assert not first.fits[0].modules, "the classifier of domains is thrown away"


def test_labels_of_the_pool_do_not_reach_it(source: Source, tmp_path: Path) -> None:
    by = DomainAdversarial(source, steps=12, batch=8)
    honest, lied = (fitted(by, tmp_path / name, liar=liar).fits[0].memory for name, liar in (("a", False), ("b", True)))
    assert honest and all(torch.equal(honest[name], lied[name]) for name in honest)


def test_reading_the_source_is_no_reading_of_test_items(source: Source, tmp_path: Path) -> None:
    reads = Reads(frozenset(f"{row}" for row in range(60, 90)))
    fitted(DomainAdversarial(source, steps=12, batch=32), tmp_path / "2", wrap=reads.of)
    assert reads.most == 0, "items of the source have the ids 60 to 89 too, and are other items"


def test_a_diverged_source_is_tried_again_with_the_same_batches(source: Source) -> None:
    inputs = ArrayInputs(ArrayPool(pool()))
    data = TrainingSet(inputs.batch(ids(0, 3)), np.arange(3), tuple(ids(0, 3)), beside=inputs.beside)
    drawn = Drawn(source, Setting(MLP((4,)).make((5,), 3, generator(0)), TASK, data, Streams(0, 1)), 16)
    first, later, again = drawn(0), drawn(7), drawn(0)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1]) and not torch.equal(first[0], later[0])
    resumed = Drawn(source, Setting(MLP((4,)).make((5,), 3, generator(0)), TASK, data, Streams(0, 1)), 16)(7)
    assert torch.equal(resumed[0], later[0])


def test_it_is_refused_what_does_not_suit(source: Source, tmp_path: Path) -> None:
    def refused(one: Source, words: str) -> None:
        with pytest.raises(QueristError, match=words):
            fitted(DomainAdversarial(one, steps=4, batch=8), tmp_path / words.replace(" ", "-"))

    refused(Source(""), "no data set")
    refused(told(tmp_path / "narrow", shifted()[:, :3], [label(str(item)) for item in range(90)]), "another shape")
    refused(told(tmp_path / "strange", shifted(), ["zebra"] * 90), "labels of another kind")
    refused(told(tmp_path / "own", pool(), [label(item) for item in ids(0, 60)]), "is the pool itself")
    (tmp_path / "other.csv").write_text("id,label\nnobody,a\n", encoding="utf-8")
    refused(Source(source.at, str(tmp_path / "other.csv")), "has no label of an item")


def test_pictures_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image")
    for number in range(12):
        folder = tmp_path / CLASSES[number % 3]
        folder.mkdir(exist_ok=True)
        images.fromarray(np.full((8, 8), 20 * number, dtype=np.uint8)).save(folder / f"{number}.png")
    (tmp_path / "b" / "4.png").write_bytes(b"no picture")
    inputs = ArrayInputs(ArrayPool(np.random.default_rng(0).integers(0, 255, size=(9, 8, 8)).astype(np.uint8)))
    data = TrainingSet(inputs.batch(ids(0, 3)), np.arange(3), tuple(ids(0, 3)), beside=inputs.beside)
    opened = Source(str(tmp_path)).open(Setting(MLP((4,)).make(inputs.shape, 3, generator(0)), TASK, data, Streams(0, 1)))
    x, y = opened.batch(np.arange(12))
    assert len(opened) == 12 and len(x) == len(y) == 11
    broken = next(row for row, item in enumerate(opened.ids) if item.endswith("b/4.png"))
    assert torch.equal(y, torch.from_numpy(np.delete(opened.y, broken)))
    with pytest.raises(PoolError, match="cannot be read"):
        opened.batch(np.array([broken]))


def test_a_named_set_keeps_its_development_split() -> None:
    """And its specification says all of it."""
    task = ClassificationHead.of(named("digits").space.schema())
    inputs = ArrayInputs(named("digits+noise10").pool)
    data = TrainingSet(torch.zeros(2, 1, 8, 8), np.arange(2), beside=inputs.beside)
    opened = Source("digits").open(Setting(MLP((4,)).make((1, 8, 8), 10, generator(0)), task, data, Streams(0, 1)))
    assert len(opened) == len(named("digits").candidates)
    by = DomainAdversarial(Source("digits"), steps=3)
    assert build(spec(Pretrained(by=by))) == Pretrained(by=by)


def test_no_job_has_a_place_for_a_source() -> None:
    """The source is part of the method's configuration, so that it is hashed with it and counted as no label of the pool."""
    assert not {"source", "sources"} & set(RoundJob.__dataclass_fields__)
