"""A transformer of your own as a tagger: word pieces in, the vector of each token's first piece out, a linear layer (or a chain) on top.

Any model of the package `transformers` with a `last_hidden_state` serves. One function of yours gives the model and its tokenizer, of which the
encoder takes the one and the network the other; nothing here downloads.

Reference:
    Devlin et al. 2019, arXiv 1810.04805 (section 5.3: the first piece of a token stands for it).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.core.tokens import tokens_of
from querist.nets.base import Network, drawn_from, initialise
from querist.nets.encoders import Encode
from querist.nets.tagger import TagHead, described


def made(make_with: str) -> tuple[Any, Any]:
    """Model (without a head) and fast tokenizer, of the function `module:function`.

    Raises:
        UsageError: for a path that leads nowhere, or gives something else.
    """
    module, _, name = make_with.partition(":")
    try:
        model, tokenizer = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise UsageError(f"{make_with} gives no model and tokenizer: {error}", wanted="module:function, which returns these two") from error
    return model, tokenizer


@dataclass(frozen=True)
class Pieces:
    """Tokens (between blanks) cut into the pieces of a tokenizer: rows (pieces, 2) of piece index + 1 and, at the first piece of a token, its number from 1.

    Attributes:
        make_with: See `made`.
        pieces: Kept of a text; 0 is padding. A token without a piece left is not read.
    """

    make_with: str
    pieces: int = 96
    texts: bool = True
    fit_on: int = 0
    indices: ClassVar[bool] = True

    def open(self, sample: Sequence[Any]) -> Encode:
        """See `Encoder`."""
        tokenizer = made(self.make_with)[1]
        return lambda items: np.stack([self.row(str(item), tokenizer) for item in items])

    def row(self, text: str, tokenizer: Any) -> NDArray[np.float32]:
        """(pieces, 2) of one text."""
        row = np.zeros((self.pieces, 2), dtype=np.float32)
        if tokens_of(text):
            cut = tokenizer(tokens_of(text), is_split_into_words=True, truncation=True, max_length=self.pieces)
            words = [-1 if word is None else word for word in cut.word_ids()]
            for place, (piece, word) in enumerate(zip(cut["input_ids"], words, strict=True)):
                first = word >= 0 and (place == 0 or words[place - 1] != word)
                row[place] = piece + 1, word + 1 if first else 0
        return row


class FirstPieces(nn.Module):
    """Rows of pieces (n, pieces, 2) → (n, length, width + 1): what the model says at the first piece of each token, and whether there is one."""

    def __init__(self, model: nn.Module, length: int) -> None:
        super().__init__()
        self.model = model
        self.length = length

    def forgetting(self, share: float) -> Callable[[Tensor, torch.Generator], Tensor]:
        """The view that changes nothing: the model's own dropout is what makes two looks differ."""
        return lambda x, generator: x

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        rows = x.reshape(len(x), -1, 2).round().long()
        pieces, number = rows[..., 0], rows[..., 1]
        said = self.model(input_ids=(pieces - 1).clamp(min=0), attention_mask=(pieces > 0).long()).last_hidden_state
        there = torch.ones_like(said[..., :1])
        # Pieces that begin no token all go to place 0, which is cut off.
        place = torch.where(number <= self.length, number, 0)[..., None].expand(*number.shape, said.shape[-1] + 1)
        out = torch.zeros(len(x), self.length + 1, said.shape[-1] + 1, dtype=said.dtype, device=said.device)
        return out.scatter(1, place, torch.cat([said, there], dim=-1))[:, 1:]


@dataclass(frozen=True)
class PieceTagger:
    """A model of `transformers`, dropout, a linear layer. Takes the rows of `Pieces` with the same `make_with`.

    Attributes:
        make_with: See `made`.
        length: Tokens that get a tag.
        dropout: Rate before the last layer; the model's own dropout is as its configuration says.
        chain: Whether tags are scored together (a linear-chain CRF).
    """

    make_with: str
    length: int = 48
    dropout: float = 0.1
    chain: bool = False

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network; its trunk begins with the model's weights, its head is drawn."""
        with drawn_from(generator):  # for a model without weights of its own
            model, _ = made(self.make_with)
        head = nn.Sequential(TagHead(int(model.config.hidden_size), outputs, self.dropout, self.chain))
        initialise(head, generator)
        return Network(FirstPieces(model, self.length), head, described).train()
