"""A small network that tags every token of a text, trained from scratch: hashed words and n-grams, a recurrent or convolutional layer, a linear one.

Its output is (n, length, c), or with a chain (n, length + c + 3, c): see `querist.tasks.tagging.crf`. A place without a token has `ABSENT` for every tag.

Reference:
    Lample et al. 2016, arXiv 1603.01360 (characters and words, LSTM, chain); Ma, Hovy 2016, arXiv 1603.01354;
    Shen et al. 2017, arXiv 1707.05928 (convolutions over words).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.core.tokens import ABSENT, CHAINED
from querist.nets.base import Network, initialise
from querist.nets.tokens import PADDING


class TokenTable(nn.Module):
    """Rows of token indices (n, length, 2 + grams), as floats, → (n, length, 3 · width + 1): word, shape, mean of the n-grams, and whether there is a token."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, width, padding_idx=PADDING)

    def forgetting(self, share: float) -> Callable[[Tensor, torch.Generator], Tensor]:
        """A view in which each index, of a word, a shape or an n-gram, is another one of the table with this probability; padding stays."""

        def view(x: Tensor, generator: torch.Generator) -> Tensor:
            drawn = (len(x), *[1] * (x.ndim - 3), *x.shape[-2:])  # planes of an input are changed alike
            other = torch.randint(1, self.table.num_embeddings, drawn, generator=generator).to(x.dtype)
            return torch.where((torch.rand(drawn, generator=generator) < share) & (x != PADDING), other, x)

        return view

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        whole = x.reshape(len(x), -1, x.shape[-1]).round().long()
        ids = torch.where((whole >= 0) & (whole < self.table.num_embeddings), whole, PADDING)
        vectors = self.table(ids)
        grams = (ids[..., 2:] != PADDING).sum(dim=-1, keepdim=True).clamp(min=1)
        there = (ids[..., :1] != PADDING).to(vectors.dtype)
        return torch.cat([vectors[..., 0, :], vectors[..., 1, :], vectors[..., 2:, :].sum(dim=-2) / grams, there], dim=-1)


class Recurrent(nn.Module):
    """A bidirectional LSTM over the tokens that are there: (n, t, width + 1) → (n, t, 2 · hidden + 1); the last column is handed on."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.ahead, self.back = nn.LSTM(width, hidden, batch_first=True), nn.LSTM(width, hidden, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """See the class. The text is turned round within its own length, so that padding changes nothing."""
        vectors, there = x[..., :-1], x[..., -1:]
        turned = _turned(there[..., 0])
        ahead, _ = self.ahead(vectors)
        back, _ = self.back(_rows(vectors, turned))
        return torch.cat([torch.cat([ahead, _rows(back, turned)], dim=-1) * there, there], dim=-1)


class Windows(nn.Module):
    """Convolutions over the tokens, a residual step each: (n, t, width + 1) → (n, t, 2 · hidden + 1); the last column is handed on."""

    def __init__(self, width: int, hidden: int, reach: int, layers: int) -> None:
        super().__init__()
        self.reach = reach
        self.first = nn.Linear(width, 2 * hidden)
        self.steps = nn.ModuleList(nn.Linear((2 * reach + 1) * 2 * hidden, 2 * hidden) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        there = x[..., -1:]
        hidden = torch.relu(self.first(x[..., :-1])) * there
        for step in self.steps:
            padded = nn.functional.pad(hidden, (0, 0, self.reach, self.reach))
            windows = padded.unfold(1, 2 * self.reach + 1, 1).flatten(2)
            hidden = (hidden + torch.relu(step(windows))) * there
        return torch.cat([hidden, there], dim=-1)


class TagHead(nn.Module):
    """Scores of the tags at every token: (n, t, width + 1) → (n, t, c), and with a chain what follows what: (n, t + c + 3, c).

    Dropout is inside, so that the last column of its input, whether there is a token, is never dropped.
    """

    def __init__(self, width: int, outputs: int, dropout: float, chain: bool) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(width, outputs)
        self.chain = nn.Parameter(torch.zeros(outputs + 2, outputs)) if chain else None

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        scores = self.last(self.dropout(hidden[..., :-1]))
        scores = torch.where(hidden[..., -1:] > 0, scores, torch.full_like(scores, ABSENT))
        if self.chain is None:
            return scores
        shared = torch.cat([self.chain, torch.full_like(self.chain[:1], CHAINED)])
        return torch.cat([scores, shared.expand(len(scores), *shared.shape)], dim=1)


def described(hidden: Tensor) -> Tensor:
    """Features (n, d) of texts: the mean over the tokens of what the last layer reads."""
    there = hidden[..., -1:]
    return (hidden[..., :-1] * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)


@dataclass(frozen=True)
class Tagger:
    """Table of words, shapes and n-grams, LSTM or convolutions, dropout, linear. Takes the rows of the encoder `token_grams`.

    Attributes:
        rows: Size of the table; at least the encoder's.
        width: Size of an embedding.
        hidden: Units of each direction.
        body: `lstm`, or `cnn`, which sees four tokens to each side.
        dropout: Rate before the last layer; the trunk has none, so that samples of the head cost little.
        chain: Whether tags are scored together (a linear-chain CRF).
    """

    rows: int = 16_384
    width: int = 32
    hidden: int = 64
    body: str = "lstm"
    dropout: float = 0.3
    chain: bool = False

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for rows of token indices.

        Raises:
            UsageError: for an unknown body, or items that are no rows of tokens.
        """
        if self.body not in ("lstm", "cnn"):
            raise UsageError("a tagger has no such body", got=self.body, wanted="lstm or cnn")
        if len(shape) < 2 or shape[-1] < 3:
            raise UsageError("a tagger cannot take this input", got=tuple(shape), wanted="(tokens, indices), as the encoder token_grams gives them")
        table = TokenTable(self.rows, self.width)
        body = Recurrent(3 * self.width, self.hidden) if self.body == "lstm" else Windows(3 * self.width, self.hidden, 2, 2)
        network = Network(nn.Sequential(table, body), nn.Sequential(TagHead(2 * self.hidden, outputs, self.dropout, self.chain)), described)
        initialise(network, generator)
        with torch.no_grad():
            table.table.weight.normal_(std=0.5, generator=generator)
            table.table.weight[PADDING] = 0.0
            for name, weight in body.named_parameters():
                if isinstance(body, Recurrent):
                    weight.uniform_(-(self.hidden**-0.5), self.hidden**-0.5, generator=generator)
                    if "bias_hh" in name:
                        weight.zero_()
                        weight[self.hidden : 2 * self.hidden] = 1.0  # what was read is kept until something says otherwise
        return network


def _turned(there: Tensor) -> Tensor:
    """Places (n, t) in the opposite order within each text, those behind its end where they are."""
    place = torch.arange(there.shape[1], device=there.device)[None]
    length = there.sum(dim=1, keepdim=True).long()
    return torch.where(place < length, length - 1 - place, place)


def _rows(vectors: Tensor, places: Tensor) -> Tensor:
    return vectors.gather(1, places[..., None].expand_as(vectors))
