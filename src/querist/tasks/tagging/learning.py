"""Tagging on the learner's side: a softmax at every token, or a chain that scores tags together; a token without an answer teaches nothing.

Which of the two it is stands in the network's output (see `crf`), so one head serves both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.errors import LabelError, UsageError
from querist.core.sites import Sites, offsets_of
from querist.tasks.tagging import crf
from querist.tasks.tagging.labels import from_schema
from querist.tasks.tagging.measures import tag_scores

LONGEST: Final = 256
"""Tokens of a text that can be learned; what is behind them has no target."""
UNSAID: Final = -1
NONE: Final = -2
"""In targets: nobody tagged this token; there is no token."""


@dataclass(frozen=True)
class TaggingHead:
    """One tag per token.

    Attributes:
        tags: All tags of the space; a tag's position is its output.
    """

    tags: tuple[str, ...]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> TaggingHead:
        """The head for a label-space schema."""
        return cls(from_schema(schema).tags)

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""
        return len(self.tags)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.int64]:
        """Positions of tags (n, LONGEST), `UNSAID` where nobody said, `NONE` behind the end.

        Raises:
            LabelError: for a value that is no list of tags.
        """
        position = {tag: place for place, tag in enumerate(self.tags)} | {None: UNSAID}
        rows = np.full((len(labelled), LONGEST), NONE, dtype=np.int64)
        for row, (item, value) in enumerate(labelled.items()):
            wrong = next((tag for tag in value if tag not in position), None) if isinstance(value, list | tuple) else value
            if wrong is not None or not len(value):
                raise LabelError(item, value, "a list with a tag for each token, of " + ", ".join(self.tags))
            rows[row, : len(value)] = [position[tag] for tag in value[:LONGEST]]
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Weights (c,) inverse to the tags' frequency, mean 1 over the tokens; a tag that never comes has 1."""
        counts = np.bincount(targets[targets >= 0], minlength=self.outputs).astype(np.float64)
        there = counts > 0
        return np.where(there, counts.sum() / (max(there.sum(), 1) * np.maximum(counts, 1.0)), 1.0).astype(np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Negative log-likelihood (n,) per answered token, in nats; 0 for a text without any. A chain passes smoothing and weights over.

        Args:
            output: See `querist.nets.tagger`.
            target: (n, LONGEST).
            smoothing: Label smoothing in [0, 1).
            weights: Of the tags (c,) or None.
        """
        chain = _read(output)
        target = torch.where(chain.there, _fitting(target, chain.there.shape[1], NONE), NONE)
        counts = (target >= 0).sum(dim=1).clamp(min=1)
        if crf.chained(output):
            return -crf.log_likelihood(chain, target) / counts
        losses = functional.cross_entropy(
            chain.tokens.transpose(1, 2), target.masked_fill(target < 0, -100), weights, reduction="none", label_smoothing=smoothing
        )
        return losses.sum(dim=1) / counts

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities of the tags at every token (n, t, c)."""
        return _log_probs(output).exp()

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest tags (n, LONGEST), and their probability per token (n,): its geometric mean, 1 for a text without tokens."""
        tags, logprob = _decoded(output.detach())
        lengths = (tags >= 0).sum(dim=1)
        return _fitting(torch.where(tags >= 0, tags, NONE), LONGEST, NONE), (logprob / lengths.clamp(min=1)).exp().clamp(max=1.0)

    def doubt(self, output: Tensor) -> Tensor:
        """Mean entropy (n,) of the tokens' tags, in nats."""
        logs = _log_probs(output.detach())
        return _mean(torch.special.entr(logs.exp()).sum(dim=-1), output)

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared difference (n,) of the probabilities of the tokens' tags."""
        return _mean((self.predict(output) - self.predict(reference)).square().mean(dim=-1), output)

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """Every token as a site: probabilities of its tags (marginals of a chain), `decoded` its tag in the likeliest sequence of each sample.

        Of an item: `sequence_logprob` (m, k), log-probability of that sequence, 0 for a text without tokens.
        """
        m, k = output.shape[:2]
        flat = output.flatten(0, 1)
        probs, (tags, logprob) = _log_probs(flat).exp(), _decoded(flat)
        there = (tags[::k] >= 0).reshape(m, tags.shape[1])
        rows = _of_samples(probs, m, k).transpose(1, 2)[there]
        places = torch.nonzero(there)[:, 1:].float()
        return Sites(
            offsets_of(there.sum(dim=1).numpy()),
            probs=rows.float().numpy(),
            place=torch.cat([places, places + 1], dim=1).numpy(),
            features=None if hidden is None else hidden[..., :-1][there].float().numpy(),
            extra={"decoded": _of_samples(tags, m, k).transpose(1, 2)[there].numpy()},
            items={"sequence_logprob": _of_samples(logprob, m, k).double().numpy()},
        )

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `tag_scores`: of the likeliest sequence, or of the tags with the largest mean probability where there are several samples."""
        return tag_scores(self._pairs(said, targets), self.tags)

    def _pairs(self, said: Iterable[Sites], targets: NDArray[Any]) -> Iterator[tuple[list[str | None], list[str | None]]]:
        names = [*self.tags, None]  # position -1 is a token that nobody tagged
        row = 0
        for part in said:
            probs, decoded = np.asarray(part.probs), part.extra["decoded"]
            tags = decoded[:, 0] if decoded.shape[1] == 1 else probs.mean(axis=1, dtype=np.float64).argmax(axis=1)
            for first, last in zip(part.offsets[:-1], part.offsets[1:], strict=True):
                true = [names[tag] for tag in targets[row] if tag != NONE]
                read = [names[tag] for tag in tags[first:last]][: len(true)]
                yield [*read, *[None] * (len(true) - len(read))], true  # what the network did not read is wrong
                row += 1


def _read(output: Tensor) -> crf.Chain:
    """Scores of an output; without a chain nothing is said about what follows what.

    Raises:
        UsageError: for the output of a network that tags no tokens.
    """
    if output.ndim != 3:
        hint = "The recipe tagger with the encoder token-grams does."
        raise UsageError("this network does not tag tokens", got=f"outputs of shape {tuple(output.shape)}", wanted="(texts, tokens, tags)", hint=hint)
    if crf.chained(output):
        return crf.unpacked(output)
    zero = output.new_zeros(len(output), output.shape[-1])
    return crf.Chain(output, zero[:, :, None] * zero[:, None, :], zero, zero, crf.present(output.detach()))


def _log_probs(output: Tensor) -> Tensor:
    """Log-probabilities (n, t, c) of the tags at every token."""
    return crf.marginals(crf.unpacked(output)) if crf.chained(output) else torch.log_softmax(output, dim=-1)


def _decoded(output: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest tags (n, t), -1 where there is no token, and their log-probability (n,)."""
    if crf.chained(output):
        chain = crf.unpacked(output)
        tags, score = crf.best_path(chain)
        return tags, (score - crf.log_partition(chain)).clamp(max=0.0)
    there = crf.present(output)
    best, tags = torch.log_softmax(output, dim=-1).max(dim=-1)
    return torch.where(there, tags, -1), torch.where(there, best, 0.0).sum(dim=1)


def _of_samples(rows: Tensor, m: int, k: int) -> Tensor:
    """Rows (m·k, …) of k samples each as (m, k, …)."""
    return rows.reshape(m, k, *rows.shape[1:])


def _fitting(rows: Tensor, width: int, filler: int) -> Tensor:
    """Rows (n, …) cut or filled up to a width."""
    return functional.pad(rows[:, :width], (0, max(width - rows.shape[1], 0)), value=filler)


def _mean(scores: Tensor, output: Tensor) -> Tensor:
    """Mean (n,) over the tokens of scores (n, t); 0 without tokens."""
    there = _read(output).there
    return torch.where(there, scores, torch.zeros_like(scores)).sum(dim=1) / there.sum(dim=1).clamp(min=1)
