"""Writing folders of TFRecords; the only module here that needs TensorFlow."""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from agegender.photos.photos import LABELS
from agegender.photos.records import shard_name, write_index


def write_records(
    folder: Path,
    image_size: int,
    labels: Mapping[str, pd.DataFrame],
    images: Iterable[bytes],
    shard_records: int,
) -> None:
    """Write photos into TFRecords, with their labels and an index, see `records`.

    A record is a `tf.train.Example` with the features ``image`` (RGB bytes, row by row) and, as in
    ``labels``, ``file``, ``age``, ``gender`` and ``race``. The same photos give the same bytes.

    Args:
        folder: an empty folder.
        image_size: pixels a side.
        labels: by split, with the columns of `photos.LABELS`, at least one row.
        images: RGB bytes of each photo, split after split, in the order of ``labels``.
        shard_records: records of a shard; the last of a split may have fewer.

    Raises:
        OSError: a shard cannot be written, for want of space for example.
    """
    remaining = iter(images)
    for split, table in labels.items():
        starts = range(0, len(table), shard_records)
        for number, start in enumerate(starts):
            path = folder / shard_name(split, number, len(starts))
            with _os_errors(path), tf.io.TFRecordWriter(str(path)) as writer:
                for photo in table[start : start + shard_records].itertuples():
                    writer.write(_example(photo, next(remaining)))
        table[LABELS].to_csv(folder / f"{split}.csv", index=False, lineterminator="\n")
    if next(remaining, None) is not None:
        raise ValueError("more images than labels")
    write_index(folder, image_size, {split: len(table) for split, table in labels.items()})


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    """Raise TensorFlow's errors of writing ``path`` as Python does; their text ends as its does."""
    try:
        yield
    except tf.errors.OpError as error:
        for number in errno.errorcode:
            if str(error).endswith(os.strerror(number)):
                raise OSError(number, os.strerror(number), str(path)) from None
        raise


def _example(photo: Any, image: bytes) -> bytes:
    def of_bytes(value: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def of_integer(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    features = {
        "image": of_bytes(image),
        "file": of_bytes(photo.file.encode()),
        "age": of_integer(photo.age),
        "gender": of_integer(photo.gender),
        "race": of_integer(photo.race),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized
