"""The table of scores: the one place where a metric is defined, for every file and table.

Each score is computed for many weightings of the photos at once. For a weight of 1 each it is the
metric itself; for the counts of a resample (`agegender.evaluation.bootstrap`) it is one replicate
of the bootstrap. One formula serves both.

To add a metric, add a `Score` to `SCORES`: the metrics files, the comparison, the tables by group,
the report and the command line's table follow.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agegender.photos.photos import age_ranges

Floats = NDArray[np.float64]

# From this probability on, a photo is classified as female.
THRESHOLD = 0.5
# Equally wide bins of the predicted probability, for the calibration error.
CALIBRATION_BINS = 10
# CS@k (cumulative score) is given for these k, in years.
CUMULATIVE_YEARS = range(16)

Unit = Literal["percent", "years", "plain"]
Formula = Callable[[Floats, pd.DataFrame], Floats]


@dataclass(frozen=True, eq=False)
class Score:
    """A metric of one task.

    Attributes:
        task: gender or age.
        name: in metrics files.
        title: in a sentence, and at the head of a row.
        formula: the score for each weighting, shape (weightings,), NaN where it is not defined;
            from weights of at least 0, shape (weightings, photos), and the predictions of at least
            one photo, see `agegender.evaluation.predictions.tabulate`.
        unit: how it is written, see `agegender.analysis.writing`.
        more_is_better: None where neither is.
        biased_upwards: whether it is larger on average on a resample than on the photos that the
            resample was drawn from. Such a score is never below 0.
        needs: the output that it is computed from, where that is not the task's own.
        of_groups: whether groups of photos are scored by it, too.
        of_ranges: of ages: whether it is of those known as a range, not of exact ones.
    """

    task: str
    name: str
    title: str
    formula: Formula
    unit: Unit
    _: KW_ONLY
    more_is_better: bool | None
    biased_upwards: bool = False
    needs: str | None = None
    of_groups: bool = True
    of_ranges: bool = False

    def rows(self, photos: pd.DataFrame) -> NDArray[np.bool_]:
        """Which of the ``photos`` have the label that is needed, shape (photos,)."""
        known = photos[self.task].notna().to_numpy()
        if self.task == "gender":
            return known
        lowest, highest = age_ranges(photos)
        return known & ((lowest != highest) == self.of_ranges)

    def compute(self, weights: Floats, photos: pd.DataFrame) -> Floats:
        """The score for each weighting of the photos that have the label, see ``formula``."""
        rows = self.rows(photos)
        if rows.all() and len(rows):
            return self.formula(weights, photos)
        if not rows.any():
            return np.full(len(weights), np.nan)
        return self.formula(weights[:, rows], photos[rows])


def calibration_bin(probabilities: Floats) -> NDArray[np.int64]:
    """The number of the bin, from 0, of each probability."""
    return np.minimum((probabilities * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def _mean(weights: Floats, values: pd.Series | NDArray[Any]) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = weights @ np.asarray(values, dtype=np.float64) / weights.sum(axis=1)
    return mean


def _accuracy(weights: Floats, photos: pd.DataFrame) -> Floats:
    return _mean(weights, (photos["gender_predicted"] >= THRESHOLD) == photos["gender"])


def _auc(weights: Floats, photos: pd.DataFrame) -> Floats:
    """The area under the ROC curve; ties count half."""
    probabilities = photos["gender_predicted"].to_numpy()
    order = np.argsort(probabilities, kind="stable")
    female = photos["gender"].to_numpy(dtype=np.float64)[order]
    ordered = probabilities[order]
    ties = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    women = np.add.reduceat(weights[:, order] * female, ties, axis=1)
    men = np.add.reduceat(weights[:, order] * (1 - female), ties, axis=1)
    below = np.cumsum(men, axis=1) - men / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (women * below).sum(axis=1) / (women.sum(axis=1) * men.sum(axis=1))


def _brier(weights: Floats, photos: pd.DataFrame) -> Floats:
    return _mean(weights, (photos["gender_predicted"] - photos["gender"]) ** 2)


def _calibration_error(weights: Floats, photos: pd.DataFrame) -> Floats:
    """The expected calibration error of P(female), over equally wide bins.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015.
    """
    probabilities = photos["gender_predicted"].to_numpy()
    excess = probabilities - photos["gender"].to_numpy()
    bins = np.eye(CALIBRATION_BINS)[calibration_bin(probabilities)]
    with np.errstate(invalid="ignore", divide="ignore"):
        gaps: Floats = np.abs(weights @ (bins * excess[:, np.newaxis])).sum(axis=1)
        return gaps / weights.sum(axis=1)


def _error(photos: pd.DataFrame) -> Floats:
    return (photos["age_predicted"] - photos["age"]).to_numpy()


def _mae(weights: Floats, photos: pd.DataFrame) -> Floats:
    return _mean(weights, np.abs(_error(photos)))


def _rmse(weights: Floats, photos: pd.DataFrame) -> Floats:
    return np.sqrt(_mean(weights, _error(photos) ** 2))


def _median_error(weights: Floats, photos: pd.DataFrame) -> Floats:
    sizes = np.abs(_error(photos))
    order = np.argsort(sizes, kind="stable")
    counted = np.cumsum(weights[:, order], axis=1)
    half = counted[:, -1:] / 2
    lower = sizes[order][np.argmax(counted >= half, axis=1)]
    upper = sizes[order][np.argmax(counted > half, axis=1)]
    return np.where(half[:, 0] > 0, (lower + upper) / 2, np.nan)


def _bias(weights: Floats, photos: pd.DataFrame) -> Floats:
    """The mean of predicted less true age."""
    return _mean(weights, _error(photos))


def _mae_within(first: int, last: float = np.inf) -> Formula:
    """The MAE of people of these ages, both included."""

    def compute(weights: Floats, photos: pd.DataFrame) -> Floats:
        rows = photos["age"].between(first, last).to_numpy()
        return _mae(weights[:, rows], photos[rows])

    return compute


def _coverage(weights: Floats, photos: pd.DataFrame) -> Floats:
    """The share of photos whose age lies in the predicted range, its ends included."""
    return _mean(
        weights, photos["age"].between(photos["age_low_predicted"], photos["age_high_predicted"])
    )


def _width(weights: Floats, photos: pd.DataFrame) -> Floats:
    return _mean(weights, photos["age_high_predicted"] - photos["age_low_predicted"])


def _range_accuracy(weights: Floats, photos: pd.DataFrame) -> Floats:
    """The share of photos whose predicted age, in whole years, lies in the range of the label."""
    lowest, highest = age_ranges(photos)
    predicted = photos["age_predicted"].round().to_numpy()
    return _mean(weights, (lowest <= predicted) & (predicted <= highest))


def _range_distance(weights: Floats, photos: pd.DataFrame) -> Floats:
    """The mean distance of the predicted age to the range, 0 in it."""
    predicted = photos["age_predicted"].to_numpy()
    return _mean(weights, np.abs(predicted - np.clip(predicted, *age_ranges(photos))))


def _within(k: int) -> Formula:
    """CS@k, the cumulative score: the share of photos whose age is at most ``k`` years off."""
    return lambda weights, photos: _mean(weights, np.abs(_error(photos)) <= k)


# CS@k for every k, for the plot of it.
CUMULATIVE = tuple(
    Score("age", f"cs{k}", f"CS@{k}", _within(k), "percent", more_is_better=True)
    for k in CUMULATIVE_YEARS
)
SCORES = (
    Score("gender", "accuracy", "gender accuracy", _accuracy, "percent", more_is_better=True),
    Score("gender", "auc", "AUC", _auc, "plain", more_is_better=True),
    Score("gender", "brier", "Brier score", _brier, "plain", more_is_better=False),
    Score(
        "gender",
        "calibration_error",
        "calibration error",
        _calibration_error,
        "plain",
        more_is_better=False,
        biased_upwards=True,
    ),
    Score("age", "mae", "age MAE", _mae, "years", more_is_better=False),
    Score("age", "rmse", "age RMSE", _rmse, "years", more_is_better=False),
    Score("age", "median_error", "median age error", _median_error, "years", more_is_better=False),
    Score("age", "bias", "age bias", _bias, "years", more_is_better=None),
    CUMULATIVE[5],
    Score(
        "age",
        "range_accuracy",
        "age range accuracy",
        _range_accuracy,
        "percent",
        more_is_better=True,
        of_ranges=True,
    ),
    Score(
        "age",
        "range_distance",
        "distance to the age range",
        _range_distance,
        "years",
        more_is_better=False,
        of_ranges=True,
    ),
    Score(
        "age",
        "mae_under10",
        "age MAE below 10 years",
        _mae_within(0, 9),
        "years",
        more_is_better=False,
        of_groups=False,
    ),
    Score(
        "age",
        "mae_from70",
        "age MAE from 70 years on",
        _mae_within(70),
        "years",
        more_is_better=False,
        of_groups=False,
    ),
    # Of models with an age distribution, which also predict a range that should hold 80 % of ages.
    # Neither score is better alone: wider ranges cover more.
    Score(
        "age",
        "coverage80",
        "coverage of 80 % age ranges",
        _coverage,
        "percent",
        more_is_better=None,
        needs="age_low",
    ),
    Score(
        "age",
        "width80",
        "mean width of 80 % age ranges",
        _width,
        "years",
        more_is_better=None,
        needs="age_low",
    ),
)
# Of each task: the scores by which models and groups may be compared, see `primary_metric`.
PRIMARY_METRICS = {
    task: [score for score in SCORES if score.name in names]
    for task, names in {"gender": ["accuracy"], "age": ["mae", "range_distance"]}.items()
}


def primary_metric(task: str, predictions: pd.DataFrame) -> Score:
    """The score by which models and groups are compared, and which has a baseline.

    For ages it is the MAE, or the distance to ranges where most ages are known as ranges.
    """
    return max(PRIMARY_METRICS[task], key=lambda score: score.rows(predictions).sum())


def scores_of(predictions: pd.DataFrame) -> list[Score]:
    """The scores of metrics files that can be computed from ``predictions``."""
    return [
        score
        for score in SCORES
        if f"{score.needs or score.task}_predicted" in predictions and score.rows(predictions).any()
    ]
