"""Folders of TFRecords: their index, and the labels of their records without TensorFlow.

A folder holds the shards of each split, next to them a CSV file per split with one row per record
in the order of the records, and index.json.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agegender.common.errors import UserError
from agegender.common.files import atomic_write, sha256, verify_files
from agegender.photos.photos import LABELS, SPLITS, read_table

INDEX = "index.json"
# Forced, since DVC need not have noticed what is wrong.
_REMEDY = "make the records again with `dvc repro -sf preprocess`"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Records(_Frozen):
    """The number of records of a split, and the names of the shards that hold them in order."""

    records: Annotated[int, Field(ge=1)]
    shards: Annotated[list[str], Field(min_length=1)]


class Index(_Frozen):
    """What a folder of TFRecords holds: photos of ``image_size`` pixels a side.

    ``bytes`` and ``sha256`` are of each file but the index.
    """

    image_size: Annotated[int, Field(ge=1)]
    splits: dict[str, Records]
    bytes: dict[str, int]
    sha256: dict[str, str]

    def __getitem__(self, name: str) -> Records:
        """A split, or several as one, joined by ``+``: ``train+validation``."""
        parts = [self.splits[each] for each in name.split("+")]
        return Records(
            records=sum(part.records for part in parts),
            shards=[shard for part in parts for shard in part.shards],
        )


def shard_names(split: str, total: int) -> list[str]:
    """The names of the ``total`` shards of a split, in order."""
    return [f"{split}-{number:05d}-of-{total:05d}.tfrecord" for number in range(total)]


def write_index(
    folder: Path, image_size: int, records: Mapping[str, int], shards: Mapping[str, Sequence[str]]
) -> None:
    """Write the index of ``folder``, the last file of it: its presence says that all are there.

    Args:
        folder: with the shards and the labels of each split.
        image_size: pixels a side.
        records: their number by split.
        shards: the names of their files by split, in order.
    """
    files = [folder / name for split in shards for name in (*shards[split], f"{split}.csv")]
    index = Index(
        image_size=image_size,
        splits={
            split: Records(records=records[split], shards=[*shards[split]]) for split in shards
        },
        bytes={path.name: path.stat().st_size for path in files},
        sha256={path.name: sha256(path) for path in files},
    )
    with atomic_write(folder / INDEX) as partial:
        partial.write_text(index.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_index(folder: Path) -> Index:
    """The index of ``folder``, after a look at the names and sizes of all its files.

    Raises:
        UserError: the index is missing or something else, or a file is missing or has another
            size.
    """
    path = folder / INDEX
    try:
        index = Index.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {_REMEDY}") from None
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise UserError(f"{path} is damaged ({where or 'JSON'}); {_REMEDY}") from None
    names = [f"{split}.csv" for split in SPLITS]
    for split, part in index.splits.items():
        names += shard_names(split, len(part.shards))
        if part.shards != names[-len(part.shards) :]:
            raise UserError(f"{path} is damaged (the shards of {split}); {_REMEDY}")
    if sorted(index.splits) != sorted(SPLITS) or sorted(index.bytes) != sorted(names):
        raise UserError(f"{path} is damaged (its files); {_REMEDY}")
    for name, size in index.bytes.items():
        file = folder / name
        if not file.is_file():
            raise UserError(f"{file} is missing; {_REMEDY}")
        if file.stat().st_size != size:
            found = file.stat().st_size
            raise UserError(f"{file} is damaged: {found} bytes instead of {size}; {_REMEDY}")
    return index


def read_labels(folder: Path, split: str) -> pd.DataFrame:
    """File name, age, gender and race of each record of a split, or of several joined by ``+``.

    Returns:
        one row per record, in the order of the records; columns as in `photos.LABELS`.

    Raises:
        UserError: as `read_index`, or the labels are damaged.
    """
    parts = split.split("+")
    tables = [read_table(folder / f"{part}.csv", LABELS) for part in parts]
    index = read_index(folder)
    for part, table in zip(parts, tables, strict=True):
        if len(table) != index[part].records:
            raise UserError(f"{folder / part}.csv is damaged; {_REMEDY}")
    return pd.concat(tables, ignore_index=True)


def verify(folder: Path) -> None:
    """Find the damaged file where reading ``folder`` failed.

    TensorFlow checks each record as it reads it, but its errors do not always name the file. All
    files are compared with their SHA-256 in the index, which takes as long as reading them.

    Raises:
        UserError: as `read_index`, or a file has another content; the message names it.
    """
    read_index(folder)
    verify_files(folder / INDEX, _REMEDY)
