"""How results are said. Losers are named, and nothing is claimed that the verdicts do not allow."""

from __future__ import annotations

from querist.bench.results import AtBudget, Comparison, Gain, LabelSaving, Study
from querist.bench.spec import BASELINE
from querist.bench.statistics import LEAST_SEEDS

_ORDER = ("better", "equivalent", "no difference shown", "no verdict", "worse")


def percent(value: float) -> str:
    """0.9514 as `95.1 %`."""
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """A difference of accuracies in points with its sign: `+1.92`, `−0.40`."""
    rounded = f"{100 * value:+.2f}"
    return "0.00" if float(rounded) == 0 else rounded.replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    """A 95 % interval in points, or a dash."""
    return "–" if low is None or high is None else f"{points(low)} to {points(high)}"


def p_value(p: float | None) -> str:
    """`< .001`, `.013`, or a dash."""
    return "–" if p is None else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def needed(saving: LabelSaving) -> str:
    """Labels relative to the baseline's: `0.46 ×`; `> 1.00 ×` where the method never gets there."""
    if saving.ratio is not None:
        return f"{1 / saving.ratio:.2f} ×"
    if saving.bound is None:
        return "not reached"
    return f"{'>' if saving.censored == 'method' else '<'} {1 / saving.bound:.2f} ×"


def needed_interval(saving: LabelSaving) -> str:
    """Its 95 % interval: `0.38 to 0.61`, open ends as `more than 1.00`; empty without one."""
    if saving.low is None or saving.high is None:
        return ""
    low = f"{'less than ' if saving.high_open else ''}{1 / saving.high:.2f}"
    return f"{low} to {'more than ' if saving.low_open else ''}{1 / saving.low:.2f}"


def verdict_text(comparison: Comparison, margin: float) -> str:
    """The verdict with what qualifies it."""
    if comparison.verdict == "no verdict":
        return f"n = {comparison.n}: no verdict"
    tiny = comparison.low90 is not None and comparison.high90 is not None and -margin <= comparison.low90 and comparison.high90 <= margin
    if comparison.verdict in ("better", "worse") and tiny:
        return f"{comparison.verdict}, within ± {100 * margin:g} points"
    return comparison.verdict


def ranked(study: Study) -> list[Comparison]:
    """The comparisons, best first: by verdict, then by difference."""
    return sorted(study.comparisons, key=lambda row: (_ORDER.index(row.verdict), -row.difference, row.method))


def gain_text(gain: Gain) -> str:
    """One source of a gain in a line."""
    certainty = "" if gain.low is None else f" (95 % interval {interval(gain.low, gain.high)})"
    return f"{gain.source}: {points(gain.difference)} points{certainty}, {gain.method} against {gain.baseline}, {gain.n} seeds: {gain.verdict}"


def final_saving(study: Study, method: str) -> LabelSaving | None:
    """The label saving at the baseline's final accuracy."""
    return next((row for row in study.label_saving if row.method == method and row.fraction == 1.0), None)


def final_accuracy(study: Study, method: str) -> AtBudget | None:
    """Accuracies of method and baseline with the whole budget."""
    return next((row for row in study.at_budget if row.method == method and row.labels == study.budgets[-1]), None)


def statement(study: Study, comparison: Comparison) -> str:
    """What was measured of one method, in plain sentences."""
    name, parts = comparison.method, []
    saving, final = final_saving(study, name), final_accuracy(study, name)
    if saving is not None:
        parts.append(_saving_sentence(study, saving))
    if final is not None:
        labels = study.tuning_labels + final.labels
        gap = f"{points(final.difference)} points" + ("" if final.low is None else f", 95 % interval {interval(final.low, final.high)}")
        parts.append(f"With {labels:,} labels {name} reached {percent(final.accuracy)}, {BASELINE} {percent(final.baseline_accuracy)} ({gap}).")
    parts.append(_verdict_sentence(study, comparison))
    return " ".join(parts)


def sentence(study: Study) -> str:
    """The one statement that a study ends with: of the best method by verdict and difference, then the methods that lost."""
    rows = ranked(study)
    if not rows:
        curves = study.methods[BASELINE].curve
        if not curves:
            return "No run finished."
        reached = percent(sum(row[-1] for row in curves) / len(curves))
        return f"{BASELINE} reached {reached} with {study.counted[-1]:,} labels; there was nothing to compare it with."
    best, *others = rows
    text = statement(study, best)
    if others:
        text += f" First of {len(rows)} methods compared, by verdict and then by difference."
    if study.tuning_labels:
        text += f" Labels include the {study.tuning_labels:,} that tuned the recipe, for every method alike."
    worse = [f"{row.method} ({points(row.difference)} points)" for row in others if row.verdict == "worse"]
    return f"{text} Worse than {BASELINE}: {', '.join(worse)}." if worse else text


def _saving_sentence(study: Study, saving: LabelSaving) -> str:
    if saving.ratio is None:
        more = "" if saving.bound is None else f": it needs more than {1 / saving.bound:.2f} × the labels"
        return f"{saving.method} did not reach the final {study.measure} of {BASELINE} ({percent(saving.at)}) within {study.counted[-1]:,} labels{more}."
    ends = needed_interval(saving)
    certainty = f"95 % interval {ends}; {saving.n} seeds" if ends else f"{saving.n} seeds: no interval" if saving.n > 1 else "1 seed: no interval"
    return f"{saving.method} needed {needed(saving)} the labels of {BASELINE} to reach its final {study.measure} of {percent(saving.at)} ({certainty})."


def _verdict_sentence(study: Study, comparison: Comparison) -> str:
    margin = float(study.spec.get("margin", 0.005))
    area = f"{points(comparison.difference)} points of mean {study.measure} over the budget"
    if comparison.verdict == "no verdict":
        return f"Verdict: none with n = {comparison.n}, at least {LEAST_SEEDS} seeds are needed ({area})."
    certainty = f"95 % interval {interval(comparison.low, comparison.high)}, adjusted p {_relation(comparison.p)}"
    return f"Verdict: {verdict_text(comparison, margin)} ({area}, {certainty})."


def _relation(p: float | None) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"
