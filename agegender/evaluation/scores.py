"""The metrics, as functions of how often each photo counts.

Every metric is computed for many weightings of the photos at once: for a weight of 1 each it is
the metric itself, for the counts of a resample (`agegender.evaluation.bootstrap`) it is one
replicate of the bootstrap. One formula serves both.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# From this probability on, a photo is called female.
THRESHOLD = 0.5
# Equally wide bins of the predicted probability behind the calibration error.
CALIBRATION_BINS = 10
# CS@k, the share of photos whose age is at most k years off, is given for these k.
CUMULATIVE_YEARS = range(16)
# Scores that are larger on average on a resample than on the photos it was drawn from: photos
# drawn twice make the bins of the calibration error uneven. None of them is below 0.
BIASED_UPWARDS = frozenset({"calibration_error"})


class Scores(Protocol):
    """The predictions of one task, ready to be scored under many weightings."""

    def __call__(self, weights: Floats) -> Mapping[str, Floats]:
        """Every metric by name, shape (weightings,); NaN where it is not defined.

        Args:
            weights: shape (weightings, photos), at least 0.
        """


def calibration_bin(probabilities: Floats) -> NDArray[np.int64]:
    """The number of the bin, from 0, of each probability."""
    return np.minimum((probabilities * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


class GenderScores:
    """``accuracy``, ``auc``, ``brier`` and ``calibration_error`` of P(female).

    The area under the ROC curve counts ties half. The calibration error is the expected
    calibration error over equally wide bins (Naeini, Cooper and Hauskrecht, AAAI 2015), of
    P(female) against the share of women.
    """

    def __init__(self, labels: NDArray[np.int64], probabilities: Floats) -> None:
        """Prepare what does not depend on the weights.

        Args:
            labels: 0 male, 1 female, shape (photos,).
            probabilities: P(female), shape (photos,).
        """
        self._means = np.column_stack(
            [(probabilities >= THRESHOLD) == labels, (probabilities - labels) ** 2]
        ).astype(np.float64)
        bins = np.eye(CALIBRATION_BINS)[calibration_bin(probabilities)]
        self._excess = bins * (probabilities - labels)[:, np.newaxis]
        self._order = np.argsort(probabilities, kind="stable")
        self._female = labels[self._order].astype(np.float64)
        ordered = probabilities[self._order]
        self._ties = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """See `Scores`."""
        accuracy, brier = _means(weights, self._means).T
        with np.errstate(invalid="ignore", divide="ignore"):
            excess = np.abs(weights @ self._excess).sum(axis=1) / weights.sum(axis=1)
        return {
            "accuracy": accuracy,
            "auc": self._auc(weights),
            "brier": brier,
            "calibration_error": excess,
        }

    def _auc(self, weights: Floats) -> Floats:
        ordered = weights[:, self._order]
        female = np.add.reduceat(ordered * self._female, self._ties, axis=1)
        male = np.add.reduceat(ordered * (1 - self._female), self._ties, axis=1)
        below = np.cumsum(male, axis=1) - male / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = female.sum(axis=1) * male.sum(axis=1)
            return (female * below).sum(axis=1) / pairs


class AgeScores:
    """``mae``, ``rmse``, ``median_error``, ``bias`` in years, and ``cs0`` to ``cs15``.

    Bias is the mean of predicted less true age. CS@k (cumulative score) is the share of photos
    whose age is at most k years off.
    """

    def __init__(self, labels: NDArray[np.int64], ages: Floats) -> None:
        """Prepare what does not depend on the weights.

        Args:
            labels: true ages in years, shape (photos,).
            ages: predicted ages in years, shape (photos,).
        """
        errors = ages - labels
        sizes = np.abs(errors)
        within = sizes[:, np.newaxis] <= np.array(CUMULATIVE_YEARS)
        self._means = np.column_stack([sizes, errors**2, errors, within])
        self._order = np.argsort(sizes, kind="stable")
        self._sizes = sizes[self._order]

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """See `Scores`."""
        mae, square, bias, *within = _means(weights, self._means).T
        return {
            "mae": mae,
            "rmse": np.sqrt(square),
            "median_error": self._median(weights),
            "bias": bias,
            **{f"cs{k}": share for k, share in zip(CUMULATIVE_YEARS, within, strict=True)},
        }

    def _median(self, weights: Floats) -> Floats:
        counted = np.cumsum(weights[:, self._order], axis=1)
        half = counted[:, -1:] / 2
        lower = self._sizes[np.argmax(counted >= half, axis=1)]
        upper = self._sizes[np.argmax(counted > half, axis=1)]
        return np.where(half[:, 0] > 0, (lower + upper) / 2, np.nan)


def _means(weights: Floats, values: Floats) -> Floats:
    """Weighted means of each column of ``values``, shape (weightings, columns)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = (weights @ values) / weights.sum(axis=1, keepdims=True)
    return means
