"""The linear chain over tags against all sequences written out, on short texts of different lengths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from querist.core.rng import stream
from querist.core.tokens import ABSENT
from querist.tasks.tagging.crf import Chain, best_path, log_likelihood, log_partition, marginals, packed, present, unpacked

T, C = 4, 3
LENGTHS = (4, 1, 3, 2, 4)


def drawn(seed: int = 0, scale: float = 2.0) -> Chain:
    """Scores of five texts."""
    rng = stream(seed, 0, "oracle")
    tokens, moves, first, last = (torch.from_numpy(scale * rng.normal(size=size)) for size in ((len(LENGTHS), T, C), (C, C), (C,), (C,)))
    for row, length in enumerate(LENGTHS):
        tokens[row, length:] = ABSENT
    return unpacked(packed(tokens, moves, first, last))


def all_scores(chain: Chain, row: int, length: int) -> dict[tuple[int, ...], float]:
    """Every tag sequence of a text with its score."""
    scores = {}
    for tags in itertools.product(range(C), repeat=length):
        score = float(chain.first[row, tags[0]] + chain.last[row, tags[-1]])
        score += sum(float(chain.tokens[row, place, tag]) for place, tag in enumerate(tags))
        scores[tags] = score + sum(float(chain.moves[row, one, other]) for one, other in itertools.pairwise(tags))
    return scores


def logsum(values: list[float]) -> float:
    return float(np.logaddexp.reduce(values))


@pytest.mark.parametrize("seed", range(3))
def test_the_normaliser_and_the_best_path_are_those_of_all_sequences(seed: int) -> None:
    chain = drawn(seed)
    total = log_partition(chain)
    path, best = best_path(chain)
    for row, length in enumerate(LENGTHS):
        scores = all_scores(chain, row, length)
        assert float(total[row]) == pytest.approx(logsum(list(scores.values())))
        likeliest = max(scores, key=lambda tags: scores[tags])
        assert tuple(path[row, :length].tolist()) == likeliest and path[row, length:].tolist() == [-1] * (T - length)
        assert float(best[row]) == pytest.approx(scores[likeliest])


@pytest.mark.parametrize("seed", range(3))
def test_marginals_are_those_of_all_sequences(seed: int) -> None:
    chain = drawn(seed)
    said = marginals(chain).exp()
    torch.testing.assert_close(said.sum(dim=-1), torch.ones_like(said[..., 0]))
    for row, length in enumerate(LENGTHS):
        scores = all_scores(chain, row, length)
        total = logsum(list(scores.values()))
        for place in range(length):
            for tag in range(C):
                share = sum(np.exp(score - total) for tags, score in scores.items() if tags[place] == tag)
                assert float(said[row, place, tag]) == pytest.approx(share)


def test_the_likelihood_of_tags_and_of_tags_with_gaps() -> None:
    chain = drawn(1)
    target = torch.tensor([[0, 2, 1, 1], [2, -2, -2, -2], [1, -1, 0, -2], [-1, -1, -2, -2], [-1, 0, -1, 2]])
    said = log_likelihood(chain, target)
    for row, length in enumerate(LENGTHS):
        scores = all_scores(chain, row, length)
        fits = [score for tags, score in scores.items() if all(want < 0 or want == tag for want, tag in zip(target[row].tolist(), tags, strict=False))]
        assert float(said[row]) == pytest.approx(logsum(fits) - logsum(list(scores.values())), abs=1e-9)
    assert float(said[3]) == pytest.approx(0.0, abs=1e-12), "nothing was said, so nothing is unlikely"


def test_the_gradient_of_the_normaliser_is_the_marginals() -> None:
    chain = drawn(2)
    tokens = chain.tokens.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(log_partition(chain._replace(tokens=tokens)).sum(), tokens)
    expected = torch.where(chain.there[..., None], marginals(chain).exp(), 0.0)
    torch.testing.assert_close(gradient, expected)


def test_without_moves_tokens_are_on_their_own() -> None:
    rng = stream(3, 0, "oracle")
    tokens = torch.from_numpy(rng.normal(size=(2, T, C)))
    chain = unpacked(packed(tokens, torch.zeros(C, C).double(), torch.zeros(C).double(), torch.zeros(C).double()))
    torch.testing.assert_close(marginals(chain), torch.log_softmax(tokens, dim=-1))
    torch.testing.assert_close(best_path(chain)[0], tokens.argmax(dim=-1))


def test_padding_changes_nothing() -> None:
    chain = drawn(4)
    longer = torch.cat([chain.tokens, torch.full((len(LENGTHS), 3, C), ABSENT).double()], dim=1)
    wide = chain._replace(tokens=longer, there=present(longer))
    torch.testing.assert_close(log_partition(wide), log_partition(chain))
    torch.testing.assert_close(best_path(wide)[0][:, :T], best_path(chain)[0])
    torch.testing.assert_close(marginals(wide)[:, :T], marginals(chain))


def test_nothing_and_long_texts() -> None:
    nothing = torch.full((1, T, C), ABSENT).double()
    chain = unpacked(packed(nothing, torch.ones(C, C).double(), torch.ones(C).double(), torch.ones(C).double()))
    assert float(log_partition(chain)) == 0.0 and float(best_path(chain)[1]) == 0.0 and best_path(chain)[0].tolist() == [[-1] * T]
    assert torch.isfinite(marginals(chain)).all()
    rng = stream(5, 0, "oracle")
    long: Tensor = torch.from_numpy(50 * rng.normal(size=(3, 200, C))).float().requires_grad_()
    chain = unpacked(packed(long, torch.zeros(C, C), torch.zeros(C), torch.zeros(C)))
    loss = -log_likelihood(chain, torch.zeros(3, 200, dtype=torch.long))
    (gradient,) = torch.autograd.grad(loss.sum(), long)
    assert torch.isfinite(loss).all() and (loss >= 0).all() and torch.isfinite(gradient).all()
