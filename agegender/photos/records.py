"""TFRecord files: writing, reading and checking them without TensorFlow.

A file is a row of records: length (uint64), masked CRC-32C of the length, the record, masked
CRC-32C of the record, all little-endian.
Source: https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import google_crc32c
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agegender.common.errors import UserError
from agegender.common.files import atomic_write
from agegender.photos import example
from agegender.photos.example import Example
from agegender.photos.photos import SPLITS

INDEX = "index.json"
# Forced, since DVC need not have noticed what is wrong.
_REMEDY = "make the records anew with `dvc repro -sf preprocess`"
_HEADER = struct.Struct("<QI")
# Larger than a record, so that the system is called once in a while only.
_BUFFER = 2**20
_CHECKSUM = struct.Struct("<I")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shard(_Frozen):
    """A TFRecord file: its name in the folder, its number of records and its size in bytes."""

    file: Annotated[str, Field(pattern=r"^[a-z]+-\d{5,}-of-\d{5,}\.tfrecord$")]
    records: Annotated[int, Field(ge=1)]
    bytes: Annotated[int, Field(ge=1)]


class Split(_Frozen):
    """The number of records of a split, and the shards that hold them in order."""

    records: Annotated[int, Field(ge=1)]
    shards: Annotated[list[Shard], Field(min_length=1)]


class Index(_Frozen):
    """What a folder of TFRecords holds: photos of ``image_size`` pixels a side."""

    image_size: Annotated[int, Field(ge=1)]
    splits: dict[str, Split]

    def __getitem__(self, name: str) -> Split:
        """A split, or several as one, joined by ``+``: ``train+validation``."""
        parts = [self.splits[each] for each in name.split("+")]
        return Split(
            records=sum(part.records for part in parts),
            shards=[shard for part in parts for shard in part.shards],
        )


def shard_name(split: str, number: int, total: int) -> str:
    """The name of the shard with this ``number``, from 0, of ``total``."""
    return f"{split}-{number:05d}-of-{total:05d}.tfrecord"


def write_shard(path: Path, examples: Iterable[Example]) -> Shard:
    """Write ``examples`` to ``path``, which is there whole or not at all."""
    count = 0
    with atomic_write(path) as temporary, temporary.open("wb", buffering=_BUFFER) as file:
        for each in examples:
            record = example.encode(each)
            length = struct.pack("<Q", len(record))
            file.write(length + _CHECKSUM.pack(_masked_crc(length)))
            file.write(record)
            file.write(_CHECKSUM.pack(_masked_crc(record)))
            count += 1
        size = file.tell()
    return Shard(file=path.name, records=count, bytes=size)


def write_index(folder: Path, image_size: int, shards: dict[str, list[Shard]]) -> None:
    """Write the index of the ``shards`` of each split, whose presence says that all are there."""
    splits = {
        split: Split(records=sum(shard.records for shard in members), shards=members)
        for split, members in shards.items()
    }
    index = Index(image_size=image_size, splits=splits)
    with atomic_write(folder / INDEX) as temporary:
        temporary.write_text(index.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_index(folder: Path) -> Index:
    """The index of ``folder``, after a look at the names and sizes of all its shards.

    Raises:
        UserError: the index is missing or something else, or a shard is missing or has another
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
    if sorted(index.splits) != sorted(SPLITS):
        raise UserError(f"{path} lists other splits than {', '.join(SPLITS)}; {_REMEDY}")
    for name, split in index.splits.items():
        counted = sum(shard.records for shard in split.shards)
        expected = [shard_name(name, i, len(split.shards)) for i in range(len(split.shards))]
        if counted != split.records or [shard.file for shard in split.shards] != expected:
            raise UserError(f"{path} contradicts itself on the split '{name}'; {_REMEDY}")
        for shard in split.shards:
            _check_size(folder / shard.file, shard)
    return index


def read_records(folder: Path, split: str) -> Iterator[Example]:
    """The examples of ``split`` in their order, one at a time, every checksum checked.

    It is one of the index or several of them, see `Index`.

    Raises:
        UserError: as `read_index`, or a shard is damaged; the message names it.
    """
    index = read_index(folder)
    for shard in index[split].shards:
        for record in _read_shard(folder / shard.file, shard):
            try:
                each = example.decode(record)
            except ValueError as error:
                raise _damaged(folder / shard.file, str(error)) from None
            if len(each.image) != 3 * index.image_size**2:
                raise _damaged(folder / shard.file, f"{each.file} has another size")
            yield each


def verify(folder: Path, *splits: str) -> None:
    """Check every checksum of every shard of these splits in ``folder``.

    That takes about as long as reading the files. TensorFlow checks them too, but its errors do
    not always name the file.

    Raises:
        UserError: as `read_records`.
    """
    index = read_index(folder)
    for split in splits:
        for shard in index[split].shards:
            for _ in _read_shard(folder / shard.file, shard):
                pass


def _read_shard(path: Path, shard: Shard) -> Iterator[bytes]:
    _check_size(path, shard)
    count = 0
    with path.open("rb") as file:
        while header := file.read(_HEADER.size):
            if len(header) < _HEADER.size:
                raise _damaged(path, "it ends within a record")
            length, checksum = _HEADER.unpack(header)
            # Before the length is trusted with memory.
            if _masked_crc(header[:8]) != checksum or length > shard.bytes:
                raise _damaged(path, f"the length of record {count} fails its checksum")
            record = file.read(length)
            tail = file.read(_CHECKSUM.size)
            if len(record) < length or len(tail) < _CHECKSUM.size:
                raise _damaged(path, "it ends within a record")
            if _masked_crc(record) != _CHECKSUM.unpack(tail)[0]:
                raise _damaged(path, f"record {count} fails its checksum")
            count += 1
            yield record
    if count != shard.records:
        raise _damaged(path, f"{count} records in place of {shard.records}")


def _check_size(path: Path, shard: Shard) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {_REMEDY}") from None
    if size != shard.bytes:
        raise _damaged(path, f"{size} bytes in place of {shard.bytes}")


def _damaged(path: Path, what: str) -> UserError:
    return UserError(f"{path} is damaged: {what}; {_REMEDY}")


def _masked_crc(content: bytes) -> int:
    checksum = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
