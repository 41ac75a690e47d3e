"""A model's predictions for each photo of a split, as a table and as a CSV file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from agegender.common.errors import DamagedFileError
from agegender.evaluation.scores import THRESHOLD
from agegender.photos.photos import age_ranges, read_photos, write_photos

# Decimals of P(female) and of ages: finer than a model's last bits mean anything.
DECIMALS = {"gender": 6, "age": 4, "age_low": 4, "age_high": 4}


def tabulate(labels: pd.DataFrame, outputs: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The table of predictions, one row per photo in the order of the file names.

    Outputs are rounded here, once, so that whoever reads the file finds the same metrics.

    Args:
        labels: see `agegender.photos.photos.read_photos`.
        outputs: of the trained tasks, one value per photo in the order of ``labels``:
            ``gender``, P(female); ``age``, years; from models with an age distribution also
            ``age_low`` and ``age_high``, the ends of the 80 % range, years.

    Returns:
        the labels, then ``gender_predicted``, ``age_predicted``, ``age_low_predicted`` and
        ``age_high_predicted`` (the outputs), ``age_error`` (predicted less true, or less the
        nearest age of a range, years) and ``gender_correct`` (0 or 1), where the model has that
        output.
    """
    table = labels.copy()
    for name, decimals in DECIMALS.items():
        if name in outputs:
            values = np.asarray(outputs[name], dtype=np.float64).reshape(len(table))
            table[f"{name}_predicted"] = values.round(decimals)
    if "age" in outputs:
        nearest = np.clip(table["age_predicted"], *age_ranges(table))
        table["age_error"] = (table["age_predicted"] - nearest).round(DECIMALS["age"])
    if "gender" in outputs:
        female, known = table["gender_predicted"] >= THRESHOLD, table["gender"].notna()
        correct = (female == table["gender"]).astype(int)
        table["gender_correct"] = correct if known.all() else correct.where(known)
    return table.sort_values("file", ignore_index=True)


def tasks_of(predictions: pd.DataFrame) -> list[str]:
    """The tasks that are predicted, gender first."""
    return [task for task in ("gender", "age") if f"{task}_predicted" in predictions]


def write_predictions(path: Path, predictions: pd.DataFrame) -> None:
    """Write what `tabulate` made to the CSV file ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_photos(path, predictions)


def read_predictions(path: Path) -> pd.DataFrame:
    """What `write_predictions` wrote to ``path``.

    Raises:
        DamagedFileError: it is missing or something else.
    """
    table = read_photos(path)
    if not tasks_of(table) or table.empty:
        raise DamagedFileError(path, "holds no predictions")
    return table
