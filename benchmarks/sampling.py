"""A part of a workspace's photos."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from agegender.photos.photos import SPLITS
from agegender.photos.records import read_index, read_records, shard_name, write_index, write_shard


@dataclass(frozen=True)
class Photos:
    """Photos in memory.

    Attributes:
        images: uint8, shape (n, image_size, image_size, 3).
        gender: float32, shape (n, 1).
        age: float32, shape (n, 1), years.
    """

    images: np.ndarray
    gender: np.ndarray
    age: np.ndarray


def part(tfrecords: Path, target: Path, **counts: int) -> None:
    """Write the first photos of each split to TFRecords in the new folder ``target``.

    Args:
        tfrecords: folder of the TFRecords.
        target: does not exist.
        counts: photos of a split by its name; of the others, one.
    """
    target.mkdir(parents=True)
    shards = {}
    for split in SPLITS:
        examples = islice(read_records(tfrecords, split), counts.get(split, 1))
        shards[split] = [write_shard(target / shard_name(split, 0, 1), examples)]
    write_index(target, read_index(tfrecords).image_size, shards)


def load(tfrecords: Path, split: str) -> Photos:
    """All photos of a split."""
    size = read_index(tfrecords).image_size
    images, gender, age = [], [], []
    for example in read_records(tfrecords, split):
        images.append(np.frombuffer(example.image, np.uint8).reshape(size, size, 3))
        gender.append(example.gender)
        age.append(example.age)
    return Photos(
        np.stack(images),
        np.array(gender, np.float32)[:, np.newaxis],
        np.array(age, np.float32)[:, np.newaxis],
    )
