"""Sentences that are made from the numbers, by rules that the report states."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.metrics import LEADING, MIN_GROUP, Gap
from agegender.report.results import Curve

# A model overfits if its validation loss ends at least this much above its lowest value, and its
# training loss at the end is below what it was then.
OVERFITTING_RISE = 0.05
# A validation loss still falls if the last epoch brought it down by at least this much.
STILL_FALLING = 0.01


class Score(NamedTuple):
    """How a score is called and written.

    Attributes:
        name: in a sentence and at the head of a row.
        factor: what to multiply it by; a share becomes percent.
        unit: behind the number, with the space before it.
        difference: the unit of a difference.
        decimals: how many are written.
        more_is_better: None where neither is.
    """

    name: str
    factor: float
    unit: str
    difference: str
    decimals: int
    more_is_better: bool | None

    def write(self, value: float | None) -> str:
        """The number with its unit; a dash where it is not defined."""
        return self._number(value, self.unit)

    def bare(self, value: float | None) -> str:
        """The number without its unit."""
        return self._number(value, "")

    def write_difference(self, value: float, signed: bool = True) -> str:
        """The number as a difference, with its sign unless told otherwise."""
        if math.isnan(value):
            return "–"
        return self.bare_difference(value, signed) + self.difference

    def bare_difference(self, value: float, signed: bool = True) -> str:
        """The same without its unit."""
        if math.isnan(value):
            return "–"
        return self._signed(value, "+") if signed else self._signed(abs(value), "")

    def write_range(self, low: float, high: float, plus: str = "+") -> str:
        """The interval of a difference; ``plus`` is the sign of what is above 0."""
        return self.bare_range(low, high, plus) + self.difference

    def bare_range(self, low: float, high: float, plus: str = "+") -> str:
        """The same without its unit."""
        if math.isnan(low) or math.isnan(high):
            return "–"
        return f"{self._signed(low, plus)} to {self._signed(high, plus)}"

    def _signed(self, value: float, plus: str) -> str:
        number = f"{abs(value) * self.factor:.{self.decimals}f}"
        if float(number) == 0:
            return number
        return f"{plus if value > 0 else '−'}{number}"

    def _number(self, value: float | None, unit: str) -> str:
        if value is None or math.isnan(value):
            return "–"
        return f"{value * self.factor:.{self.decimals}f}{unit}".replace("-", "−")


def _share(name: str, more_is_better: bool) -> Score:
    return Score(name, 100, "\N{NO-BREAK SPACE}%", "\N{NO-BREAK SPACE}points", 1, more_is_better)


def _years(name: str, more_is_better: bool | None) -> Score:
    unit = "\N{NO-BREAK SPACE}years"
    return Score(name, 1, unit, unit, 2, more_is_better)


SCORES = {
    "gender": {
        "accuracy": _share("gender accuracy", True),
        "auc": Score("AUC", 1, "", "", 3, True),
        "brier": Score("Brier score", 1, "", "", 3, False),
        "calibration_error": Score("calibration error", 1, "", "", 3, False),
    },
    "age": {
        "mae": _years("age MAE", False),
        "rmse": _years("age RMSE", False),
        "median_error": _years("median age error", False),
        "bias": _years("age bias", None),
        "cs5": _share("CS@5", True),
    },
}


def difference(score: Score, first: str, second: str, estimate: Estimate) -> str:
    """Whether ``second`` differs from ``first`` by more than chance, in a sentence.

    Args:
        score: what is compared.
        first: what a sentence calls one model.
        second: the other.
        estimate: the second's score less the first's.
    """
    value, low, high = estimate
    if math.isnan(value) or math.isnan(low):
        return f"The {score.name} of the two cannot be compared: it is not defined here."
    interval = f"95 % interval {score.write_range(low, high)}"
    if value == 0:
        return f"The {score.name} of the two is the same ({interval})."
    size = score.write_difference(value, signed=False)
    word = "higher" if value > 0 else "lower"
    start = f"{capitalised(second)}’s {score.name} is {size} {word} than {first}’s ({interval})"
    if estimate.is_chance:
        return f"{start}: no more than chance may bring about."
    if score.more_is_better is None:
        return f"{start}: more than chance."
    better = (value > 0) == score.more_is_better
    return f"{start}: {'better' if better else 'worse'} by more than chance."


def verdict(
    differences: Mapping[str, Mapping[str, Estimate]], first: str, second: str
) -> list[str]:
    """Which model to take for each task, by its leading score.

    Args:
        differences: by task and score, the second model's less the first's.
        first: what a sentence calls one model.
        second: the other.
    """
    sentences = []
    for task, scores in differences.items():
        name = LEADING[task][0]
        estimate = scores[name]
        score = SCORES[task][name]
        interval = score.write_range(estimate.low, estimate.high)
        noun = "telling gender" if task == "gender" else "estimating age"
        if estimate.is_chance:
            sentences.append(
                f"For {noun}, these test photos do not tell which model is better: the "
                f"difference in {score.name}, {score.write_difference(estimate.value)} "
                f"(95 % interval {interval}), may be chance."
            )
        else:
            better = (estimate.value > 0) == score.more_is_better
            sentences.append(
                f"For {noun}, take {second if better else first}: its {score.name} is better by "
                f"{score.write_difference(estimate.value, signed=False)}, more than chance "
                f"(95 % interval of the difference {interval})."
            )
    return sentences


def against_baseline(score: Score, value: float, low: float, high: float, baseline: float) -> str:
    """Whether a score beats that of answering without looking, in a sentence."""
    start = f"Answering without looking scores {score.write(baseline)}; the model "
    if score.more_is_better:
        better, worse, by = low > baseline, high < baseline, value - baseline
    else:
        better, worse, by = high < baseline, low > baseline, baseline - value
    if better:
        return f"{start}beats that by {score.write_difference(by, signed=False)}."
    if worse:
        return f"{start}is worse than that by {score.write_difference(-by, signed=False)}."
    return f"{start}is no better than that by more than chance may bring about."


def fitting(model: str, curve: Curve, training: Mapping[str, Any], train_on: str = "train") -> str:
    """What a loss curve shows about overfitting, by the rule that the report states.

    Args:
        model: what a sentence calls it.
        curve: of the loss of all tasks.
        training: the parameters of its training stage.
        train_on: the splits that it was trained on.
    """
    if train_on != "train":
        return (
            f"{capitalised(model)} was trained on the validation photos too, so that these curves "
            "cannot show whether it overfits."
        )
    keeps_best = training["restore_best_weights"]
    epochs = len(curve.validation)
    if epochs == 1:
        return f"After one epoch, {model} has no curve yet that could show overfitting."
    lowest = curve.lowest
    best, last = curve.validation[lowest], curve.validation[-1]
    numbers = (
        f"validation loss {best:.2f} at its lowest, after epoch {lowest + 1}, and {last:.2f} at "
        f"the end; training loss {curve.training[-1]:.2f}"
    )
    kept = ""
    if keeps_best:
        which = "model" if training["ensemble_size"] == 1 else "first network"
        kept = f" The {which} kept is that of epoch {lowest + 1}."
    rise = last - best
    if rise >= OVERFITTING_RISE * abs(best) and curve.training[-1] < curve.training[lowest]:
        # Fewer epochs would end in the weights that are kept anyway.
        remedy = "More dropout" if keeps_best else "Fewer epochs or more dropout"
        return (
            f"{capitalised(model)} overfits: from epoch {lowest + 1} on, training loss falls while "
            f"validation loss rises ({numbers}).{kept} {remedy} may serve it."
        )
    if lowest == epochs - 1:
        fall = curve.validation[-2] - last
        if fall >= STILL_FALLING * abs(curve.validation[-2]):
            return (
                f"{capitalised(model)} does not overfit, and its validation loss is still falling "
                f"({numbers}): more epochs may improve it.{kept}"
            )
    return f"The curves of {model} show no overfitting by the rule ({numbers}).{kept}"


def gap(task: str, gap: Gap) -> str:
    """How far apart the best and the worst group are in the task's leading score, in words."""
    score = SCORES[task][LEADING[task][0]]
    size = gap.size
    return (
        f"{score.write_difference(size.value, signed=False)} in {score.name} between "
        f"{people(gap.by, gap.best)} (best) and {people(gap.by, gap.worst)} (worst), 95 % interval "
        f"{score.write_range(size.low, size.high, plus='')}"
        f"{', which may be chance' if size.is_chance else ''}"
    )


def failing(task: str, gap: Gap, rows: Sequence[Mapping[Any, Any]]) -> str:
    """For whom a model fails most, against whom, in words.

    Args:
        task: gender or age, whose leading score is told.
        gap: between the best and the worst group.
        rows: of the groups table.
    """
    name = LEADING[task][0]
    score = SCORES[task][name]
    values = {row["group"]: score.write(row[name]) for row in rows if row["by"] == gap.by}
    return (
        f"{people(gap.by, gap.worst)} ({score.name} {values[gap.worst]}, against "
        f"{values[gap.best]} of {people(gap.by, gap.best)})"
    )


def worst_for_both(task: str, gaps: Sequence[Sequence[Gap]]) -> str:
    """Which groups both models are worst for by more than chance, in a sentence.

    Args:
        task: gender or age.
        gaps: of each model.
    """
    first, second = (
        {people(each.by, each.worst): None for each in model if not each.size.is_chance}
        for model in gaps
    )
    shared = [group for group in first if group in second]
    noun = "telling gender" if task == "gender" else "estimating age"
    if not shared:
        return f"At {noun}, no group is by more than chance the worst for both models."
    *start, end = shared
    listed = f"{', '.join(start)} and {end}" if start else end
    return (
        f"At {noun}, both models are worst for {listed}, by more than chance against the group "
        "that each is best for."
    )


def towards_the_middle(model: str, rows: Sequence[Mapping[Any, Any]]) -> str | None:
    """That the young come out too old and the old too young, where the intervals show both.

    Args:
        model: what a sentence calls it.
        rows: of the age groups table; decades of fewer than `MIN_GROUP` photos do not count.
    """
    decades = [row for row in rows if row["by"] == "age" and row["photos"] >= MIN_GROUP]
    if not decades or decades[0]["bias_low"] <= 0 or decades[-1]["bias_high"] >= 0:
        return None
    young, old = decades[0], decades[-1]
    return (
        f"{capitalised(model)} pulls ages towards the middle: {people('age', young['group'])} come "
        f"out {young['bias']:.1f} years too old on average, and {people('age', old['group'])} "
        f"{-old['bias']:.1f} years too young."
    )


def people(by: str, group: str) -> str:
    """What a sentence calls a group: people of an age, people labelled female."""
    return f"people aged {span(group)}" if by == "age" else f"people labelled {group}"


def span(group: str) -> str:
    """The name of a group, with a dash between ages."""
    return group.replace("-", "–")


def uncapitalised(text: str) -> str:
    """``text`` with a small first letter, unless it is an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def capitalised(text: str) -> str:
    """``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]
