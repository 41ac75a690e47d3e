"""Labels that every model contradicts: the first to look at when labels are cleaned."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from agegender.evaluation.predictions import tasks_of

# An age is contradicted by an error of at least this many years.
MIN_YEARS = 10


def suspicious(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The labels that every model contradicts: genders, then ages, the most contradicted first.

    A gender is contradicted if every model predicts the other one, an age if every model is off by
    at least `MIN_YEARS` years in the same direction. The order is that of the model that
    contradicts least.

    Args:
        predictions: by the models' names, of the same photos in the same order, see
            `agegender.evaluation.predictions.tabulate`.

    Returns:
        one row per label: ``file``; ``label``, which is gender or age; the labels ``gender`` and
        ``age``; by model ``NAME_gender``, P(female), and ``NAME_age``, years.
    """
    tables = list(predictions.values())
    first = tables[0]
    listed = first[["file", "gender", "age"]].copy()
    found = []
    for task in tasks_of(first):
        for name, table in predictions.items():
            listed[f"{name}_{task}"] = table[f"{task}_predicted"]
        contradictions = np.array([_contradiction(task, table) for table in tables])
        same = np.abs(np.sign(contradictions).sum(axis=0)) == len(tables)
        least = np.where(same, np.abs(contradictions).min(axis=0), 0)
        found.append((task, pd.Series(least, index=listed.index)))
    rows = [
        listed.assign(label=task, least=least)[least > 0].sort_values(
            ["least", "file"], ascending=[False, True]
        )
        for task, least in found
    ]
    columns = ["file", "label", *listed.columns[1:]]
    return pd.concat(rows, ignore_index=True)[columns]


def _contradiction(task: str, predictions: pd.DataFrame) -> np.ndarray:
    """How much each label is contradicted, 0 if it is not or is not known; its sign says how."""
    if task == "gender":
        wrong = predictions["gender_correct"] == 0
        return np.where(wrong, predictions["gender_predicted"] - predictions["gender"], 0)
    error = predictions["age_error"].fillna(0)
    return np.where(error.abs() >= MIN_YEARS, error, 0)
