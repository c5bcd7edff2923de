"""Reading a text on the learner's side: scores of characters at every step, and the exact probability of a text (see `ctc`).

Of several right texts the likeliest counts: the network may learn any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from querist.core.errors import LabelError, UsageError
from querist.core.sites import Sites, even
from querist.tasks.sequence import ctc
from querist.tasks.sequence.labels import from_schema
from querist.tasks.sequence.measures import text_scores

PRINTABLE: Final = "".join(chr(code) for code in range(32, 127))
"""Characters of a space without an alphabet of its own."""
LONGEST: Final = 64
"""Characters of a text in a space that allows any length."""
ANSWERS: Final = 8
"""Right texts that an item may have; further ones are not learned."""


@dataclass(frozen=True)
class SequenceHead:
    """A text per item.

    Attributes:
        alphabet: Its characters; a character's output is its position here plus one, 0 is nothing.
        longest: Characters of the longest text.
    """

    alphabet: str = PRINTABLE
    longest: int = LONGEST

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> SequenceHead:
        """The head for a label-space schema."""
        space = from_schema(schema)
        return cls(space.alphabet or PRINTABLE, space.longest or LONGEST)

    @property
    def outputs(self) -> int:
        """Width of the network's last layer."""
        return 1 + len(self.alphabet)

    def targets(self, labelled: Mapping[str, Any]) -> NDArray[np.int64]:
        """Positions of characters of the right texts (n, ANSWERS, longest), `ctc.PADDING` behind their ends.

        Raises:
            LabelError: for what is no list of texts, or a text that is too long or has other characters.
        """
        position = {sign: place for place, sign in enumerate(self.alphabet, 1)}
        rows = np.full((len(labelled), ANSWERS, self.longest), ctc.PADDING, dtype=np.int64)
        for row, (item, value) in enumerate(labelled.items()):
            texts = [value] if isinstance(value, str) else value
            good = isinstance(texts, Sequence) and all(isinstance(text, str) and len(text) <= self.longest and set(text) <= set(position) for text in texts)
            if not good:
                raise LabelError(item, value, f"texts of at most {self.longest} of the characters {self.alphabet}")
            for place, text in enumerate(texts[:ANSWERS]):
                rows[row, place, : len(text)] = [position[sign] for sign in text]
        return rows

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """1 for every output: texts have no classes to balance."""
        return np.ones(self.outputs, dtype=np.float32)

    def loss(self, output: Tensor, target: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Negative log-probability (n,) of the likeliest right text, in nats; 0 for an item without one that has room. Takes no smoothing or weights.

        Raises:
            UsageError: for the output of a network that reads no steps.
        """
        if output.ndim != 3:
            hint = "The recipe line-reader does."
            raise UsageError("this network does not read texts", got=f"outputs of shape {tuple(output.shape)}", wanted="(items, steps, characters)", hint=hint)
        said = ctc.best_of(output, target)
        return torch.where(torch.isfinite(said), -said, torch.zeros_like(said)).clamp(min=0.0)

    def predict(self, output: Tensor) -> Tensor:
        """Probabilities of nothing and of the characters at every step, same shape."""
        return torch.softmax(output, dim=-1)

    def pseudo(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The text of the best path as the only answer, and its probability per character (n,); 0 where nothing is read."""
        texts, logprob, lengths = self._read(output.detach())
        answers = torch.full((len(output), ANSWERS, self.longest), ctc.PADDING, dtype=torch.long)
        answers[:, 0] = texts
        sure = (logprob / lengths.clamp(min=1)).exp().clamp(max=1.0)
        return answers, torch.where(lengths > 0, sure, torch.zeros_like(sure))

    def doubt(self, output: Tensor) -> Tensor:
        """Negative log-probability (n,) per character of the text of the best path, in nats."""
        _, logprob, lengths = self._read(output.detach())
        return -logprob / lengths.clamp(min=1)

    def discrepancy(self, output: Tensor, reference: Tensor) -> Tensor:
        """Mean squared difference (n,) of the probabilities at all steps."""
        return (self.predict(output) - self.predict(reference)).square().mean(dim=(1, 2))

    def sites(self, output: Tensor, x: Tensor, hidden: Tensor | None = None) -> Sites:
        """Every step as a site, with `decoded`: the text that each sample reads, a character a row, `ctc.PADDING` behind its end.

        Of an item: `sequence_logprob` and `sequence_length` (m, k), log-probability and characters of that text.
        """
        m, k, t = output.shape[:3]
        texts, logprob, lengths = self._read(output.flatten(0, 1))
        texts = functional.pad(texts[:, :t], (0, max(t - texts.shape[1], 0)), value=ctc.PADDING)
        return even(
            m,
            t,
            probs=self.predict(output).transpose(1, 2).flatten(0, 1).float().numpy(),
            features=None if hidden is None else hidden.flatten(0, 1).float().numpy(),
            extra={"decoded": texts.reshape(m, k, t).transpose(1, 2).reshape(m * t, k).numpy()},
            items={"sequence_logprob": logprob.reshape(m, k).double().numpy(), "sequence_length": lengths.reshape(m, k).numpy()},
        )

    def metrics(self, said: Iterable[Sites], targets: NDArray[Any]) -> dict[str, float]:
        """See `text_scores`: of the text that most samples read, of equals the first that any reads."""
        return text_scores(self._pairs(said, targets))

    def _read(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Texts (n, longest) of the best paths, cut there, with log-probability and length (n,)."""
        texts = ctc.read(output)[:, : self.longest]
        texts = functional.pad(texts, (0, self.longest - texts.shape[1]), value=ctc.PADDING)
        return texts, ctc.log_probability(output, texts).clamp(max=0.0), (texts != ctc.PADDING).sum(dim=1)

    def _pairs(self, said: Iterable[Sites], targets: NDArray[Any]) -> Iterator[tuple[str, list[str]]]:
        row = 0
        for part in said:
            for first, last in zip(part.offsets[:-1], part.offsets[1:], strict=True):
                read = [self._text(text) for text in part.extra["decoded"][first:last].T]
                yield max(read, key=read.count), [text for text in map(self._text, targets[row]) if text]
                row += 1

    def _text(self, positions: NDArray[Any]) -> str:
        return "".join(self.alphabet[place - 1] for place in positions if place != ctc.PADDING)
