"""The contents of a model's metrics file: its scores on a split with intervals, and a baseline."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agegender.common.errors import UserError
from agegender.common.files import write_json
from agegender.evaluation.bootstrap import Estimate, replicate
from agegender.evaluation.predictions import tasks_of
from agegender.evaluation.scores import PRIMARY_METRICS, SCORES, Score, scores_of
from agegender.photos.photos import count_labels

# In metrics files, all numbers are rounded to this many decimals.
DECIMALS = 4


def metrics(
    predictions: pd.DataFrame,
    training: pd.DataFrame,
    parameters: Mapping[str, int],
    samples: int,
    seed: int,
) -> dict[str, Any]:
    """The contents of a model's metrics file; ``known`` where not every photo has all labels.

    Args:
        predictions: on a split, see `agegender.evaluation.predictions.tabulate`.
        training: the labels ``gender`` and ``age`` of the training photos, for the baseline.
        parameters: see `agegender.evaluation.describe.parameter_counts`.
        samples: resamples for each 95 % interval.
        seed: of the resamples.

    Raises:
        UserError: no photo of the split has the label of a task.
    """
    tasks, scores = tasks_of(predictions), scores_of(predictions)
    for task in tasks:
        if task not in {score.task for score in scores}:
            raise UserError(f"no photo of this split has a known {task}; leave it out of the tasks")
    known = {
        name: number
        for name, number in count_labels(predictions).items()
        if name.split("_")[0] in tasks
    }
    all_known = all(known[task] == len(predictions) for task in tasks)
    return {
        "n": len(predictions),
        **({} if all_known else {"known": known}),
        **by_task(replicate(predictions, scores, samples, seed)[0].estimates()),
        "baseline": baseline(predictions, training),
        "parameters": dict(parameters),
    }


def baseline(predictions: pd.DataFrame, training: pd.DataFrame) -> dict[str, dict[str, float]]:
    """The primary metrics of the majority-class and median baseline, by task.

    It predicts the gender that most training photos have, male where there are as many of both,
    and their median age. Where some ages are exact and others ranges, both have their metric.
    """
    constant = predictions.assign(
        gender_predicted=float(training["gender"].mean() > 0.5),
        age_predicted=float(training["age"].median()),
    )
    once = np.ones((1, len(predictions)))
    return {
        task: {
            score.name: float(score.compute(once, constant)[0])
            for score in scores_of(predictions)
            if score in PRIMARY_METRICS[task]
        }
        for task in tasks_of(predictions)
    }


def by_task(estimates: Mapping[Score, Estimate]) -> dict[str, dict[str, float]]:
    """By task: the scores of metrics files, each followed by its ``_low`` and ``_high``."""
    nested: dict[str, dict[str, float]] = {}
    for score, estimate in estimates.items():
        if score in SCORES:
            nested.setdefault(score.task, {}).update(flatten(score.name, estimate))
    return nested


def flatten(name: str, estimate: Estimate) -> dict[str, float]:
    """``NAME``, ``NAME_low`` and ``NAME_high``, as files have them."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), estimate, strict=True))


def write_metrics(path: Path, values: Mapping[str, Any]) -> None:
    """Write metrics as JSON, numbers rounded to `DECIMALS`, what is not defined as null."""
    write_json(path, rounded(values))


def rounded(value: Any) -> Any:
    """``value`` with each number in it rounded to `DECIMALS`, and None for what is not defined."""
    if isinstance(value, Mapping):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, float):
        # Adding 0 turns -0.0 into 0.0.
        return None if math.isnan(value) else round(value, DECIMALS) + 0.0
    return value
