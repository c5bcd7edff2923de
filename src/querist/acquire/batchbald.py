"""BatchBALD: the batch whose labels together tell most about the weights (Kirsch et al. 2019, arXiv 1906.08158)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import Picks
from querist.acquire.stochastic import Stochastic
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels.joint import Joint, greedy, prefiltered


@dataclass(frozen=True)
class BatchBALD:
    """Greedy joint mutual information of labels and weights, given the labels to come of pending items.

    k posterior samples cannot tell more than log k nats. Once the batch is near that, what is left to choose by is noise,
    so the rest of the batch is drawn from all candidates with probability ∝ score ** beta (power-BALD), and each pick says so.

    Attributes:
        samples: Label configurations held; exact while all of them fit, a stratified sample after that.
        prefilter: Candidates with the best scores that the joint stage looks at; 0 for all.
        full: Share of log k at which the joint stage ends; above 1: never.
        beta: Coldness of the draw that fills the rest.
    """

    samples: int = 10_000
    prefilter: int = 5_000
    full: float = 0.95
    beta: float = 1.0

    whole: ClassVar[bool] = True
    """Probabilities of the items themselves are read."""

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if scores is None:
            raise UsageError("BatchBALD needs a score", hint="Give Compose `score = BALD()`.")
        probs = np.asarray(view.stat("probs"))
        members = probs.shape[1]
        rows = prefiltered(scores, self.prefilter)
        joint = Joint(members, max(self.samples, members), rng)
        start = self._wait_for(view, joint)
        found = greedy(probs if len(rows) == len(probs) else probs[rows], k, joint, start, self.full)
        chosen, most = rows[found.rows], float(np.log(members))
        together = start + np.cumsum(found.gains)
        why = [
            f"gain {gain:.4g} nats ({'exact' if place < found.exact else 'sampled'}), together {total:.4g} of at most {most:.4g}"
            for place, (gain, total) in enumerate(zip(found.gains, together, strict=True))
        ]
        if len(chosen) == k:
            return Picks(chosen, found.gains, why)
        rest = np.setdiff1d(np.arange(len(scores)), chosen)
        fill = Stochastic("power", self.beta).choose(view, scores[rest], None, k - len(chosen), rng)
        spent = f"the {members} samples tell no more ({start + found.gains.sum():.4g} of {most:.4g} nats)" if found.full else "beyond the prefilter"
        why += [f"{reason}: {spent}" for reason in fill.why]
        return Picks(np.concatenate([chosen, rest[fill.rows]]), np.concatenate([found.gains, fill.values]), why)

    def _wait_for(self, view: PoolView, joint: Joint) -> float:
        """Takes pending items into the batch; their joint score in nats."""
        total = 0.0
        if not len(view.pending):
            return total
        pending = finite(np.asarray(view.stat("probs", "pending")), view.pending, "probs")
        # Samples of another number are other functions: nothing can be said about them and the candidates together.
        for p in pending if pending.shape[1] == joint.weights.shape[1] else ():
            if total >= self.full * np.log(len(p)):
                break
            total += float(joint.gains(p[None])[0])
            joint.add(p)
        return total
