"""The splits, and the CSV files that list their photos.

Labels are columns by name. Two of them are always there, and empty where they are not known:
``age`` in years and ``gender``, 0 male or 1 female. Where some ages are ranges, ``age_min`` and
``age_max`` are their ends, the same age for an exact one, and ``age`` is the middle. ``person`` is
whoever is in the photo. All others come from wherever the photos do, such as ``race`` from
UTKFace's names, and divide the photos into groups of people, by which the models are scored.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agegender.common.errors import DamagedFileError

SPLITS = ("train", "validation", "test")
REQUIRED = ["file", "age", "gender"]
# Photos of one `group` are (nearly) the same, or of one person.
NUMBERS = ["age", "age_min", "age_max", "gender", "group"]
# How the names of columns end that hold what a model returns, and what follows from it.
COMPUTED = ("_predicted", "_error", "_correct")


def group_columns(photos: pd.DataFrame) -> list[str]:
    """The columns that divide ``photos`` into groups of people, besides age and gender."""
    known = {*REQUIRED, *NUMBERS, "person", "split"}
    names = map(str, photos.columns)
    return [name for name in names if name not in known and not name.endswith(COMPUTED)]


def age_ranges(photos: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest age that each photo may have; NaN where nothing is known."""
    ends = ("age_min", "age_max") if "age_min" in photos else ("age", "age")
    lowest, highest = (photos[end].to_numpy(np.float64) for end in ends)
    return lowest, highest


def count_labels(photos: pd.DataFrame) -> dict[str, int]:
    """How many of ``photos`` have a ``gender``, an exact ``age``, and a range, ``age_range``."""
    lowest, highest = age_ranges(photos)
    return {
        "gender": int(photos["gender"].notna().sum()),
        "age": int((lowest == highest).sum()),
        "age_range": int((lowest < highest).sum()),
    }


def task_labels(photos: pd.DataFrame, task: str) -> NDArray[np.float32]:
    """What a network learns of each photo: its gender, (n, 1); its lowest and highest age, (n, 2).

    They are NaN where they are not known.
    """
    columns = age_ranges(photos) if task == "age" else [photos[task]]
    return np.stack(columns, axis=1).astype(np.float32)


def write_photos(path: Path, photos: pd.DataFrame) -> None:
    """Write ``photos``, with at least the columns `REQUIRED`, to the CSV file ``path``."""
    photos.to_csv(path, index=False, lineterminator="\n")


def read_photos(path: Path) -> pd.DataFrame:
    """The photos that `write_photos` wrote to ``path``, one row per photo.

    Returns:
        `NUMBERS`, and what is `COMPUTED`, as integers where all are known and whole, else as
        float64 with NaN for what is not known; all other columns as text.

    Raises:
        DamagedFileError: the file is missing or something else.
    """
    try:
        photos = pd.read_csv(path, dtype=str, keep_default_na=False)
        if list(photos.columns[:3]) != REQUIRED:
            raise ValueError("header")
        names = map(str, photos.columns)
        numbers = [name for name in names if name in NUMBERS or name.endswith(COMPUTED)]
        return photos.assign(**{name: pd.to_numeric(photos[name]) for name in numbers})
    except FileNotFoundError:
        raise DamagedFileError(path, "is missing") from None
    except ValueError:
        problem = f"is damaged: it is no list of photos ({','.join(REQUIRED)}, ...)"
        raise DamagedFileError(path, problem) from None
