"""Folders of TFRecords: their index, and the labels of their records without TensorFlow.

A folder holds the shards of each split, next to them a CSV file per split with one row per record
in the order of the records, and index.json.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from agegender.common.errors import DamagedFileError
from agegender.common.files import atomic_write, sha256, verify_files
from agegender.photos.photos import SPLITS, read_photos

INDEX = "index.json"


class Split(NamedTuple):
    """The number of records of a split, and the names of the shards that hold them in order."""

    records: int
    shards: list[str]


class Index(BaseModel):
    """What a folder of TFRecords holds: photos of ``image_size`` pixels a side.

    ``records`` is their number by split, ``bytes`` and ``sha256`` are of each file but the index.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    image_size: Annotated[int, Field(ge=1)]
    records: dict[str, Annotated[int, Field(ge=1)]]
    bytes: dict[str, int]
    sha256: dict[str, str]

    def __getitem__(self, name: str) -> Split:
        """A split, or several as one, joined by ``+``: ``train+validation``."""
        splits = name.split("+")
        shards = [
            file
            for split in splits
            # 100000 comes after 99999 only as a number.
            for file in sorted(self.bytes, key=lambda file: (len(file), file))
            if file.startswith(f"{split}-")
        ]
        return Split(sum(self.records[split] for split in splits), shards)


def shard_name(split: str, number: int, total: int) -> str:
    """The name of the shard with this ``number``, from 0, of ``total``."""
    return f"{split}-{number:05d}-of-{total:05d}.tfrecord"


def write_index(folder: Path, image_size: int, records: Mapping[str, int]) -> None:
    """Write the index of ``folder``, the last file of it: its presence says that all are there.

    Args:
        folder: with the shards and the labels of each split, and nothing else.
        image_size: pixels a side.
        records: their number by split.
    """
    files = sorted(folder.iterdir())
    index = Index(
        image_size=image_size,
        records=dict(records),
        bytes={path.name: path.stat().st_size for path in files},
        sha256={path.name: sha256(path) for path in files},
    )
    with atomic_write(folder / INDEX) as partial:
        partial.write_text(index.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_index(folder: Path) -> Index:
    """The index of ``folder``, after a look at the names and sizes of all its files.

    Raises:
        UserError: the index or a file is missing, or something else.
    """
    path = folder / INDEX
    try:
        index = Index.model_validate_json(path.read_bytes())
        if sorted(index.records) != sorted(SPLITS):
            raise ValueError("splits")
    except FileNotFoundError:
        raise DamagedFileError(path, "is missing") from None
    except ValueError:
        raise DamagedFileError(path, "is damaged: it is no index of TFRecords") from None
    for name, size in index.bytes.items():
        file = folder / name
        if not file.is_file():
            raise DamagedFileError(file, "is missing")
        if (found := file.stat().st_size) != size:
            raise DamagedFileError(file, f"is damaged: {found} bytes instead of {size}")
    return index


def read_labels(folder: Path, split: str) -> pd.DataFrame:
    """The labels of each record of a split, or of several joined by ``+``; see `read_photos`.

    Raises:
        UserError: as `read_index`, or the labels are damaged.
    """
    index = read_index(folder)
    tables = []
    for part in split.split("+"):
        path = folder / f"{part}.csv"
        if sha256(path) != index.sha256[path.name]:
            raise DamagedFileError(path, "is damaged")
        tables.append(read_photos(path))
    return pd.concat(tables, ignore_index=True)


def verify(folder: Path) -> None:
    """Find the damaged file where reading ``folder`` failed.

    TensorFlow checks each record as it reads it, but its errors do not always name the file. All
    files are compared with their SHA-256 in the index, which takes as long as reading them.

    Raises:
        UserError: it names the file.
    """
    read_index(folder)
    verify_files(folder / INDEX)
