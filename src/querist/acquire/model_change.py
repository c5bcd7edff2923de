"""Expected model change: how much a label is expected to move the weights.

Reference:
    Settles, Craven & Ray 2008; Zhang, Lease & Wallace 2017, arXiv 1606.04212.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.scores import Entropy
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels.expected_change import expected_gradient_length
from querist.kernels.information import predictive
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class GradientLength:
    """Σ_c p_c ‖∂CE(x, c)/∂(W, b)‖ of the last layer.

    Attributes:
        squared: Expect the squared length.
        bias: Count the gradient of the bias too.
    """

    squared: bool = False
    bias: bool = True

    @property
    def needs(self) -> frozenset[str]:
        """Both sides of the last layer's gradient."""
        return frozenset({"probs", "features"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) ≥ 0 of the candidates."""
        probs, features = (finite(np.asarray(view.stat(name)), view.candidates, name) for name in ("probs", "features"))
        return expected_gradient_length(predictive(probs), features, squared=self.squared, bias=self.bias)


@dataclass(frozen=True)
class WordChange:
    """The expected gradient length of the word that would learn most; on request mixed with entropy, which takes over with the rounds.

    Attributes:
        rounds: T of the mixture: in round t the words' part is drawn from a Beta distribution with mean 1 - (t - 1)/T. 0 does not mix.
        firmness: Sum of the two parameters of that distribution; large ones follow the mean closely.
    """

    rounds: int = 0
    firmness: float = 10.0

    @property
    def needs(self) -> frozenset[str]:
        """`word_gradient`, and `probs` for a mixture."""
        return frozenset({"word_gradient", "probs"} if self.rounds else {"word_gradient"})

    def part(self, number: int, rng: np.random.Generator) -> float:
        """The words' part in a round, in [0, 1].

        Raises:
            UsageError: for a negative number of rounds, or a firmness that is not positive.
        """
        if self.rounds < 0 or not self.firmness > 0:
            raise UsageError("this mixture cannot be drawn", got=f"rounds={self.rounds}, firmness={self.firmness:g}", wanted="rounds ≥ 0, firmness > 0")
        if not self.rounds:
            return 1.0
        mean = float(np.clip(1.0 - (number - 1) / self.rounds, 0.01, 0.99))
        return float(rng.beta(self.firmness * mean, self.firmness * (1.0 - mean)))

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        part = self.part(view.round, rng)
        lengths = finite(np.asarray(view.stat("word_gradient"), dtype=np.float64), view.candidates, "word_gradient")
        scores = lengths if not self.rounds else part * _scaled(lengths) + (1.0 - part) * _scaled(finite(Entropy()(view), view.candidates, "entropy"))
        rows = top_k(scores, k)
        why = [f"score {scores[row]:.4g}: word gradient {lengths[row]:.4g}" + (f", its part {part:.2f}" if self.rounds else "") for row in rows]
        return selection(view, rows, scores[rows], why)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Values over their largest: lengths and nats have no common unit."""
    return values / max(float(values.max(initial=0.0)), float(np.finfo(np.float32).tiny))
