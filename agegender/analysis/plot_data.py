"""The data of the plots of one model on one split, as CSV files."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from scipy.stats import binomtest

from agegender.analysis.groups import gaps, score_groups
from agegender.evaluation.bootstrap import COVERAGE, replicate
from agegender.evaluation.metrics import DECIMALS, flatten
from agegender.evaluation.predictions import tasks_of
from agegender.evaluation.scores import (
    CUMULATIVE,
    CUMULATIVE_YEARS,
    THRESHOLD,
    calibration_bin,
    primary_metric,
)
from agegender.photos.labels import GENDERS

# Without files of a task that was not trained, `dvc plots` reports errors.
_HEADERS = {
    "confusion": ["predicted", "actual", "percent"],
    "roc": ["false_positive_rate", "true_positive_rate"],
    "reliability": ["predicted", "observed"],
    "gender_groups": ["by", "group", "accuracy"],
    "gender_corruptions": ["by", "group", "accuracy"],
    "ages": ["age", "predicted"],
    "cumulative": ["k", "percent"],
    "age_groups": ["by", "group", "mae"],
    "age_corruptions": ["by", "group", "mae"],
}


def write_plot_data(
    folder: Path,
    predictions: pd.DataFrame,
    samples: int,
    seed: int,
    corruptions: Mapping[str, pd.DataFrame],
) -> None:
    """Write the files of each task into ``folder``; of what was not done only their headers.

    Gender: ``confusion.csv`` (photos by true and predicted gender), ``roc.csv``,
    ``reliability.csv`` (share of women by predicted probability, with Wilson intervals),
    ``gender_groups.csv``, ``gender_gaps.csv`` and ``gender_corruptions.csv``. Age: ``ages.csv``
    (true and predicted), ``cumulative.csv`` (CS@k), ``age_groups.csv``, ``age_gaps.csv`` and
    ``age_corruptions.csv``. Shares are in percent in ``confusion.csv`` and ``cumulative.csv``, else
    from 0 to 1; ages and errors are in years.

    Args:
        folder: made if it is missing.
        predictions: see `agegender.evaluation.predictions.tabulate`.
        samples: resamples for each 95 % interval.
        seed: of the resamples.
        corruptions: see `agegender.analysis.corruptions.score_corruptions`; or empty.
    """
    tasks = tasks_of(predictions)
    tables = {name: pd.DataFrame(columns=columns) for name, columns in _HEADERS.items()}
    if "gender" in tasks:
        known = predictions.dropna(subset="gender", ignore_index=True)
        tables["confusion"] = _confusion(known)
        tables["roc"] = _roc(known)
        tables["reliability"] = _reliability(known)
    if "age" in tasks:
        known = predictions.dropna(subset="age", ignore_index=True)
        tables["ages"] = known[["age", "age_predicted"]].rename(
            columns={"age_predicted": "predicted"}
        )
        # Of exact ages.
        if CUMULATIVE[0].rows(known).any():
            tables["cumulative"] = _cumulative(known, samples, seed)
    for task in tasks:
        scored = score_groups(predictions, task, samples, seed)
        rows = []
        for group, replicates in scored:
            row = {"by": group.by, "group": group.name, "photos": len(group.rows)}
            for score, estimate in replicates.estimates().items():
                row |= flatten(score.name, estimate)
            rows.append(row)
        tables[f"{task}_groups"] = pd.DataFrame(rows)
        found = gaps(primary_metric(task, predictions), scored)
        tables[f"{task}_gaps"] = pd.DataFrame(
            [(gap.by, gap.best, gap.worst, *gap.size) for gap in found],
            columns=["by", "best", "worst", "gap", "gap_low", "gap_high"],
        )
    tables |= {f"{task}_corruptions": table for task, table in corruptions.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        # Where all ages are ranges there is no MAE; its column is empty.
        titles = dict.fromkeys([*table, *_HEADERS.get(name, [])])
        table = table.reindex(columns=list(titles))
        table.round(DECIMALS).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    female = (predictions["gender_predicted"] >= THRESHOLD).astype(int)
    counts = pd.crosstab(predictions["gender"], female)
    counts = counts.reindex(index=[0, 1], columns=[0, 1], fill_value=0)
    rows = [
        (actual, predicted, count, 100 * count / max(1, of_actual.sum()))
        for actual, of_actual in zip(GENDERS, counts.to_numpy(), strict=True)
        for predicted, count in zip(GENDERS, of_actual, strict=True)
    ]
    return pd.DataFrame(rows, columns=["actual", "predicted", "count", "percent"])


def _roc(predictions: pd.DataFrame) -> pd.DataFrame:
    """The curve's corners. Without scikit-learn, which Keras loads wherever it is installed."""
    columns = ["false_positive_rate", "true_positive_rate"]
    # Without both genders there is no curve; its two ends stand for chance.
    if predictions["gender"].nunique() < 2:
        return pd.DataFrame([(0.0, 0.0), (1.0, 1.0)], columns=columns)
    women = predictions["gender"] == 1
    photos = pd.DataFrame({columns[0]: ~women, columns[1]: women})
    # How many of each are classified as female as the threshold falls past each probability.
    counts = photos.groupby(predictions["gender_predicted"]).sum()[::-1].cumsum()
    corners = (counts.diff().diff(-1) != 0).any(axis=1)
    rates = (counts / counts.iloc[-1])[corners]
    return pd.concat([pd.DataFrame([(0.0, 0.0)], columns=columns), rates])


def _reliability(predictions: pd.DataFrame) -> pd.DataFrame:
    rows = []
    bins = calibration_bin(predictions["gender_predicted"].to_numpy())
    for _, members in predictions.groupby(bins):
        women, count = int(members["gender"].sum()), len(members)
        interval = binomtest(women, count).proportion_ci(COVERAGE, method="wilson")
        rows.append((members["gender_predicted"].mean(), women / count, *interval, count))
    return pd.DataFrame(
        rows, columns=["predicted", "observed", "observed_low", "observed_high", "photos"]
    )


def _cumulative(predictions: pd.DataFrame, samples: int, seed: int) -> pd.DataFrame:
    estimates = replicate(predictions, CUMULATIVE, samples, seed)[0].estimates()
    return pd.DataFrame(
        [
            (k, *(100 * number for number in estimates[score]))
            for k, score in zip(CUMULATIVE_YEARS, CUMULATIVE, strict=True)
        ],
        columns=["k", "percent", "percent_low", "percent_high"],
    )
