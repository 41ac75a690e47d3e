"""Bootstrap intervals: how far a metric may lie from its value for all such photos.

Photos are drawn with replacement, as many as there are, and the metric is computed anew; of many
such replicates the middle 95 % are the interval (the percentile method of Efron and Tibshirani,
An Introduction to the Bootstrap, 1993, chapter 13). Two models are compared on the same resamples.
The replicates of a score that resampling alone makes larger are moved back by as much as their
mean lies above the score (the bootstrap's estimate of bias, chapter 10): its interval would else
lie beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from agegender.evaluation.scores import BIASED_UPWARDS, Floats, Scores

COVERAGE = 0.95
# Weights held at a time, 8 bytes each, and three such arrays beside them. The draw is the same for
# any number; this one keeps memory the same from some hundred test photos on.
_CHUNK = 500_000


class Estimate(NamedTuple):
    """A metric and its interval; NaN where it is not defined."""

    value: float
    low: float
    high: float

    @property
    def is_chance(self) -> bool:
        """Whether a difference of 0 lies within the interval, or nothing is known."""
        return not (self.low > 0 or self.high < 0)


class Replicates(NamedTuple):
    """The metrics of some predictions: their values, and their replicates, shape (samples,)."""

    values: Mapping[str, float]
    samples: Mapping[str, Floats]

    def estimates(self) -> dict[str, Estimate]:
        """Every metric with its interval."""
        return {name: estimate(value, self.samples[name]) for name, value in self.values.items()}

    def minus(self, other: "Replicates") -> "Replicates":
        """The differences to the metrics of ``other``, replicated on the same resamples."""
        return Replicates(
            {name: value - other.values[name] for name, value in self.values.items()},
            {name: samples - other.samples[name] for name, samples in self.samples.items()},
        )


def replicate(
    scores: Sequence[Scores], members: Sequence[np.ndarray], photos: int, samples: int, seed: int
) -> list[Replicates]:
    """The metrics of several sets of photos, on the same resamples of all photos.

    Args:
        scores: of each set of photos.
        members: the rows of each set among all photos.
        photos: the number of all photos, which are resampled.
        samples: the number of resamples.
        seed: of the draw; equal seeds and numbers of photos give equal resamples.
    """
    parts: list[list[Mapping[str, Floats]]] = [[] for _ in scores]
    for weights in _resamples(photos, samples, seed):
        for score, rows, part in zip(scores, members, parts, strict=True):
            part.append(score(weights[:, rows]))
    result = []
    for score, rows, part in zip(scores, members, parts, strict=True):
        whole = score(np.ones((1, len(rows))))
        values = {name: float(value[0]) for name, value in whole.items()}
        drawn = {name: np.concatenate([each[name] for each in part]) for name in whole}
        for name in BIASED_UPWARDS & drawn.keys():
            drawn[name] = _moved_back(values[name], drawn[name])
        result.append(Replicates(values, drawn))
    return result


def estimate(value: float, samples: Floats) -> Estimate:
    """The middle 95 % of those ``samples`` that are defined, about ``value``."""
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
