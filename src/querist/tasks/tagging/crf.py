"""A linear chain over tags: its normaliser, marginals and best path, in log space and for a batch at a time.

A network's answer to a text is one tensor (n, length + c + 3, c): scores of the tags at every token, then of every tag (column) behind every other
(row), of every tag at the beginning, of every tag at the end, and a row of `CHAINED`, by which it is known. Texts may be shorter than `length`: a
place without a token has `ABSENT` for every tag.

Reference:
    Lafferty, McCallum, Pereira 2001, Conditional Random Fields; Lample et al. 2016, arXiv 1603.01360 (on top of a network).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from querist.core.tokens import ABSENT, CHAINED

_NEVER = -1e9


class Chain(NamedTuple):
    """Scores of n texts.

    Attributes:
        tokens: (n, t, c), of every tag at every token.
        moves: (n, c, c), of a tag (last axis) behind another.
        first: (n, c), of a tag at the beginning.
        last: (n, c), of a tag at the end.
        there: (n, t) bool, which places have a token; they are the first of a text.
    """

    tokens: Tensor
    moves: Tensor
    first: Tensor
    last: Tensor
    there: Tensor


def present(scores: Tensor) -> Tensor:
    """Places (…, t) of scores (…, t, c) that have a token."""
    return (scores != ABSENT).any(dim=-1)


def chained(output: Tensor) -> bool:
    """Whether an output (…, rows, c) is a chain's."""
    return bool(output.numel()) and float(output.detach().flatten()[-1]) == CHAINED


def packed(tokens: Tensor, moves: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """One tensor (n, t + c + 3, c) of scores (n, t, c) and of what all texts share: moves (c, c), first and last (c,)."""
    shared = torch.cat([moves, first[None], last[None], torch.full_like(first[None], CHAINED)])
    return torch.cat([tokens, shared.expand(len(tokens), *shared.shape)], dim=1)


def unpacked(output: Tensor) -> Chain:
    """The inverse of `packed`."""
    c = output.shape[-1]
    tokens, moves, first, last, _ = torch.split(output, [output.shape[1] - c - 3, c, 1, 1, 1], dim=1)
    return Chain(tokens, moves, first[:, 0], last[:, 0], present(tokens.detach()))


def log_partition(chain: Chain, allowed: Tensor | None = None) -> Tensor:
    """Logarithm (n,) of the sum over all tag sequences, or over the `allowed` (n, t, c) bool; 0 for a text without tokens."""
    forward = _forward(chain if allowed is None else _within(chain, allowed))
    total = torch.logsumexp(_ending(chain, forward), dim=-1)
    return torch.where(chain.there.any(dim=1), total, torch.zeros_like(total))


def log_likelihood(chain: Chain, target: Tensor) -> Tensor:
    """Log-probability (n,) ≤ 0 of tags (n, t); a negative tag was not said: the sum over all that fit the others."""
    answered = torch.nn.functional.one_hot(target.clamp(min=0), chain.tokens.shape[-1]).bool()
    return log_partition(chain, answered | (target < 0)[..., None]) - log_partition(chain)


def marginals(chain: Chain) -> Tensor:
    """Log-probability (n, t, c) of every tag at every token, forward and backward; where there is no token, that of equal chances."""
    forward, backward = _forward(chain), _backward(chain)
    return torch.log_softmax(torch.where(chain.there[..., None], forward + backward, torch.zeros_like(forward)), dim=-1)


def best_path(chain: Chain) -> tuple[Tensor, Tensor]:
    """The likeliest tags (n, t), -1 where there is no token, and their score (n,); ties to the lower tag. 0 for a text without tokens."""
    n, t, _ = chain.tokens.shape
    best = chain.first + chain.tokens[:, 0]
    came = []
    for place in range(1, t):
        through, source = (best[:, :, None] + chain.moves).max(dim=1)
        here = chain.there[:, place, None]
        # Behind the end a tag comes from itself, so that the way back starts at the last token.
        came.append(torch.where(here, source, torch.arange(source.shape[1], device=source.device)))
        best = torch.where(here, through + chain.tokens[:, place], best)
    score, tag = (best + chain.last).max(dim=-1)
    path = [tag]
    for source in reversed(came):
        path.append(source.gather(1, path[-1][:, None])[:, 0])
    tags = torch.stack(path[::-1], dim=1) if t else torch.empty(n, 0, dtype=torch.long)
    return torch.where(chain.there, tags, -1), torch.where(chain.there.any(dim=1), score, torch.zeros_like(score))


def _within(chain: Chain, allowed: Tensor) -> Chain:
    return chain._replace(tokens=chain.tokens.masked_fill(~allowed, _NEVER))


def _forward(chain: Chain) -> Tensor:
    """Logarithms (n, t, c) of the sums over everything up to a token; behind the end those at the last token."""
    onward = _Products(chain.moves)
    sums = [chain.first + chain.tokens[:, 0]]
    for place in range(1, chain.tokens.shape[1]):
        here = onward(sums[-1]) + chain.tokens[:, place]
        sums.append(torch.where(chain.there[:, place, None], here, sums[-1]))
    return torch.stack(sums, dim=1)


def _backward(chain: Chain) -> Tensor:
    """Logarithms (n, t, c) of the sums over everything behind a token; at the last token the score of the end."""
    back = _Products(chain.moves.transpose(1, 2))
    sums = [chain.last]
    for place in range(chain.tokens.shape[1] - 1, 0, -1):
        here = back(chain.tokens[:, place] + sums[-1])
        sums.append(torch.where(chain.there[:, place, None], here, sums[-1]))
    return torch.stack(sums[::-1], dim=1)


class _Products:
    """log Σ_i exp(s_i + m_ij) for many s (n, c) and the same m (n, c, c): one exponential of m, then a product a step."""

    def __init__(self, moves: Tensor) -> None:
        self.shift = moves.detach().amax(dim=(1, 2))[:, None]
        self.weights = (moves - self.shift[..., None]).exp()
        self.least = torch.finfo(moves.dtype).tiny  # moves that are never taken: their logarithm stays finite

    def __call__(self, sums: Tensor) -> Tensor:
        top = sums.detach().amax(dim=1, keepdim=True)
        products = torch.bmm((sums - top).exp()[:, None], self.weights)[:, 0]
        return products.clamp(min=self.least).log() + top + self.shift


def _ending(chain: Chain, forward: Tensor) -> Tensor:
    return forward[:, -1] + chain.last
