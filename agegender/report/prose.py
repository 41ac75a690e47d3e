"""Sentences that are made from the numbers, by rules that the report states.

Throughout, ``model``, ``first`` and ``second`` are what a sentence calls a model, ``task`` is
gender or age, and ``rows`` are those of a table of groups, or of corruptions and their strengths.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from agegender.analysis.groups import MIN_GROUP, Gap
from agegender.analysis.writing import write, write_interval
from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.scores import PRIMARY_METRICS, Score
from agegender.report.results import Curve, best_epoch

Row = Mapping[Any, Any]

# A model overfits if its validation loss ends at least this much above its lowest value, and its
# training loss at the end is below what it was then.
OVERFITTING_RISE = 0.05
# A validation loss is still falling if the last epoch lowered it by at least this much.
STILL_FALLING = 0.01
# What a model answers to each task, and which baseline it is compared with.
_ANSWERS = {"gender": "P(female)", "age": "age"}
_BASELINES = {"gender": "majority-class", "age": "median"}


def difference(score: Score, first: str, second: str, estimate: Estimate) -> str:
    """Whether the second model differs significantly, by its score less the first's."""
    value, low, high = estimate
    if math.isnan(value) or math.isnan(low):
        return f"The two cannot be compared by {score.title}: it is not defined here."
    interval = f"95 % interval {write_interval(score, low, high, unit=True, plus='+')}"
    if value == 0:
        return f"Both models have the same {score.title} ({interval})."
    size = write(score, abs(value), plus="")
    word = "higher" if value > 0 else "lower"
    if estimate.includes_zero:
        meaning = "statistically indistinguishable"
    elif score.more_is_better is None:
        meaning = "a significant difference"
    else:
        better = (value > 0) == score.more_is_better
        meaning = f"significantly {'better' if better else 'worse'}"
    return (
        f"{capitalized(second)}’s {score.title} is {size} {word} than {first}’s ({interval}): "
        f"{meaning}."
    )


def against_baseline(score: Score, values: Mapping[str, float], baseline: float) -> str:
    """Whether a model, with these metrics of a task, beats the baseline by a primary metric."""
    value, low, high = (values[f"{score.name}{end}"] for end in ("", "_low", "_high"))
    start = f"The {_BASELINES[score.task]} baseline scores {write(score, baseline)}; the model "
    if low <= baseline <= high:
        return f"{start}is statistically indistinguishable from it."
    better = (value > baseline) == score.more_is_better
    size = write(score, abs(value - baseline), plus="")
    return f"{start}{'beats it' if better else 'is worse'} by {size}."


def fitting(model: str, curve: Curve, training: Mapping[str, Any], train_on: str = "train") -> str:
    """What a loss curve shows about overfitting.

    Args:
        model: see above.
        curve: of the loss of all tasks.
        training: the parameters of its training stage.
        train_on: the splits that it was trained on.
    """
    name = capitalized(model)
    if train_on != "train":
        return (
            f"{name} was trained on the validation photos too, so these curves cannot show "
            "whether it overfits."
        )
    epochs = len(curve.validation)
    if epochs == 1:
        return f"After a single epoch there is no curve that could show whether {model} overfits."
    keeps_best, lowest = training["restore_best_weights"], best_epoch(curve.validation)
    best, last = curve.validation[lowest], curve.validation[-1]
    numbers = (
        f"validation loss {best:.2f} at its lowest, after epoch {lowest + 1}, and {last:.2f} at "
        f"the end; training loss {curve.training[-1]:.2f}"
    )
    kept = ""
    if keeps_best:
        which = "model" if training["ensemble_size"] == 1 else "first network"
        kept = f" The weights of epoch {lowest + 1} became the {which}."
    rise = last - best
    if rise >= OVERFITTING_RISE * abs(best) and curve.training[-1] < curve.training[lowest]:
        # Fewer epochs would end in the weights that are kept anyway.
        remedy = "More regularization" if keeps_best else "Fewer epochs or more regularization"
        return (
            f"{name} overfits: after epoch {lowest + 1}, training loss keeps falling while "
            f"validation loss rises ({numbers}).{kept} {remedy} may help."
        )
    before = curve.validation[-2]
    if lowest == epochs - 1 and before - last >= STILL_FALLING * abs(before):
        return (
            f"{name} does not overfit, and its validation loss is still falling ({numbers}): "
            f"more epochs may improve it.{kept}"
        )
    return f"The curves of {model} show no overfitting by the report’s rule ({numbers}).{kept}"


def _decades(rows: Iterable[Row], name: str) -> list[Row]:
    """The rows of decades of age that have enough photos, and a value of this name."""
    return [
        row
        for row in rows
        if row["by"] == "age"
        and row["photos"] >= MIN_GROUP
        and not math.isnan(row.get(name, math.nan))
    ]


def ranges(model: str, values: Mapping[str, float], rows: Iterable[Row]) -> str:
    """How often a model's 80 % ranges hold the age, how wide they are, and for whom they fail."""
    overall = (
        f"{capitalized(model)}’s 80 % ranges hold {100 * values['coverage80']:.1f} % of the ages "
        f"and are {values['width80']:.1f} years wide on average."
    )
    decades = _decades(rows, "coverage80")
    if not decades:
        return overall
    worst = min(decades, key=lambda row: row["coverage80"])
    return (
        f"{overall} They hold the fewest, {100 * worst['coverage80']:.1f} %, for "
        f"{people('age', worst['group'])}."
    )


def corruptions(task: str, model: str, rows: Sequence[Row]) -> str:
    """How a model's primary metric suffers from corrupted photos, and from what most.

    The first row is of the photos as they are.
    """
    score = _measured(task, rows)
    clean, *corrupted = rows
    values = [row[score.name] for row in corrupted]
    worst = corrupted[values.index(min(values) if score.more_is_better else max(values))]
    return (
        f"{capitalized(model)}’s {score.title} is {write(score, clean[score.name])} on these "
        f"photos as they are, {write(score, sum(values) / len(values))} on average over all "
        f"corruptions, and at worst {write(score, worst[score.name])} ({worst['by']}, "
        f"{worst['group']})."
    )


def _measured(task: str, rows: Sequence[Row]) -> Score:
    """The primary metric that the rows have a value of."""
    scores = PRIMARY_METRICS[task]
    measured = (each for each in scores if not math.isnan(rows[0].get(each.name, math.nan)))
    return next(measured, scores[0])


def corrupted_difference(
    task: str, first: str, second: str, rows: Sequence[Row], others: Sequence[Row]
) -> str:
    """How much further apart two models are on corrupted photos than on photos as they are.

    ``rows`` are the first model's, see `corruptions`, and ``others`` the second's.
    """
    score = _measured(task, rows)
    gaps = [b[score.name] - a[score.name] for a, b in zip(rows, others, strict=True)]
    clean, mean = gaps[0], sum(gaps[1:]) / len(gaps[1:])
    return (
        f"{capitalized(second)}’s {score.title} less {first}’s is "
        f"{write(score, clean, plus='+')} on these photos as they are, and "
        f"{write(score, mean, plus='+')} on average over all corruptions."
    )


def occlusion(model: str, maps: Mapping[str, Any]) -> str:
    """Where covering a patch changes a model's answers most.

    ``maps`` are those of `agegender.analysis.occlusion.summarize`.
    """
    places, shares = [], []
    for task in (task for task in _ANSWERS if task in maps):
        values = np.asarray(maps[task])
        rows, columns = values.shape
        row, column = np.unravel_index(values.argmax(), values.shape)
        center = values[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
        places.append(
            f"{_ANSWERS[task]} most {100 * (row + 0.5) / rows:.0f} % from the top and "
            f"{100 * (column + 0.5) / columns:.0f} % from the left, by "
            f"{occlusion_change(task, values.max())}"
        )
        shares.append(f"{center.mean() / values.mean():.1f}")
    return (
        f"A covered patch changes {model}’s {', and '.join(places)}; the inner half of the photo "
        f"counts {' and '.join(shares)} times as much as an average place."
    )


def occlusion_change(task: str, value: float) -> str:
    """A change of P(female), or of the age in years."""
    return f"{value:.2f}" if task == "gender" else write(PRIMARY_METRICS["age"][0], value)


def occlusion_agreement(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Whether two models look at the same places, by the correlation of their maps."""
    parts = []
    for task in (task for task in _ANSWERS if task in first):
        both = np.corrcoef(np.ravel(first[task]), np.ravel(second[task]))[0, 1]
        parts.append(f"for {task} {both:.2f}".replace("-", "−"))
    return (
        f"Where the two look agrees as far as their maps correlate: {' and '.join(parts)} "
        "(1 is the same map, 0 unrelated ones)."
    )


def gap(score: Score, gap: Gap) -> str:
    """How much worse the worst group is than the best by ``score``, in words."""
    size = gap.size
    return (
        f"{people(gap.by, gap.worst)} ({score.title} "
        f"{write(score, size.value, plus='')} worse than for "
        f"{people(gap.by, gap.best)}, 95 % interval "
        f"{write_interval(score, size.low, size.high, unit=True, plus='')}"
        f"{', which includes 0' if size.includes_zero else ''})"
    )


def worst_for_both(task: str, gaps: Sequence[Sequence[Gap]]) -> str:
    """Which groups both models are significantly worst for, by the gaps of each."""
    first, second = (
        {people(each.by, each.worst): None for each in model if not each.size.includes_zero}
        for model in gaps
    )
    shared = [group for group in first if group in second]
    if not shared:
        return (
            f"For {task}, no group of at least {MIN_GROUP} photos is significantly the worst for "
            "both models."
        )
    return (
        f"For {task}, of groups of at least {MIN_GROUP} photos both models do worst for "
        f"{' and '.join(shared)}, significantly worse than for the group that each does best for."
    )


def regression_to_the_mean(model: str, rows: Iterable[Row]) -> str | None:
    """That the young come out too old and the old too young, where the intervals show both."""
    decades = _decades(rows, "bias")
    if not decades or decades[0]["bias_low"] <= 0 or decades[-1]["bias_high"] >= 0:
        return None
    young, old = decades[0], decades[-1]
    return (
        f"{capitalized(model)}’s ages regress to the mean: {people('age', young['group'])} come "
        f"out {young['bias']:.1f} years too old on average, and {people('age', old['group'])} "
        f"{-old['bias']:.1f} years too young."
    )


def people(by: str, group: str) -> str:
    """What a sentence calls a group: people of an age, people labeled female."""
    return f"people aged {span(group)}" if by == "age" else f"people labeled {group}"


def listed(words: Sequence[str]) -> str:
    """``words`` in a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def span(group: str) -> str:
    """The name of a group, with a dash between ages."""
    return group.replace("-", "–")


def capitalized(text: str) -> str:
    """``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]
