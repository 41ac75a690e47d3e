"""Published protocols: CSV files that fix which photos are for training and which for the test."""

import csv
from pathlib import Path

from agegender.common.errors import UserError
from agegender.photos.labels import SPLIT_NAMES


def read_protocol(path: Path) -> dict[str, str]:
    """The split of each photo that the CSV file ``path`` names, by file name without folders.

    Args:
        path: a CSV file with the columns ``file`` and ``split``; further ones are ignored. A split
            is train, validation (or val, valid, dev), test, or empty: the photo is in none. The
            file may have no rows.

    Raises:
        UserError: there is no such file, it is something else, names a photo for two splits, or
            names none for training or none for the test.
    """
    splits: dict[str, str] = {}
    given = False
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"file", "split"} <= set(rows.fieldnames or ()):
                raise ValueError("header")
            for row in rows:
                given = True
                name = (row["file"] or "").replace("\\", "/").rpartition("/")[2]
                word = (row["split"] or "").strip()
                where = f"{path}, line {rows.line_num}"
                if not name:
                    raise UserError(f"{where}: the name of the file is missing")
                if not word:
                    continue
                if (split := SPLIT_NAMES.get(word.lower())) is None:
                    raise UserError(
                        f"{where}: the split is '{word}', not train, validation or test"
                    )
                if splits.setdefault(name, split) != split:
                    raise UserError(f"{where}: {name} is for {split}, but above for {splits[name]}")
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except (IsADirectoryError, ValueError, csv.Error):
        raise UserError(
            f"{path} fixes no split: it should be a CSV file with the columns file and split"
        ) from None
    if given and (lacking := {"train", "test"} - set(splits.values())):
        raise UserError(f"{path} names no photos for {' and '.join(sorted(lacking))}")
    return splits
