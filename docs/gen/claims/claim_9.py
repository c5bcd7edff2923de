"""Claim 9: the share of planted outliers in what was bought, and of adversarial points in what would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from claims_a import Claim, Found, Stated
from claims_b import told
from retrained import Bed, areas, bought, cells
from torch import Tensor

from querist.assemble.parts import learner
from querist.bench.ledger import Ledger
from querist.bench.statistics import paired_t
from querist.bench.working import one_thread
from querist.core import catalogue
from querist.core.rng import stream
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inference.mc_dropout import MCDropout
from querist.learn.statistics.deepfool import DeepFool
from querist.learn.statistics.question import probing
from querist.learn.statistics.registry import compute
from querist.learn.view import FittedView

SETS = ("penbased", "digits")
METHODS = ("entropy", "margin", "bald", "dfal", "coreset", "typiclust")
SCORES = ("entropy", "margin", "bald", "dfal")
CHANCE = 1 / 11
SEEDS, LABELS, CLEAN, MOVED, BUY = range(10), 300, 2000, 200, 100
ATTACKS = {"deepfool": 0.0, "sign 0.1": 0.1, "sign 0.5": 0.5}
OF = ("own", "foreign")


@dataclass(frozen=True)
class Changed:
    """The inputs of a pool, some of them moved."""

    inner: Any
    moved: Mapping[str, Tensor]

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the pool's."""
        shape: tuple[int, ...] = self.inner.shape
        return shape

    def batch(self, ids: Sequence[str]) -> Tensor:
        """Tensors, the moved ones where there are any."""
        x: Tensor = self.inner.batch(ids).clone()
        for place, item in enumerate(ids):
            if item in self.moved:
                x[place] = self.moved[item]
        return x


def attacked(network: Any, x: Tensor, step: float) -> Tensor:
    """The points moved to err: by DeepFool where the step is 0, else by the sign of the gradient of the loss of what the network says."""
    with probing(network):
        if not step:
            return DeepFool()(network, x).point.detach()
        point = x.clone().requires_grad_()
        logits = network(point)
        torch.nn.functional.cross_entropy(logits, logits.argmax(dim=1).detach()).backward()  # type: ignore[no-untyped-call]
        assert point.grad is not None
        return (x + step * point.grad.sign()).detach()


def shares(bed: Bed, seed: int) -> dict[str, dict[str, float]]:
    """`attack of` → method → share of moved points in what it would buy; and under `flipped` the share on which the chooser errs afresh."""
    order = stream(seed, 0, "init_set").permutation(len(bed.data.candidates))
    ids = [bed.data.candidates[row] for row in order[: 2 * LABELS + CLEAN + MOVED]]
    own, other = bed.fit(ids[:LABELS], seed), bed.fit(ids[LABELS : 2 * LABELS], seed + len(SEEDS))
    candidates, marked = sorted(ids[2 * LABELS :]), ids[-MOVED:]
    x = bed.ground.inputs.batch(marked)
    found = {}
    for attack, step in ATTACKS.items():
        for whose, network in zip(OF, (own.networks[0], other.networks[0]), strict=True):
            points = attacked(network, x, step)
            inputs: Any = Changed(bed.ground.inputs, dict(zip(marked, points, strict=True)))
            with torch.no_grad():
                said = [own.networks[0].eval()(side).argmax(dim=1) for side in (x, points)]
            row = {"flipped": float((said[0] != said[1]).float().mean())}
            for method in METHODS:
                row[method] = _bought(replace(own, inputs=inputs), method, candidates, ids[:LABELS], bed, set(marked), seed)
            found[f"{attack} {whose}"] = row
    return found


def _bought(fitted: Any, method: str, candidates: Sequence[str], labelled: Sequence[str], bed: Bed, marked: set[str], seed: int) -> float:
    asked = replace(fitted, inference=MCDropout() if catalogue.inference_name(method) == "mc_dropout" else Deterministic())
    provides = learner({"recipe": "mlp"}, "random").provides
    view = FittedView(
        candidates, sorted(labelled), [], bed.classes(sorted(labelled)).tolist(), len(bed.data.classes), asked.score, provides, 1,
        lambda name, of: compute(name, asked, of),
    )  # fmt: skip
    chosen = catalogue.acquisition(method).select(view, BUY, stream(seed, 1, "select"))
    return fmean(item in marked for item in chosen.ids)


def adversarial(source: Path) -> Ledger:
    """All seeds, kept in the bench's folder."""
    kept = Ledger(source / "adversarial.jsonl", {"labels": LABELS, "clean": CLEAN, "moved": MOVED, "buy": BUY, "attacks": ATTACKS})
    with one_thread():
        bed = Bed.of("penbased", {"recipe": "mlp"})
        for seed in SEEDS:
            if str(seed) not in kept:
                kept.add(str(seed), shares(bed, seed))
    return kept


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives, for the scores of uncertainty."""
    by: dict[tuple[int, str], set[str]] = {}
    for one, _, answer in found:
        by.setdefault((one.number, one.what.rpartition(": ")[2]), set()).add(answer)
    names = [[method for method in SCORES if by[number, method] == {"as stated"}] for number in (1, 2, 4)]
    kind = "holds" if all(len(one) == len(SCORES) for one in names) else "depends"
    outliers, near, far = (", ".join(one) or "none" for one in names)
    return kind, f"Above chance in outliers on both sets: {outliers}; in points just across a boundary: {near}; in points moved half a deviation: {far}."


def measure(source: Path) -> Claim:
    """The claim."""
    found, kept = cells(source), adversarial(source)
    stated: list[Stated] = []
    outliers, moved = [], []
    for name in SETS:
        cell = found[f"{name}+outlier10"]
        for method in ("random", *METHODS):
            runs = bought(source / f"{name}+outlier10", method)
            share = {seed: fmean(item.endswith("~o") for batch in batches[1:] for item in batch) for seed, batches in runs.items()}
            row = [name, method, f"{100 * fmean(share.values()):.1f} %"]
            if method != "random":
                stated.append(Stated(1, f"{name}, share of outliers: {method}", share, CHANCE, "more", 100))
                row.append(told(paired_t(areas(cell, method), areas(cell, "random"))))
            else:
                row.append("–")
            outliers.append(row)
    for attack in ATTACKS:
        for whose in OF:
            for method in METHODS:
                share = {seed: kept[str(seed)][f"{attack} {whose}"][method] for seed in SEEDS}
                if method in SCORES:
                    stated.append(Stated(2 + list(ATTACKS).index(attack), f"{attack}, {whose}: {method}", share, CHANCE, "more", 100))
            flipped = fmean(kept[str(seed)][f"{attack} {whose}"]["flipped"] for seed in SEEDS)
            means = [f"{100 * fmean(kept[str(seed)][f'{attack} {whose}'][method] for seed in SEEDS):.1f} %" for method in METHODS]
            moved.append([attack, whose, f"{100 * flipped:.0f} %", *means])
    heads = ("set", "method", "outliers bought (chance 9.1 %)", "accuracy − random")
    tables = [
        ("Outliers: shares, and what they cost in points (95 %)", heads, outliers),
        ("Adversarial points among the 100 bought (chance 9.1 %)", ("attack", "network", "predictions changed", *METHODS), moved),
    ]
    return Claim("uncertainty chases outliers and adversarial points", stated, word, tables, {"adversarial": dict(kept.rows)})
