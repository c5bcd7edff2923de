"""The learner's side of tagging: what every head promises, for a softmax at every token and for a chain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from querist.core.errors import LabelError, UsageError
from querist.core.rng import stream
from querist.core.sites import Sites
from querist.core.tokens import ABSENT
from querist.tasks import heads, new_space
from querist.tasks.tagging.crf import best_path, chained, log_likelihood, log_partition, marginals, packed, unpacked
from querist.tasks.tagging.learning import LONGEST, NONE, UNSAID, TaggingHead

T, N = 6, 20
SPACE = new_space("tagging", ["X", "Y"])
HEAD = TaggingHead.of(SPACE.schema())
C = HEAD.outputs
LENGTHS = [0, 1, T, *(1 + row % T for row in range(N - 3))]


def outputs(chain: bool, seed: int = 0, n: int = N) -> torch.Tensor:
    """Scores of texts of different lengths."""
    rng = stream(seed, 0, "oracle")
    tokens = torch.from_numpy(2 * rng.normal(size=(n, T, C))).float()
    for row, length in enumerate(LENGTHS[:n]):
        tokens[row, length:] = ABSENT
    return packed(tokens, *(torch.from_numpy(rng.normal(size=size)).float() for size in ((C, C), (C,), (C,)))) if chain else tokens


def values(gaps: bool = True) -> dict[str, list[str | None]]:
    rng = stream(1, 0, "oracle")
    names = [*HEAD.tags, None] if gaps else list(HEAD.tags)
    return {str(row): [names[int(rng.integers(len(names)))] for _ in range(max(length, 1))] for row, length in enumerate(LENGTHS)}


@pytest.fixture(params=[False, True], ids=["softmax", "chain"])
def output(request: pytest.FixtureRequest) -> torch.Tensor:
    return outputs(bool(request.param))


def test_targets_are_positions_and_gaps() -> None:
    targets = HEAD.targets({"a": ["B-X", None, "O"], "b": ["O"] * (LONGEST + 5)})
    assert HEAD.tags == ("O", "B-X", "I-X", "B-Y", "I-Y") and targets.shape == (2, LONGEST)
    assert targets[0, :4].tolist() == [1, UNSAID, 0, NONE] and (targets[1] == 0).all()
    assert HEAD.targets({}).shape == (0, LONGEST)
    for wrong in ("O", ["B-Z"], [], {"a": 1}):
        with pytest.raises(LabelError):
            HEAD.targets({"item": wrong})


def test_one_finite_loss_per_item_and_its_own(output: torch.Tensor) -> None:
    output.requires_grad_()
    targets = HEAD.targets(values())
    target = torch.from_numpy(targets)
    for given in ({}, {"smoothing": 0.1}, {"weights": torch.from_numpy(HEAD.weights(targets))}):
        loss = HEAD.loss(output, target, **given)
        assert loss.shape == (N,) and bool(torch.isfinite(loss).all()) and bool((loss >= -1e-6).all())
        torch.testing.assert_close(loss[3:5], HEAD.loss(output[3:5], target[3:5], **given))
        (gradient,) = torch.autograd.grad(loss.sum(), output)
        assert bool(torch.isfinite(gradient).all())
    assert float(HEAD.loss(output, target)[0].detach()) == 0.0, "a text without tokens"
    assert bool(torch.isfinite(HEAD.loss(output.detach() * 30, target)).all())


def test_the_loss_is_the_usual_one() -> None:
    answers = values(gaps=False)
    target = torch.from_numpy(HEAD.targets(answers))
    plain, chain = outputs(False), outputs(True)
    for row in range(1, N):
        tags = target[row, : LENGTHS[row]]
        assert float(HEAD.loss(plain, target)[row]) == pytest.approx(float(torch.nn.functional.cross_entropy(plain[row, : len(tags)], tags)), rel=1e-5)
        wanted = -log_likelihood(unpacked(chain[row : row + 1]), target[row : row + 1, :T])
        assert float(HEAD.loss(chain, target)[row]) == pytest.approx(float(wanted) / len(tags), rel=1e-4, abs=1e-5)


def test_a_token_that_nobody_tagged_teaches_nothing(output: torch.Tensor) -> None:
    output = output[2:3].clone().requires_grad_()
    target = torch.from_numpy(HEAD.targets({"a": [None] * T}))
    assert float(HEAD.loss(output, target).detach()) == pytest.approx(0.0, abs=1e-5)
    if not chained(output):
        target[0, 2] = 1
        (gradient,) = torch.autograd.grad(HEAD.loss(output, target).sum(), output)
        assert gradient[0].abs().sum(dim=1).nonzero().flatten().tolist() == [2]


def test_tokens_that_the_network_does_not_read_teach_nothing(output: torch.Tensor) -> None:
    longer = torch.from_numpy(HEAD.targets({str(row): ["O"] * (T + 3) for row in range(N)}))
    same = torch.from_numpy(HEAD.targets({str(row): ["O"] * max(length, 1) for row, length in enumerate(LENGTHS)}))
    torch.testing.assert_close(HEAD.loss(output, longer), HEAD.loss(output, same))


def test_what_it_would_answer_is_a_target_and_costs_little(output: torch.Tensor) -> None:
    targets = HEAD.targets(values(gaps=False))
    pseudo, sure = HEAD.pseudo(output)
    doubt = HEAD.doubt(output)
    assert pseudo.dtype == torch.int64 and pseudo.shape == targets.shape and (pseudo >= 0).sum(dim=1).tolist() == LENGTHS
    assert bool(((sure > 0) & (sure <= 1)).all()) and float(sure[0]) == 1.0 and bool((doubt >= 0).all()) and float(doubt[0]) == 0.0
    assert bool((HEAD.loss(output, pseudo) <= HEAD.loss(output, torch.from_numpy(targets)) + 1e-5).all())
    torch.testing.assert_close(HEAD.loss(output, pseudo), -sure.log(), rtol=1e-4, atol=1e-5)
    assert bool((HEAD.discrepancy(output, output) == 0).all()) and float(HEAD.discrepancy(output, outputs(chained(output), 5))[2]) > 0


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="does not tag tokens"):
        HEAD.loss(torch.zeros(3, C), torch.zeros(3, LONGEST, dtype=torch.long))


def test_no_items_are_no_error(output: torch.Tensor) -> None:
    none = output[:0]
    assert HEAD.loss(none, torch.empty(0, LONGEST, dtype=torch.long)).shape == HEAD.doubt(none).shape == HEAD.discrepancy(none, none).shape == (0,)
    assert HEAD.pseudo(none)[0].shape == (0, LONGEST) and len(HEAD.sites(none[:, None], none)) == 0


def stacked(chain: bool, k: int = 3) -> torch.Tensor:
    """(m, k, …): k functions of the same texts."""
    return torch.stack([outputs(chain, seed) for seed in range(k)], dim=1)


@pytest.mark.parametrize("chain", [False, True])
def test_every_token_is_a_site(chain: bool) -> None:
    output = stacked(chain)
    hidden = torch.arange(N * T * 4).reshape(N, T, 4).float()
    said = HEAD.sites(output, torch.empty(N, 1), hidden)
    assert np.diff(said.offsets).tolist() == LENGTHS and said.probs is not None and said.probs.shape == (sum(LENGTHS), 3, C)
    np.testing.assert_allclose(said.probs.sum(axis=2), 1.0, rtol=1e-5)
    logprob = said.items["sequence_logprob"]
    for sample in range(3):
        one = output[:, sample]
        for row in (1, 2, 7):
            here = slice(int(said.offsets[row]), int(said.offsets[row + 1]))
            length = LENGTHS[row]
            if chain:
                scores = unpacked(one[row : row + 1])
                tags, best = best_path(scores)
                expected = marginals(scores).exp()[0, :length]
                wanted = float(best - log_partition(scores))
            else:
                expected = torch.softmax(one[row, :length], dim=-1)
                tags = expected.argmax(dim=-1)[None]
                wanted = float(expected.max(dim=-1).values.log().sum())
            np.testing.assert_allclose(said.probs[here, sample], expected.numpy(), rtol=1e-4, atol=1e-6)
            assert said.extra["decoded"][here, sample].tolist() == tags[0, :length].tolist()
            assert logprob[row, sample] == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    assert (logprob <= 0).all() and (logprob[0] == 0).all()
    assert said.place is not None and said.place[said.offsets[2] : said.offsets[3]].tolist() == [[place, place + 1] for place in range(T)]
    assert said.features is not None and said.features[said.offsets[7]].tolist() == hidden[7, 0, :3].tolist()


def test_metrics_compare_names_of_tags() -> None:
    said = Sites(
        np.array([0, 3, 3, 5]),
        probs=np.eye(C, dtype=np.float32)[[1, 2, 0, 0, 0]][:, None],
        extra={"decoded": np.array([[1], [2], [0], [0], [0]])},
    )
    targets = HEAD.targets({"a": ["B-X", "I-X", "B-Y"], "b": ["B-Y"], "c": ["O", None]})
    found = HEAD.metrics([said.part(0, 1), said.part(1, 3)], targets)
    assert found["span_f1"] == pytest.approx(2 * 1 / (1 + 3)), "a text that was not read counts as missed"
    assert found["accuracy"] == pytest.approx(3 / 5) and found["exact"] == pytest.approx(1 / 3)
    assert HEAD.metrics([], HEAD.targets({})) == {}


def test_several_samples_are_judged_by_their_mean() -> None:
    probs = np.zeros((1, 3, C), dtype=np.float32)
    probs[0, :, 0], probs[0, :, 1] = [0.6, 0.6, 0.0], [0.4, 0.4, 1.0]
    said = Sites(np.array([0, 1]), probs=probs, extra={"decoded": np.array([[0, 0, 1]])})
    assert HEAD.metrics([said], HEAD.targets({"a": ["B-X"]}))["accuracy"] == 1.0


def test_it_is_the_head_of_its_kind() -> None:
    made: Any = heads.head(SPACE.schema())
    assert made == HEAD and heads.kind("tagging").metric in HEAD.metrics([HEAD.sites(stacked(False), torch.empty(N, 1))], HEAD.targets(values()))
    assert HEAD.predict(outputs(True)).shape == (N, T, C)
    weights = HEAD.weights(HEAD.targets({"a": ["O", "O", "O", "B-X"]}))
    np.testing.assert_allclose(weights, [4 / 6, 2, 1, 1, 1], rtol=1e-6)
