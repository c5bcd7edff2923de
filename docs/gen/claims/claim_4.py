"""Claim 4: what dropout sees of the disagreement of several networks, what it says of classes never seen, and whether DEBAL's choice is the better one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from claims_a import Claim, Found, Stated, all_as, mean
from retrained import Bed, areas, bought, cells

from querist.bench.behaviour import detection, overconfidence
from querist.bench.labelling import balance
from querist.bench.ledger import Ledger
from querist.bench.measures import aubc
from querist.bench.working import one_thread
from querist.core.rng import stream
from querist.kernels import information
from querist.kernels.calibration import calibration_error, negative_log_likelihood
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inference.ensemble import Ensemble
from querist.learn.inference.ensemble_mc_dropout import EnsembleMCDropout
from querist.learn.inference.mc_dropout import MCDropout

OPTIONS: Mapping[str, Any] = {"recipe": "digits-cnn"}
INFERENCES: Mapping[str, tuple[int, Any]] = {
    "one pass": (1, Deterministic()), "dropout": (1, MCDropout(20)), "debal": (3, EnsembleMCDropout(3, 10)), "ensemble": (5, Ensemble(5))
}  # fmt: skip
CHOSEN = ("random", "dropout", "debal", "ensemble")
SIZES, SEEDS, CANDIDATES, UNSEEN, LABELS = (20, 60, 200), range(10), 1000, 2, 100


def asked(fitted: Any) -> dict[str, Any]:
    """The same networks, asked in every way."""
    return {name: replace(fitted, networks=fitted.networks[:members], inference=inference) for name, (members, inference) in INFERENCES.items()}


def posterior(bed: Bed, seed: int, size: int) -> dict[str, Any]:
    """On random labels: the share of DEBAL's disagreement inside its networks, log loss, calibration error and over-confidence of every inference."""
    labelled, others = bed.sets(seed, size, CANDIDATES)
    ways = asked(bed.fit(labelled, seed, inference=Ensemble(5)))
    between, within = information.between_and_within(ways["debal"].score(others).probs, 3)
    found: dict[str, Any] = {"inside": float(within.sum() / (within + between).sum())}
    for name, fitted in ways.items():
        probs, classes = bed.development(fitted)
        tiny = np.log(np.maximum(probs.astype(np.float64), 1e-30))
        mean_ = probs.mean(axis=1, dtype=np.float64)
        found[name] = {"nll": negative_log_likelihood(tiny, classes), "ece": calibration_error(mean_, classes), "over": overconfidence(mean_, classes)}
    return found


def unseen(bed: Bed, seed: int) -> dict[str, Any]:
    """Trained without two classes: confidence on their items, and how well BALD (entropy, for one pass) finds them among the candidates."""
    hidden = stream(seed, 0, "oracle").permutation(len(bed.data.classes))[:UNSEEN]
    order, _ = bed.sets(seed, len(bed.data.candidates), 0)
    new = np.isin(bed.classes(order), hidden)
    labelled = [item for item, is_new in zip(order, new, strict=True) if not is_new][:LABELS]
    others = [(item, is_new) for item, is_new in zip(order, new, strict=True) if item not in set(labelled)][:CANDIDATES]
    there = np.array([is_new for _, is_new in others])
    found: dict[str, Any] = {}
    for name, fitted in asked(bed.fit(labelled, seed, inference=Ensemble(5))).items():
        probs = fitted.score([item for item, _ in others]).probs
        scores = information.entropy(probs) if name == "one pass" else information.bald(probs)
        confidence = probs.mean(axis=1, dtype=np.float64).max(axis=1)
        doubt = detection(information.entropy(probs), there)
        found[name] = {
            "confidence": float(confidence[there].mean()),
            "found": detection(scores, there),
            "entropy": doubt,
        }
    return found


def chosen(source: Path) -> dict[str, dict[int, list[list[str]]]]:
    """What BALD bought with every inference, and random."""
    found = {name: bought(source / f"digits.{name}", "bald") for name in CHOSEN[1:]}
    return {"random": bought(source / "digits.dropout", "random"), **found}


def measured(source: Path) -> Ledger:
    """Everything that needs training, kept in the bench's folder."""
    kept = Ledger(source / "measures.jsonl", {"options": OPTIONS, "sizes": SIZES, "candidates": CANDIDATES, "unseen": UNSEEN, "labels": LABELS})
    with one_thread():
        bed = Bed.of("digits", OPTIONS)
        for seed in SEEDS:
            for size in SIZES:
                if f"posterior {seed} {size}" not in kept:
                    kept.add(f"posterior {seed} {size}", posterior(bed, seed, size))
            if f"unseen {seed}" not in kept:
                kept.add(f"unseen {seed}", unseen(bed, seed))
        for name, runs in chosen(source).items():
            for seed, rounds in runs.items():
                if f"single {name} {seed}" not in kept:
                    kept.add(f"single {name} {seed}", single(bed, seed, rounds))
    return kept


def single(bed: Bed, seed: int, rounds: list[list[str]]) -> dict[str, Any]:
    """A single network trained again on what was chosen, round by round, and how even the classes are in the end."""
    ids: list[str] = []
    curve, budgets = [], []
    for number, batch in enumerate(rounds, start=1):
        ids += batch
        probs, classes = bed.development(bed.fit(ids, seed, number))
        curve.append(float((probs[:, 0].argmax(axis=1) == classes).mean()))
        budgets.append(len(ids))
    return {"aubc": float(aubc(budgets, curve)), "balance": balance(bed.classes(ids), bed.classes(bed.data.candidates)), "curve": curve}


def measure(source: Path) -> Claim:
    """The claim."""
    kept, found = measured(source), cells(source)

    def loss(name: str, what: str = "nll", size: int | None = None) -> dict[int, float]:
        return {seed: fmean(kept[f"posterior {seed} {one}"][name][what] for one in ([size] if size else SIZES)) for seed in SEEDS}

    def inside(size: int | None = None) -> dict[int, float]:
        return {seed: fmean(kept[f"posterior {seed} {one}"]["inside"] for one in ([size] if size else SIZES)) for seed in SEEDS}

    def new(name: str, what: str) -> dict[int, float]:
        return {seed: kept[f"unseen {seed}"][name][what] for seed in SEEDS}

    def alone(name: str, what: str) -> dict[int, float]:
        return {seed: kept[f"single {name} {seed}"][what] for seed in SEEDS}

    stated = [
        Stated(1, "share of DEBAL's disagreement inside a network", inside(), 0.5, "less"),
        Stated(2, "unseen classes: confidence of dropout, and of DEBAL", new("dropout", "confidence"), new("debal", "confidence"), "more"),
        Stated(2, "unseen classes: found by BALD of dropout, and of DEBAL", new("dropout", "found"), new("debal", "found"), "less"),
        Stated(3, "log loss of DEBAL, and of dropout", loss("debal"), loss("dropout"), "less"),
        Stated(4, "single network on the choice of DEBAL, and of dropout", alone("debal", "aubc"), alone("dropout", "aubc"), "more", 100),
        Stated(4, "evenness of the classes bought by DEBAL, and by dropout", alone("debal", "balance"), alone("dropout", "balance"), "more"),
    ]

    def word(rows: Found) -> tuple[str, str]:
        if not all_as(rows, 2):
            return "does not hold", "Of unseen classes dropout is not shown to know less than DEBAL."
        inside_, choice = all_as(rows, 1), all_as(rows, 4)
        says = "Of classes that it never saw, dropout is more confident than DEBAL, and its BALD finds them less well"
        says += "; most disagreement is between networks" if inside_ else "; but half of the disagreement is inside one network, which dropout sees"
        says += ", and DEBAL's choice is the better one." if choice else ", and that DEBAL's choice is the better one is not shown."
        return "holds" if inside_ and choice else "depends", says

    own = {"random": areas(found["digits.dropout"], "random"), **{name: areas(found[f"digits.{name}"], "bald") for name in CHOSEN[1:]}}
    base = {name: areas(found[f"digits.{name}"], "random") for name in CHOSEN[1:]}
    gap = {name: mean({seed: area - base[name][seed] for seed, area in own[name].items()}, 100) for name in base} | {"random": "–"}
    losses = [(what, size) for what in ("nll", "ece", "over") for size in SIZES]
    chose = ("chosen by", "mean accuracy of a single network", "of its own committee", "over random of the same committee", "evenness of classes")
    tables = [
        ("Classes never seen: 100 labels of eight classes, 10 seeds", ("inference", "confidence on unseen", "found by BALD", "found by entropy"),
         [[name, mean(new(name, "confidence")), "–" if name == "one pass" else mean(new(name, "found")), mean(new(name, "entropy"))] for name in INFERENCES]),
        ("The same labels, drawn at random: log loss (nll), calibration error (ece), confidence − accuracy (over)",
         ("inference", *(f"{what}, {size} labels" for what, size in losses)),
         [[name, *(mean(loss(name, *one)) for one in losses)] for name in INFERENCES]),
        ("Share of DEBAL's disagreement inside a network", tuple(f"{size} labels" for size in SIZES), [[mean(inside(size)) for size in SIZES]]),
        ("What BALD chose, 20 to 200 labels", chose,
         [[name, mean(alone(name, "aubc"), 100), mean(own[name], 100), gap[name], mean(alone(name, "balance"))] for name in CHOSEN]),
    ]  # fmt: skip
    return Claim("dropout collapses to one mode of the posterior, DEBAL repairs it", stated, word, tables, {"measured": kept.rows})
