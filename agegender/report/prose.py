"""Sentences that are made from the numbers, by rules that the report states."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.metrics import LEADING
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
        sign = "+" if signed and value > 0 else "−" if signed and value < 0 else ""
        return f"{sign}{abs(value) * self.factor:.{self.decimals}f}{self.difference}"

    def _number(self, value: float | None, unit: str) -> str:
        if value is None or math.isnan(value):
            return "–"
        return f"{value * self.factor:.{self.decimals}f}{unit}".replace("-", "−")


def _share(name: str, more_is_better: bool) -> Score:
    return Score(name, 100, " %", " points", 1, more_is_better)


def _years(name: str, more_is_better: bool | None) -> Score:
    return Score(name, 1, " years", " years", 2, more_is_better)


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
        first: the title of one model.
        second: of the other.
        estimate: the second's score less the first's.
    """
    value, low, high = estimate
    if math.isnan(value) or math.isnan(low):
        return f"The {score.name} of the two cannot be compared: it is not defined here."
    interval = f"95 % interval {score.write_difference(low)} to {score.write_difference(high)}"
    if value == 0:
        return f"The {score.name} of the two is the same ({interval})."
    size = score.write_difference(value, signed=False)
    word = "higher" if value > 0 else "lower"
    start = f"{second}’s {score.name} is {size} {word} than {first}’s ({interval})"
    if estimate.is_chance:
        return f"{start}: no more than chance may bring about."
    if score.more_is_better is None:
        return f"{start}: more than chance."
    better = (value > 0) == score.more_is_better
    return f"{start}: {'better' if better else 'worse'} by more than chance."


def verdict(
    differences: Mapping[str, Mapping[str, Estimate]], first: str, second: str
) -> list[str]:
    """Which model to take for each task, by its leading score."""
    sentences = []
    for task, scores in differences.items():
        name = LEADING[task][0]
        estimate = scores[name]
        score = SCORES[task][name]
        noun = "telling gender" if task == "gender" else "estimating age"
        if estimate.is_chance:
            sentences.append(
                f"For {noun}, these test photos do not tell which model is better: the "
                f"difference in {score.name} may be chance."
            )
        else:
            better = (estimate.value > 0) == score.more_is_better
            sentences.append(
                f"For {noun}, take {second if better else first}: its {score.name} is better by "
                f"{score.write_difference(estimate.value, signed=False)}, more than chance."
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


def fitting(curve: Curve) -> str:
    """What a loss curve shows about overfitting, by the rule that the report states."""
    epochs = len(curve.validation)
    if epochs == 1:
        return "After a single epoch there is no curve yet, and nothing to say about overfitting."
    lowest = min(range(epochs), key=lambda epoch: curve.validation[epoch])
    best, last = curve.validation[lowest], curve.validation[-1]
    numbers = (
        f"validation loss {best:.2f} at its lowest, after epoch {lowest + 1}, and {last:.2f} at "
        f"the end; training loss {curve.training[-1]:.2f}"
    )
    rise = last - best
    if rise >= OVERFITTING_RISE * abs(best) and curve.training[-1] < curve.training[lowest]:
        return (
            f"The model overfits: from epoch {lowest + 1} on, training loss falls while "
            f"validation loss rises ({numbers}). Fewer epochs or more dropout would serve it."
        )
    if lowest == epochs - 1:
        fall = curve.validation[-2] - last
        if fall >= STILL_FALLING * abs(curve.validation[-2]):
            return (
                f"The model does not overfit, and its validation loss is still falling "
                f"({numbers}): more epochs may improve it."
            )
    return f"The curves show no overfitting by the rule ({numbers})."


def gap(task: str, size: Estimate, best: str, worst: str) -> str:
    """How far apart the best and the worst group are, in words.

    Args:
        task: gender or age, whose leading score is compared.
        size: how far, at least 0.
        best: the name of a group.
        worst: the name of another.
    """
    score = SCORES[task][LEADING[task][0]]
    low, high = score.write_difference(size.low), score.write_difference(size.high)
    return (
        f"{score.write_difference(size.value, signed=False)} in {score.name} between {best} (best) "
        f"and {worst} (worst), 95 % interval {low} to {high}"
    )
