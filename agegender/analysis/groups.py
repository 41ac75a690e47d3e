"""The scores of groups of photos, and how far apart the best and the worst group are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agegender.evaluation.bootstrap import Estimate, Replicates, replicate
from agegender.evaluation.scores import Score, primary_metric, scores_of
from agegender.photos.labels import GENDERS
from agegender.photos.photos import group_columns

# The decade from which on ages are taken together.
LAST_DECADE = 9
# Groups of fewer photos are left out of gaps: chance alone would make them best or worst.
MIN_GROUP = 20


class Group(NamedTuple):
    """Photos that agree in the label ``by``; ``rows`` are their numbers."""

    by: str
    name: str
    rows: NDArray[np.int64]


class Gap(NamedTuple):
    """How far apart the best and the worst group are in the primary metric, and the groups."""

    by: str
    best: str
    worst: str
    size: Estimate


def groups(labels: pd.DataFrame) -> Iterator[Group]:
    """Every group that has photos: by decade of age, by gender, and by each group column."""
    decades = {start // 10: f"{start}-{start + 9}" for start in range(0, 10 * LAST_DECADE, 10)}
    decades[LAST_DECADE] = f"{10 * LAST_DECADE}+"
    columns: dict[str, tuple[Any, Mapping[Any, str]]] = {
        "age": (np.minimum(labels["age"] // 10, LAST_DECADE), decades),
        "gender": (labels["gender"], dict(enumerate(GENDERS))),
    }
    for by in group_columns(labels):
        columns[by] = labels[by], {name: name for name in sorted({*labels[by]} - {""})}
    for by, (values, names) in columns.items():
        for value, name in names.items():
            rows = np.flatnonzero(values == value)
            if len(rows):
                yield Group(by, name, rows)


def score_groups(
    predictions: pd.DataFrame, task: str, samples: int, seed: int
) -> list[tuple[Group, Replicates]]:
    """Each group of photos that count in the primary metric, with its scores in a task.

    All are on the same resamples of these photos.

    Args:
        predictions: see `agegender.evaluation.predictions.tabulate`.
        task: gender or age.
        samples: resamples for each 95 % interval.
        seed: of the resamples.
    """
    scored = primary_metric(task, predictions).rows(predictions)
    predictions = predictions[scored].reset_index(drop=True)
    found = list(groups(predictions))
    rows = [group.rows for group in found]
    scores = [score for score in scores_of(predictions) if score.task == task and score.of_groups]
    return list(zip(found, replicate(predictions, scores, samples, seed, rows), strict=True))


def gaps(score: Score, scored: Sequence[tuple[Group, Replicates]]) -> list[Gap]:
    """The gaps by age, by gender and by each group column, where two groups are large enough.

    The replicates of a gap compare the two groups that are best and worst on these photos,
    whichever are best and worst in a resample: the largest less the smallest of several would
    always be above 0.

    Args:
        score: the primary metric.
        scored: see `score_groups`.
    """
    found = []
    for by in dict.fromkeys(group.by for group, _ in scored):
        eligible = [pair for pair in scored if pair[0].by == by and len(pair[0].rows) >= MIN_GROUP]
        if len(eligible) < 2:
            continue
        eligible.sort(key=lambda pair: pair[1].values[score])
        (low, lower), (high, higher) = eligible[0], eligible[-1]
        best, worst = (high, low) if score.more_is_better else (low, high)
        found.append(Gap(by, best.name, worst.name, higher.minus(lower).estimates()[score]))
    return found
