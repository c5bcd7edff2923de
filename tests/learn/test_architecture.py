"""Networks that grow with the labels: the candidate table, what the search may see, what is kept and restored."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, ids, label

from querist.core.contracts import no_report
from querist.core.errors import UsageError
from querist.core.records import RoundJob
from querist.core.rng import Streams
from querist.core.spec import build, spec
from querist.data.arrays import ArrayPool
from querist.learn.architecture import ARCHITECTURE, kept
from querist.learn.device import generator
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inference.ensemble import Ensemble
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.nets.base import Network
from querist.nets.residual import Growing, Residual
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead
from querist.testing.scheme_contract import MARGIN, images

TASK = ClassificationHead.of(new_space("classification", CLASSES).schema())
INPUTS = ArrayInputs(ArrayPool(images(60)))
GROWING = Growing(start=Residual(width=4, dropout=0.3))
SHORT = Supervised(Steps(0.0, 10, 10), rate=0.02)
PAPER = Growing(most_blocks=12, most_stacks=5)


def table(factory: Growing, blocks: int, stacks: int) -> list[tuple[int, int]]:
    return [(one.blocks, one.stacks) for one in factory.candidates(Residual(blocks, stacks))]


def test_the_candidate_table() -> None:
    assert table(PAPER, 1, 1) == [(1, 1), (2, 1), (1, 2)]
    assert table(PAPER, 1, 2) == [(1, 2), (2, 2), (1, 3)]
    assert table(PAPER, 2, 2) == [(2, 2), (3, 2), (2, 3)]
    assert table(PAPER, 2, 3) == [(2, 3), (3, 3), (2, 4)]


def test_limits_are_respected_and_capacity_never_decreases() -> None:
    for blocks in range(1, 13):
        for stacks in range(1, 6):
            found = table(PAPER, blocks, stacks)
            assert all(i <= 12 and j <= 5 for i, j in found[1:2]) and found[0] == (blocks, stacks)
            assert all(i * j > blocks * stacks for i, j in found[1:])
            assert len(found) == 1 + (blocks < 12) + (stacks < 5)
    assert table(GROWING, 4, 3) == [(4, 3)], "fully grown"


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 8, 8), (1, 28, 28), (3, 32, 32)])
def test_networks_of_images(shape: tuple[int, ...]) -> None:
    network = Residual(2, 3, width=4).make(shape, 5, generator(0)).eval()
    with torch.no_grad():
        assert network(torch.zeros((2, *shape))).shape == (2, 5)
        assert network.trunk(torch.zeros((2, *shape))).shape == (2, 16), "the width doubles with every stack"
    again = Residual(2, 3, width=4).make(shape, 5, generator(0))
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in network.state_dict().items()), "a function of its stream"


def test_vectors_are_refused() -> None:
    with pytest.raises(UsageError, match="images"):
        Residual().make((5,), 3, generator(0))
    with pytest.raises(UsageError, match="images"):
        Residual(0).make((1, 6, 6), 3, generator(0))


@dataclasses.dataclass(frozen=True)
class Liking:
    """A scheme after which networks of one size are always right: what it was shown is remembered."""

    blocks: int
    stacks: int

    def fit(self, network: Network, task: Any, data: TrainingSet, streams: Any, report: Any) -> Fit:
        SEEN.append((shape_of(network), data.ids))
        network.eval()
        wrong = 0.0 if shape_of(network) == (self.blocks, self.stacks) else 1.0
        for parameter in network.parameters():
            parameter.data.zero_()
        network.last.bias.data[int(wrong)] = 1.0
        return Fit(7, 0.0)


SEEN: list[tuple[tuple[int, int], tuple[str, ...]]] = []


def shape_of(network: Network) -> tuple[int, int]:
    from querist.nets.residual import Block

    widths = [
        block.out_channels for layer in network.trunk.children() if isinstance(layer, Block) for block in layer.second if isinstance(block, torch.nn.Conv2d)
    ]
    return widths.count(widths[0]), len(set(widths))


def fit(
    scheme: Any, folder: Path | None, previous: Path | None = None, labelled: Mapping[str, str] | None = None, inference: Any = None, network: Any = GROWING
) -> Fitted:
    labelled = labelled or {item: label(item) for item in ids(0, 30)}
    return Learner(network, scheme, inference or Deterministic()).fit(
        INPUTS, TASK, labelled, Streams(0, 1), None if previous is None else str(previous), no_report, ids(30, 60), folder
    )


def grown(folder: Path) -> tuple[int, int]:
    found = kept(folder)
    return found.blocks, found.stacks


def test_rounds_grow_by_one_step_from_what_the_round_before_found(tmp_path: Path) -> None:
    all_a = dict.fromkeys(ids(0, 30), "a")
    previous, sizes = None, []
    for round_, liked in enumerate([(2, 1), (2, 2), (1, 1), (2, 3)]):
        folder = tmp_path / str(round_)
        folder.mkdir()
        fitted = fit(Liking(*liked), folder, previous, all_a)
        assert shape_of(fitted.networks[0]) == grown(folder)
        sizes.append(grown(folder))
        previous = folder
    assert sizes == [(2, 1), (2, 2), (2, 2), (2, 3)], "what is smaller is no candidate"


def test_the_search_sees_labelled_items_alone_and_the_winner_all_of_them() -> None:
    SEEN.clear()
    fit(Liking(1, 2), None, labelled=dict.fromkeys(ids(0, 30), "a"))
    labelled = set(ids(0, 30))
    searched, final = SEEN[:-1], SEEN[-1]
    assert [size for size, _ in searched] == [(1, 1), (2, 1), (1, 2)]
    assert all(len(seen) == 24 and set(seen) < labelled and seen == searched[0][1] for _, seen in searched)
    assert final[0] == (1, 2) and set(final[1]) == labelled


def test_equal_candidates_leave_the_smaller(tmp_path: Path) -> None:
    fit(Liking(9, 9), tmp_path)
    assert grown(tmp_path) == (1, 1)


def test_several_searches_end_where_the_current_one_wins(tmp_path: Path) -> None:
    SEEN.clear()
    fitted = fit(Liking(2, 2), tmp_path, labelled=dict.fromkeys(ids(0, 30), "a"), network=dataclasses.replace(GROWING, searches=4))
    assert grown(tmp_path) == (1, 1) and len(SEEN) == 4, "(2, 2) is no neighbour of (1, 1): the first search ends it"
    assert fitted.fits[0].notes == {"search_steps": 21.0, "blocks": 1.0, "stacks": 1.0, "width": 4.0}


def test_few_labels_are_not_searched_with(tmp_path: Path) -> None:
    SEEN.clear()
    fit(Liking(2, 1), tmp_path, labelled={"0": "a", "1": "b"})
    assert len(SEEN) == 1 and grown(tmp_path) == (1, 1)


class Killed(Exception):
    """Stands for a kill."""


def test_a_killed_round_does_not_search_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after two candidates, and once more after the search: what was scored stays scored, and the result is that of an unbroken round."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    unbroken = fit(SHORT, whole)
    real, fits = Supervised.fit, []

    def dies(at: int) -> Any:
        def run(self: Supervised, network: Network, *given: Any) -> Fit:
            fits.append(shape_of(network))
            if len(fits) == at:
                raise Killed
            return real(self, network, *given)

        return run

    for at, expected in ((3, [(1, 1), (2, 1), (1, 2)]), (2, [(1, 2), grown(whole)])):
        fits.clear()
        monkeypatch.setattr(Supervised, "fit", dies(at))
        with pytest.raises(Killed):
            fit(SHORT, broken)
        assert fits == expected
    fits.clear()
    monkeypatch.setattr(Supervised, "fit", dies(99))
    again = fit(SHORT, broken)
    assert fits == [grown(whole)] and again.hash() == unbroken.hash() and again.fits == unbroken.fits


def test_other_labels_are_searched_with_anew(tmp_path: Path) -> None:
    fit(SHORT, tmp_path)
    first = json.loads((tmp_path / ARCHITECTURE).read_text(encoding="utf-8"))
    fit(SHORT, tmp_path, labelled={item: label(item) for item in ids(0, 20)})
    second = json.loads((tmp_path / ARCHITECTURE).read_text(encoding="utf-8"))
    assert first["key"] != second["key"] and first["scores"] != second["scores"]


def test_a_round_is_restored_with_its_architecture(tmp_path: Path) -> None:
    learner = Learner(GROWING, Liking(2, 1), Ensemble(2))
    fitted = fit(Liking(2, 1), tmp_path, labelled=dict.fromkeys(ids(0, 30), "a"), inference=Ensemble(2))
    fitted.save(tmp_path)
    again = learner.restore(INPUTS, TASK, tmp_path, Streams(0, 1))
    assert again is not None and again.hash() == fitted.hash() and [shape_of(network) for network in again.networks] == [(2, 1), (2, 1)]
    assert learner.restore(INPUTS, TASK, tmp_path / "nothing", Streams(0, 1)) is None
    assert build(spec(learner.network)) == GROWING


def test_poisoned_test_labels_change_nothing(tmp_path: Path) -> None:
    hashes = []
    for shift, name in ((0, "true"), (1, "lies")):
        (tmp_path / name).mkdir()
        job = RoundJob(
            round=1, seed=0, labelled={item: label(item) for item in ids(0, 20)}, test={str(i): CLASSES[(i + shift) % 3] for i in range(50, 60)},
            candidates=ids(20, 50), pending=(), batch=5, reserve=0, schema=new_space("classification", CLASSES).schema(), previous=None,
            workdir=str(tmp_path / name),
        )  # fmt: skip
        result = LearnerRuntime(INPUTS, INPUTS, Learner(GROWING, SHORT), MARGIN).train_score_select(job, no_report)
        hashes.append((result.info["model"], result.ranking.ids, result.info["notes"]))
    assert hashes[0] == hashes[1] and hashes[0][2][0]["search_steps"] == 30.0


def test_more_than_is_needed_can_be_learnt() -> None:
    """Real training of a grown network: three classes told apart by a bright row."""
    network = Residual(2, 2, width=8).make((1, 6, 6), 3, generator(0))
    x, y = torch.from_numpy(images(60))[:, None], np.arange(60) % 3
    Supervised(Steps(0.0, 60, 60), rate=0.02).fit(network, TASK, TrainingSet(x, y), Streams(0, 1), no_report)
    with torch.no_grad():
        assert float((network(x).argmax(dim=1).numpy() == y).mean()) > 0.9
