"""Writing folders of TFRecords; the only module here that needs TensorFlow."""

import errno
import os
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from agegender.photos.photos import NUMBERS, write_photos
from agegender.photos.records import shard_name, write_index


def write_records(
    folder: Path,
    image_size: int,
    labels: Mapping[str, pd.DataFrame],
    images: Iterable[bytes],
    shard_records: int,
) -> None:
    """Write photos into TFRecords, with their labels and an index, see `records`.

    A record is a `tf.train.Example` with the feature ``image`` (RGB bytes, row by row) and one of
    each column of ``labels`` but ``group``: numbers as float, NaN where they are not known, text as
    UTF-8. The same photos give the same bytes.

    Args:
        folder: an empty folder.
        image_size: pixels a side.
        labels: by split, see `photos.read_photos`.
        images: RGB bytes of each photo, split after split, in the order of ``labels``.
        shard_records: records of a shard; the last of a split may have fewer.

    Raises:
        OSError: a shard cannot be written, for want of space for example.
    """
    remaining = iter(images)
    for split, photos in labels.items():
        table = photos.drop(columns="group", errors="ignore")
        starts = range(0, len(table), shard_records)
        for number, start in enumerate(starts):
            path = folder / shard_name(split, number, len(starts))
            with _os_errors(path), tf.io.TFRecordWriter(str(path)) as writer:
                for photo in table[start : start + shard_records].to_dict("records"):
                    writer.write(_example(photo, next(remaining)))
        write_photos(folder / f"{split}.csv", table)
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


def _example(labels: Mapping[Hashable, Any], image: bytes) -> bytes:
    example = tf.train.Example()
    feature = example.features.feature
    feature["image"].bytes_list.value.append(image)
    for name, value in labels.items():
        if name in NUMBERS:
            feature[name].float_list.value.append(value)
        else:
            feature[name].bytes_list.value.append(value.encode())
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized
