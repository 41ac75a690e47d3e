"""The splits, and the CSV files that list their photos."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from agegender.common.errors import DamagedFileError

SPLITS = ("train", "validation", "test")
# A photo's name and what `labels.Labels` holds.
LABELS = ["file", "age", "gender", "race"]
# Photos of one group are (nearly) the same.
COLUMNS = [*LABELS, "group"]


def write_photos(path: Path, photos: pd.DataFrame) -> None:
    """Write ``photos``, with at least these `COLUMNS`, to the CSV file ``path``."""
    photos[COLUMNS].to_csv(path, index=False, lineterminator="\n")


def read_photos(path: Path) -> pd.DataFrame:
    """The photos that `write_photos` wrote to ``path``, one row per photo.

    Raises:
        UserError: the file is missing or something else.
    """
    return read_table(path, COLUMNS)


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A CSV file of these columns: ``file``, a string, and otherwise whole numbers.

    Raises:
        UserError: the file is missing or something else.
    """
    try:
        table = pd.read_csv(path, dtype={"file": str}, keep_default_na=False)
        if list(table.columns) != list(columns):
            raise ValueError("header")
        return table.astype({name: "int64" for name in columns if name != "file"})
    except FileNotFoundError:
        raise DamagedFileError(path, "is missing") from None
    except ValueError:
        problem = f"is damaged: it is no list of photos ({','.join(columns)})"
        raise DamagedFileError(path, problem) from None
