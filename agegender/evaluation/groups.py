"""Groups of photos that the metrics are told apart for."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agegender.photos.labels import GENDERS, RACES

# The decade from which on ages are taken together.
LAST_DECADE = 9


class Group(NamedTuple):
    """Photos that agree: ``by`` is age, gender or race, ``rows`` are their numbers."""

    by: str
    name: str
    rows: NDArray[np.int64]


def decade_name(decade: int) -> str:
    """The name of an age decade: 0-9, 10-19, ..., 80-89, 90+."""
    start = 10 * decade
    return f"{start}+" if decade == LAST_DECADE else f"{start}-{start + 9}"


def groups(labels: pd.DataFrame) -> Iterator[Group]:
    """Every group that has photos: by decade of age, by gender, by race group.

    Args:
        labels: a row a photo, with ``age`` (years), ``gender`` (0, 1) and ``race`` (0 to 4).
    """
    decades = np.minimum(labels["age"].to_numpy() // 10, LAST_DECADE)
    codes = {
        "age": (decades, [decade_name(decade) for decade in range(LAST_DECADE + 1)]),
        "gender": (labels["gender"].to_numpy(), GENDERS),
        "race": (labels["race"].to_numpy(), RACES),
    }
    for by, (numbers, names) in codes.items():
        for number, name in enumerate(names):
            rows = np.flatnonzero(numbers == number)
            if len(rows):
                yield Group(by, name, rows)
