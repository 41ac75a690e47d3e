"""A part of a workspace's photos."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from agegender.networks import batches
from agegender.photos.photos import SPLITS
from agegender.photos.records import read_index, read_labels
from agegender.photos.writer import write_records


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
    labels = {split: read_labels(tfrecords, split)[: counts.get(split, 1)] for split in SPLITS}
    images = (
        pixels.tobytes()
        for split, table in labels.items()
        for pixels in islice(_images(tfrecords, split), len(table))
    )
    write_records(target, read_index(tfrecords).image_size, labels, images, 10**6)


def load(tfrecords: Path, split: str) -> Photos:
    """All photos of a split."""
    labels = read_labels(tfrecords, split)
    return Photos(
        np.stack(list(_images(tfrecords, split))),
        labels[["gender"]].to_numpy(np.float32),
        labels[["age"]].to_numpy(np.float32),
    )


def _images(tfrecords: Path, split: str) -> Iterator[np.ndarray]:
    for images, _ in batches.photos(tfrecords, split, 1, []):
        yield images.numpy()[0]
