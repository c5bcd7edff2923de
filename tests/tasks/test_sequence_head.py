"""The learner's side of reading texts, its network, and a round from beginning to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from querist.acquire.sequences import MNLP, SequenceDisagreement
from querist.assemble.simulate import simulation
from querist.core.errors import LabelError, UsageError
from querist.core.rng import stream
from querist.core.sites import Sites
from querist.core.statistic import Over
from querist.data.datasets import named
from querist.data.datasets.digit_lines import answers
from querist.nets.reader import Reader
from querist.tasks import heads, new_space
from querist.tasks.sequence.ctc import PADDING, log_probability
from querist.tasks.sequence.learning import ANSWERS, PRINTABLE, SequenceHead
from querist.testing import FakeView

HEAD = SequenceHead("abc", 4)
N, T = 12, 5


def outputs(seed: int = 0, scale: float = 3.0) -> torch.Tensor:
    return torch.from_numpy(scale * stream(seed, 0, "oracle").normal(size=(N, T, HEAD.outputs))).float()


def target(value: Any = ("ab", "c")) -> torch.Tensor:
    return torch.from_numpy(HEAD.targets({str(row): list(value) for row in range(N)}))


def test_targets_are_positions_of_characters() -> None:
    rows = HEAD.targets({"x": ["ab", "c"], "y": "cab"})
    assert rows.shape == (2, ANSWERS, 4) and rows[0, 0].tolist() == [1, 2, PADDING, PADDING] and rows[1, 0].tolist() == [3, 1, 2, PADDING]
    assert (rows[0, 2:] == PADDING).all() and HEAD.targets({}).shape == (0, ANSWERS, 4)
    assert HEAD.targets({"x": ["a"] * 3 + ["b"] * 20}).shape == (1, ANSWERS, 4)
    for wrong in (["abcab"], ["xyz"], 3, [None]):
        with pytest.raises(LabelError):
            HEAD.targets({"item": wrong})
    assert SequenceHead.of(new_space("sequence").schema()).alphabet == PRINTABLE
    assert heads.head(new_space("sequence", alphabet="abc", longest=4).schema()) == HEAD


def test_the_loss_is_that_of_the_likeliest_answer_and_an_items_own() -> None:
    output = outputs().requires_grad_()
    loss = HEAD.loss(output, target())
    each = [HEAD.loss(output, target([text])) for text in ("ab", "c")]
    torch.testing.assert_close(loss, torch.minimum(*each))
    usual = torch.nn.functional.ctc_loss(torch.log_softmax(output, -1).transpose(0, 1), torch.tensor([[1, 2]] * N), [T] * N, [2] * N, reduction="none")
    torch.testing.assert_close(each[0], usual)
    torch.testing.assert_close(loss[3:5], HEAD.loss(output[3:5], target()[3:5]))
    (gradient,) = torch.autograd.grad(loss.sum(), output)
    assert bool(torch.isfinite(gradient).all()) and bool((loss > 0).all())


def test_what_has_no_room_or_no_answer_teaches_nothing() -> None:
    output = outputs()[:, :3].clone().requires_grad_()  # "aaab" wants six steps
    for missing in (["aaab"], []):
        loss = HEAD.loss(output, target(missing))
        (gradient,) = torch.autograd.grad(loss.sum(), output)
        assert bool((loss == 0).all()) and bool((gradient == 0).all())
    mixed = HEAD.loss(output, target(["aaab", "b"]))
    torch.testing.assert_close(mixed, HEAD.loss(output, target(["b"])))


def test_what_it_would_answer_is_a_target() -> None:
    output = outputs()
    pseudo, sure = HEAD.pseudo(output)
    assert pseudo.shape == target().shape and pseudo.dtype == torch.int64 and bool(((sure >= 0) & (sure <= 1)).all())
    there = (pseudo[:, 0] != PADDING).any(dim=1)
    lengths = (pseudo[:, 0] != PADDING).sum(dim=1)
    torch.testing.assert_close(HEAD.loss(output, pseudo)[there], -(sure.log() * lengths)[there], rtol=1e-4, atol=1e-4)
    nothing = torch.full((1, T, HEAD.outputs), -9.0)
    nothing[..., 0] = 9.0
    assert HEAD.pseudo(nothing)[1].tolist() == [0.0], "nothing read is no answer"
    assert bool((HEAD.doubt(output) >= 0).all()) and bool((HEAD.discrepancy(output, output) == 0).all())
    assert float(HEAD.doubt(outputs(0, 30.0)).mean()) < float(HEAD.doubt(output).mean())


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="does not read texts"):
        HEAD.loss(torch.zeros(N, 4), target())


def test_no_items_are_no_error() -> None:
    none = outputs()[:0]
    assert HEAD.loss(none, target()[:0]).shape == HEAD.doubt(none).shape == HEAD.discrepancy(none, none).shape == (0,)
    assert HEAD.pseudo(none)[0].shape == (0, ANSWERS, 4) and len(HEAD.sites(none[:, None], none)) == 0


def test_steps_are_sites_and_the_text_has_its_exact_probability() -> None:
    output = torch.stack([outputs(seed) for seed in range(3)], dim=1)
    said = HEAD.sites(output, torch.empty(N, 1), torch.zeros(N, T, 7))
    assert said.probs is not None and said.probs.shape == (N * T, 3, HEAD.outputs) and len(said) == N
    assert said.features is not None and said.features.shape == (N * T, 7)
    np.testing.assert_allclose(said.probs[T : 2 * T, 1], torch.softmax(output[1, 1], -1).numpy(), rtol=1e-5)
    texts = torch.from_numpy(said.extra["decoded"]).reshape(N, T, 3)
    for sample in range(3):
        expected = log_probability(output[:, sample], texts[:, :, sample])
        np.testing.assert_allclose(said.items["sequence_logprob"][:, sample], expected.clamp(max=0).numpy(), rtol=1e-4, atol=1e-5)
        assert said.items["sequence_length"][:, sample].tolist() == (texts[:, :, sample] != PADDING).sum(dim=1).tolist()


class Told(Over):
    """A view of what is said."""

    def __init__(self, said: Sites) -> None:
        super().__init__(FakeView.random(n=len(said)))
        self._said = said

    def stat(self, name: str, of: str = "candidates") -> Any:
        raise AssertionError(name)

    def fold(self, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        return np.asarray(fn(self._said))


def test_scores_of_sequences_read_texts() -> None:
    said = HEAD.sites(torch.stack([outputs(seed) for seed in range(3)], dim=1), torch.empty(N, 1))
    logprob, length = said.items["sequence_logprob"], said.items["sequence_length"]
    np.testing.assert_allclose(MNLP()(Told(said)), (-logprob / np.maximum(length, 1)).mean(axis=1), err_msg="per character, not per step")
    texts = said.extra["decoded"].reshape(N, T, 3)
    votes = [max(sum((texts[row, :, one] == texts[row, :, other]).all() for other in range(3)) for one in range(3)) for row in range(N)]
    np.testing.assert_allclose(SequenceDisagreement()(Told(said)), 1 - np.array(votes) / 3, atol=1e-5)


def test_metrics_take_what_most_samples_read() -> None:
    decoded = np.full((2 * T, 3), PADDING)
    decoded[:2] = [[1, 1, 3], [2, 2, 3]]  # ab, ab, cc
    said = Sites(np.array([0, T, 2 * T]), probs=np.full((2 * T, 3, 4), 0.25), extra={"decoded": decoded})
    found = HEAD.metrics([said.part(0, 1), said.part(1, 2)], HEAD.targets({"x": ["ab"], "y": ["ca", "a"]}))
    assert found == {"exact": 0.5, "character_error_rate": pytest.approx(1 / 3)}, "the nearest right text to nothing read is the shorter"
    assert HEAD.metrics([], HEAD.targets({})) == {}


def test_the_network_gives_scores_at_every_step() -> None:
    network = Reader((4, 6), width=8).make((1, 12, 20), 5, torch.Generator().manual_seed(0)).eval()
    x = torch.from_numpy(stream(0, 0, "augment").normal(size=(2, 1, 12, 20))).float()
    assert network(x).shape == (2, 10, 5) and network.describe is not None and network.describe(network.trunk(x)).shape == (2, 8)
    moved = x.clone()
    moved[0, :, :, 12:] = 0
    assert torch.equal(network(moved)[0, :3], network(x)[0, :3]) and not torch.equal(network(moved)[0, 6:], network(x)[0, 6:]), "steps are places"
    with pytest.raises(UsageError):
        Reader().make((20,), 5, torch.Generator())


def test_lines_of_digits() -> None:
    pytest.importorskip("sklearn")
    data = named("digit-lines")
    assert len(data.pool) == 2500 and len(data.dev) == 500 and data.kind == "sequence"
    assert answers("0042") == ["0042", "42"] and answers("00") == ["00", "0"] and answers("7") == ["7"]
    lengths = {len(value[0]) for value in data.targets.values()}
    assert lengths == {2, 3, 4, 5, 6} and all(data.space.validate(item, value) == value for item, value in data.targets.items())
    assert data.final is not None and len(data.final().pool) == 500


def rounds(tmp_path: Path, **learner: Any) -> list[dict[str, float]]:
    sizes = {"initial": 200, "batch": 20, "budget": 220, "score_pool": 100}
    project, oracle = simulation(dataset="digit-lines", method="mnlp", seed=0, path=tmp_path / "p.querist", learner=learner, **sizes)
    with project:
        return [dict(found.metrics) for found in project.run(oracle) if found.metrics]


def test_a_study_of_lines(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    measured = rounds(tmp_path, steps=30)
    assert measured and all(0 <= found["exact"] <= 1 and found["character_error_rate"] >= 0 for found in measured)


@pytest.mark.slow
def test_the_recipe_reads_lines(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    assert rounds(tmp_path)[-1]["exact"] > 0.25, "with 200 lines; an untrained network reads nothing"
