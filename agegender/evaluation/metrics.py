"""A model's metrics on a split, with intervals, for all photos and for groups of them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from agegender.evaluation.bootstrap import Estimate, Replicates, estimate, replicate
from agegender.evaluation.groups import Group, groups
from agegender.evaluation.predictions import tasks_of
from agegender.evaluation.scores import AgeScores, GenderScores, Scores

# Groups of fewer photos are left out of gaps: chance alone would make them best or worst.
MIN_GROUP = 20
# Of each task: the score that groups are compared by, and whether more of it is better.
LEADING = {"gender": ("accuracy", True), "age": ("mae", False)}
# In metrics files, all numbers are rounded to so many decimals.
DECIMALS = 4
# The scores in metrics files; the other CS@k stand in the data of the plots.
_LISTED = {
    "gender": ("accuracy", "auc", "brier", "calibration_error"),
    "age": ("mae", "rmse", "median_error", "bias", "cs5"),
}


class Baseline(NamedTuple):
    """What to answer without looking: the training photos' majority gender and median age."""

    gender: int
    age: float


class Gap(NamedTuple):
    """How far apart the best and the worst group are in the leading score, and the groups."""

    by: str
    best: str
    worst: str
    size: Estimate


class Evaluation(NamedTuple):
    """By task: the scores on all photos, on each group, and the gaps between groups."""

    overall: dict[str, dict[str, Estimate]]
    groups: dict[str, list[tuple[Group, dict[str, Estimate]]]]
    gaps: dict[str, list[Gap]]


def baseline(training: pd.DataFrame) -> Baseline:
    """The baseline that the labels ``gender`` and ``age`` of the training photos give.

    Where there are as many women as men, the answer is male.
    """
    return Baseline(int(training["gender"].mean() > 0.5), float(training["age"].median()))


def evaluate(predictions: pd.DataFrame, samples: int, seed: int) -> Evaluation:
    """Score a model's predictions.

    Args:
        predictions: see `agegender.evaluation.predictions.tabulate`.
        samples: resamples behind each 95 % interval.
        seed: of the resamples.
    """
    everything = Group("all", "all", np.arange(len(predictions)))
    sets = [everything, *groups(predictions)]
    result = Evaluation({}, {}, {})
    for task in tasks_of(predictions):
        replicates = replicate(
            [_scores(task, predictions.iloc[each.rows]) for each in sets],
            [each.rows for each in sets],
            len(predictions),
            samples,
            seed,
        )
        scored = list(zip(sets, replicates, strict=True))
        result.overall[task] = scored[0][1].estimates()
        result.groups[task] = [(group, each.estimates()) for group, each in scored[1:]]
        result.gaps[task] = [
            gap
            for by in ("age", "gender", "race")
            if (gap := _gap(task, by, [pair for pair in scored[1:] if pair[0].by == by]))
        ]
    return result


def compare(
    first: pd.DataFrame, second: pd.DataFrame, samples: int, seed: int
) -> dict[str, dict[str, Estimate]]:
    """By task and score: the second model's score less the first's, on the same photos.

    Both are scored on the same resamples, so that what makes a photo hard for both cancels out.

    Args:
        first: predictions of one model.
        second: predictions of the other on the same photos in the same order.
        samples: resamples behind each 95 % interval.
        seed: of the resamples.

    Raises:
        ValueError: the photos are not the same.
    """
    if list(first["file"]) != list(second["file"]):
        raise ValueError("the predictions are not of the same photos")
    everything = np.arange(len(first))
    differences = {}
    for task in tasks_of(first):
        one, other = replicate(
            [_scores(task, first), _scores(task, second)],
            [everything, everything],
            len(first),
            samples,
            seed,
        )
        differences[task] = other.minus(one).estimates()
    return differences


def as_metrics(
    evaluation: Evaluation,
    predictions: pd.DataFrame,
    baseline: Baseline,
    parameters: Mapping[str, int],
) -> dict[str, Any]:
    """The contents of a model's metrics file.

    Args:
        evaluation: of ``predictions``.
        predictions: on the test split.
        baseline: of the training split.
        parameters: ``total`` and ``trainable`` numbers of the model.
    """
    answers = {
        "gender": {"accuracy": float((predictions["gender"] == baseline.gender).mean())},
        "age": {"mae": float((predictions["age"] - baseline.age).abs().mean())},
    }
    return {
        "n": len(predictions),
        **listed(evaluation.overall),
        "baseline": {task: answers[task] for task in evaluation.overall},
        "parameters": {name: parameters[name] for name in ("total", "trainable")},
    }


def listed(estimates: Mapping[str, Mapping[str, Estimate]]) -> dict[str, dict[str, float]]:
    """By task: the scores that metrics files list, each with ``_low`` and ``_high`` beside it."""
    return {
        task: {
            name + suffix: number
            for name in _LISTED[task]
            for suffix, number in zip(("", "_low", "_high"), scores[name], strict=True)
        }
        for task, scores in estimates.items()
    }


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write ``metrics`` as JSON, numbers rounded to `DECIMALS`, what is not defined as null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rounded(metrics), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """``value`` with each number in it rounded to `DECIMALS`, and None for what is not defined."""
    if isinstance(value, Mapping):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, float):
        # Adding 0 turns -0.0 into 0.0.
        return None if math.isnan(value) else round(value, DECIMALS) + 0.0
    return value


def _scores(task: str, predictions: pd.DataFrame) -> Scores:
    labels = predictions[task].to_numpy(dtype=np.int64)
    answers = predictions[f"{task}_predicted"].to_numpy(dtype=np.float64)
    return GenderScores(labels, answers) if task == "gender" else AgeScores(labels, answers)


def _gap(task: str, by: str, scored: list[tuple[Group, Replicates]]) -> Gap | None:
    """The gap between the groups that are best and worst on these photos.

    Its replicates compare these same two groups, whichever are best and worst in a resample:
    the largest less the smallest of several would always be above 0.
    """
    score, more_is_better = LEADING[task]
    eligible = [pair for pair in scored if len(pair[0].rows) >= MIN_GROUP]
    if len(eligible) < 2:
        return None
    eligible.sort(key=lambda pair: pair[1].values[score])
    (low, lower), (high, higher) = eligible[0], eligible[-1]
    gap = higher.minus(lower)
    best, worst = (high, low) if more_is_better else (low, high)
    return Gap(by, best.name, worst.name, estimate(gap.values[score], gap.samples[score]))
