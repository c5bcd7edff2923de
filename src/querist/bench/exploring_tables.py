"""What tuning, transfer and analysis say on the terminal: a table and plain sentences."""

from __future__ import annotations

from rich.table import Table

from querist.bench.analysing import REDUNDANT, Analysis
from querist.bench.rank_stability import Stability
from querist.bench.redundancy import NEAR
from querist.bench.retention import ENOUGH, FAMILIES, GAIN, SMALL
from querist.bench.statistics import LEAST_SEEDS
from querist.bench.transferring import ORIGINAL, Transfer
from querist.bench.tuning import OWN, Tuned
from querist.bench.wording import interval, percent, points

SHOWN = 8
"""Trials in the table."""
_FAMILY = {"random": "random", "top": "most important", "spread": "important, spread out", "bottom": "least important"}


def family(name: str) -> str:
    """A family of subsets for people."""
    return _FAMILY[name]


def _grid(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", overflow="fold")
    return table


def tuned_table(tuned: Tuned) -> Table:
    """The best trials and the recipe's own settings."""
    names = [dimension.name for dimension in tuned.dimensions]
    request = tuned.request
    title = f"{request.dataset}: {len(tuned.trials)} trials, accuracy on {request.validation} validation items"
    table = _grid(title, "trial", *names, *(f"{size:,} labels" for size in request.labels), "mean")
    by_score = sorted(tuned.trials, key=lambda trial: (trial.score is None, -(trial.score or 0.0), trial.trial))
    shown = by_score[:SHOWN] if OWN in {trial.trial for trial in by_score[:SHOWN]} else [*by_score[: SHOWN - 1], tuned.trials[OWN]]
    for trial in shown:
        label = f"{trial.trial} (recipe)" if trial.trial == OWN else str(trial.trial)
        settings = [f"{'× ' if name == 'steps' else ''}{trial.params[name]:g}" for name in names]
        means = [percent(sum(values) / len(values)) if values else "–" for values in trial.scores.values()]
        table.add_row(
            label, *settings, *means, "diverged" if trial.score is None else percent(trial.score), style="green" if trial.trial == tuned.chosen else None
        )
    return table


def tuned_sentence(tuned: Tuned) -> str:
    """What was found, what it is worth, and what it cost in labels."""
    counted = tuned.counted
    cost = (
        f"The search saw {counted['total']:,} labels ({counted['validation']:,} of them for validation); a study that counts honestly adds them to its labels."
    )
    found = tuned.confirmed
    if found is None:
        return f"No trial beat the recipe's own settings, which stay. {cost}"
    if not found.best:
        return f"Trial {tuned.best} scored best; it was not tested again, so this is optimistic. {cost}"
    pair, sets = found.paired, f"{found.paired.n} fresh labelled sets"
    spread = "" if pair.low is None else f", 95 % interval {interval(pair.low, pair.high)}"
    text = f"On {sets} trial {tuned.best} is {points(pair.difference)} points from the recipe's own settings{spread}: {found.verdict}."
    if found.verdict == "no verdict":
        text = f"{text.removesuffix('.')} (it takes {LEAST_SEEDS} sets)."
    return f"{text} {'Its settings are taken.' if tuned.chosen != OWN else 'The recipe’s own settings stay.'} {cost}"


def transfer_table(found: Transfer) -> Table:
    """Gains over the baseline under the model that chose and under the others."""
    table = _grid(
        f"{found.study}: mean {found.metric.replace('_', ' ')} over the budget minus that of random, points (95 %)",
        "method",
        "model",
        "original",
        "transferred",
        "retained (95 %)",
        "n",
        "verdict",
    )
    for row in found.rows:
        original = f"{points(row.original.difference)} ({interval(row.original.low, row.original.high)})"
        moved = f"{points(row.transferred.difference)} ({interval(row.transferred.low, row.transferred.high)})"
        share = "no gain to retain" if row.share is None else f"{100 * row.share:.0f} %"
        if row.low is not None and row.high is not None:
            share += f" ({100 * row.low:.0f} to {100 * row.high:.0f})".replace("-", "−")
        table.add_row(row.method, row.model, original, moved, share, str(row.original.n), row.transferred.verdict)
    return table


def transfer_sentence(found: Transfer) -> str:
    """Who is first under which model."""
    first = {model: found.order(model)[0] for model in found.curves}
    text = "; ".join(f"{name} is first under {'the model that chose' if model == ORIGINAL else model}" for model, name in first.items())
    shown = f"A share is given only where the method is better than random under the model that chose ({LEAST_SEEDS} seeds or more)."
    return f"{text[0].upper()}{text[1:]}. {shown}"


def ranks_table(found: Stability) -> Table:
    """Mean ranks, and how far they move."""
    table = _grid("Mean rank, 1 is best", "method", "all", "one left out", *(row.dataset for row in found.left_out))
    for name in found.methods:
        low, high = found.ranges[name]
        table.add_row(name, f"{found.mean_ranks[name]:.2f}", f"{low:.2f} to {high:.2f}", *(f"{row.ranks[name]:g}" for row in found.left_out))
    return table


def ranks_sentence(found: Stability) -> str:
    """How well the others foretell a data set."""
    parts = []
    for row in found.left_out:
        agreement = "" if row.spearman is None else f", rank correlation {row.spearman:.2f}".replace("-", "−")
        parts.append(
            f"{row.dataset}: the others would take {row.choice}, rank {row.rank_of_choice:g} there, {100 * row.regret:.2f} points from the best{agreement}"
        )
    mean = "" if found.mean_spearman is None else f" Mean rank correlation {found.mean_spearman:.2f}.".replace("-", "−")
    aside = f" Not in all studies: {', '.join(found.left_aside)}." if found.left_aside else ""
    return f"{'; '.join(parts)}.{mean}{aside}"


def analysis_table(found: Analysis) -> Table:
    """Accuracy of subsets by size and family."""
    title = f"{found.dataset}: accuracy when trained on a part of the {found.items:,} items, as a share of {percent(found.full_accuracy)}"
    table = _grid(title, "part", "items", *(family(name) for name in FAMILIES))
    for share, items, cells in analysis_rows(found):
        table.add_row(share, items, *cells)
    return table


def analysis_rows(found: Analysis) -> list[tuple[str, str, list[str]]]:
    """Part, items, and the share of the full accuracy in every family."""
    cells = {(row.family, row.share): row for row in found.retention}
    shares = sorted({row.share for row in found.retention})
    rows = []
    for share in shares:
        texts = [percent(cells[name, share].of_full) if (name, share) in cells else "–" for name in FAMILIES]
        rows.append((f"{100 * share:g} %", f"{cells['random', share].items:,}", texts))
    return rows


def analysis_sentence(found: Analysis) -> str:
    """The verdict with its numbers."""
    told, part = found.finding, f"{100 * found.finding.share:g} %"
    best, plain = percent(told.best_of_full), percent(told.random_of_full)
    gap = f"{points(told.difference)} points" + ("" if told.low is None else f", 95 % interval {interval(told.low, told.high)}") + f"; n = {told.n}"
    return f"The best {part} ({family(told.best)}) reach {best} of the full accuracy, a random {part} {plain} ({gap}): {told.word}. {why(found)}"


def why(found: Analysis) -> str:
    """What the word means here."""
    told, small, enough = found.finding, f"{100 * SMALL:g} %", f"{100 * ENOUGH:g} %"
    if told.word == "worth it":
        return f"A chosen small part is better than a random one by {100 * GAIN:g} point or more: labels that are chosen well can save labels."
    if told.word == "no small sufficient subset":
        return f"No part of {small} or less, chosen or random, reaches {enough} of the full accuracy: this data set wants labels, whichever they are."
    if told.n < LEAST_SEEDS:
        return f"Fewer than {LEAST_SEEDS} seeds show nothing."
    if told.random_of_full >= ENOUGH:
        return f"A random part reaches {enough} by itself: few labels are enough here, and at these sizes there is little left to choose for."
    return f"No chosen part of {small} or less is shown to be better than a random one by {100 * GAIN:g} point or more."


def redundancy_sentence(found: Analysis) -> str:
    """What was found about repetition."""
    inputs, features, importance = found.inputs, found.features, found.importance
    copies = f", {percent(inputs.copies)} an exact copy" if inputs.copies else ""
    text = f"{percent(inputs.near_duplicates)} of the items have a near-duplicate{copies}: about {inputs.distinct:,.0f} of {inputs.items:,} items are distinct."
    if found.redundant:
        text += " The data set repeats itself: take a method that spreads its batch, or drop duplicates first."
    elif inputs.near_duplicates >= REDUNDANT:
        text += " In so few effective dimensions items lie close without being copies."
    agreement = "" if importance["agreement"] is None else f", rank correlation {importance['agreement']:.2f} between seeds"
    held = f"Importance: the top tenth of the items holds {percent(importance['top_10_share'])} of it (Gini {importance['gini']:.2f}{agreement})."
    rank = f"{inputs.effective_rank:.1f} of {inputs.dimension:,} inputs, {features.effective_rank:.1f} of {features.dimension:,} features"
    return f"{text} {held} Effective rank: {rank}."


def threshold_sentence() -> str:
    """What the verdict hangs on."""
    worth = f"worth it takes {100 * GAIN:g} point over random, a Holm-adjusted p below .05 and {LEAST_SEEDS} seeds"
    near = f"near-duplicates lie within {NEAR:g} of the median distance of two items; redundant is {100 * REDUNDANT:g} % of them or more"
    return f"Thresholds: small is {100 * SMALL:g} % of the pool or less; sufficient is {100 * ENOUGH:g} % of the full accuracy; {worth}; {near}."
