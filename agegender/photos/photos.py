"""The photos of a split, and the CSV files that list them."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from agegender.common.errors import UserError

SPLITS = ("train", "validation", "test")


class Photo(NamedTuple):
    """A photo and its labels; photos of one ``group`` are (nearly) the same."""

    file: str
    age: int
    gender: int
    race: int
    group: int


def write_photos(path: Path, photos: Iterable[Photo]) -> None:
    """Write ``photos`` to the CSV file ``path``, a row each, in the order given."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Photo._fields)
        writer.writerows(photos)


def read_photos(path: Path) -> list[Photo]:
    """The photos that `write_photos` wrote to ``path``.

    Raises:
        UserError: the file is something else.
    """
    with path.open(encoding="utf-8", newline="") as file:
        try:
            rows = csv.reader(file)
            if tuple(next(rows, ())) != Photo._fields:
                raise ValueError("header")
            return [Photo(name, *map(int, numbers)) for name, *numbers in rows]
        except (ValueError, TypeError, csv.Error):
            raise UserError(
                f"{path} is not a list of photos ({','.join(Photo._fields)}); "
                "make it anew with `dvc repro split`"
            ) from None
