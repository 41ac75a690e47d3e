"""Bootstrap intervals: how far a metric may lie from its value for all such photos.

Photos are drawn with replacement, as many as there are, and the metric is computed again; of many
such replicates the middle 95 % are the interval (the percentile method of Efron and Tibshirani,
An Introduction to the Bootstrap, 1993, chapter 13). Two models are compared on the same resamples.
The replicates of a score that resampling alone makes larger are moved back by as much as their
mean lies above the score (the bootstrap's estimate of bias, chapter 10): otherwise its interval
would not hold it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from agegender.evaluation.scores import Floats, Score

COVERAGE = 0.95
# Weights held at a time, 8 bytes each. The draw is the same for any number; this one keeps memory
# the same from some hundred test photos on.
_CHUNK = 500_000


class Estimate(NamedTuple):
    """A metric and its interval; NaN where it is not defined."""

    value: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether the interval of a difference includes 0, or nothing is known."""
        return not (self.low > 0 or self.high < 0)


class Replicates(NamedTuple):
    """Scores of some predictions: their values, and their replicates, shape (samples,)."""

    values: Mapping[Score, float]
    samples: Mapping[Score, Floats]

    def estimates(self) -> dict[Score, Estimate]:
        """Every score with its interval."""
        return {
            score: _estimate(value, self.samples[score]) for score, value in self.values.items()
        }

    def minus(self, other: "Replicates") -> "Replicates":
        """The differences to the scores of ``other``, replicated on the same resamples."""
        return Replicates(
            {score: value - other.values[score] for score, value in self.values.items()},
            {score: samples - other.samples[score] for score, samples in self.samples.items()},
        )


def replicate(
    predictions: pd.DataFrame,
    scores: Sequence[Score],
    samples: int,
    seed: int,
    groups: Sequence[np.ndarray] | None = None,
) -> list[Replicates]:
    """The scores of several groups of photos, on the same resamples of all photos.

    Args:
        predictions: see `agegender.evaluation.predictions.tabulate`.
        scores: of tasks that are predicted.
        samples: the number of resamples.
        seed: of the draw; equal seeds and numbers of photos give equal resamples.
        groups: the rows of each group; all photos as one group by default.
    """
    photos = len(predictions)
    rows = [np.arange(photos)] if groups is None else groups
    tables = [predictions.iloc[each] for each in rows]
    drawn: list[dict[Score, list[Floats]]] = [{score: [] for score in scores} for _ in rows]
    for weights in _resamples(photos, samples, seed):
        for each, table, parts in zip(rows, tables, drawn, strict=True):
            counts = weights[:, each]
            for score in scores:
                parts[score].append(score.compute(counts, table))
    result = []
    for table, parts in zip(tables, drawn, strict=True):
        once = np.ones((1, len(table)))
        values = {score: float(score.compute(once, table)[0]) for score in scores}
        replicates = {score: np.concatenate(parts[score]) for score in scores}
        for score in scores:
            if score.biased_upwards:
                replicates[score] = _moved_back(values[score], replicates[score])
        result.append(Replicates(values, replicates))
    return result


def _estimate(value: float, samples: Floats) -> Estimate:
    """The middle 95 % of those ``samples`` that are defined."""
    defined = samples[~np.isnan(samples)]
    if np.isnan(value) or not len(defined):
        return Estimate(value, np.nan, np.nan)
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return Estimate(value, float(low), float(high))


def _moved_back(value: float, samples: Floats) -> Floats:
    """The replicates of a score that is at least 0, less the bias of their mean."""
    defined = samples[~np.isnan(samples)]
    bias = defined.mean() - value if len(defined) else 0.0
    return np.maximum(samples - bias, 0.0)


def _resamples(photos: int, samples: int, seed: int) -> Iterator[Floats]:
    """How often each photo is drawn, in chunks of shape (some samples, photos)."""
    random = np.random.default_rng(seed)
    rows = max(1, _CHUNK // photos)
    for start in range(0, samples, rows):
        count = min(rows, samples - start)
        drawn = random.integers(photos, size=(count, photos))
        drawn += photos * np.arange(count)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=count * photos)
        yield counts.reshape(count, photos).astype(np.float64)
