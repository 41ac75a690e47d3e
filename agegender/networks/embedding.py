"""What frozen layers make of each photo, computed once and kept as an array on disk."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import keras
import numpy as np
import tensorflow as tf

from agegender.dataset.records import read_index
from agegender.networks.batches import photos


def embed(
    model: keras.Model,
    tfrecords: Path,
    split: str,
    target: Path,
    batch_size: int,
    say: Callable[[str], None] = print,
) -> None:
    """Write ``{split}.npy`` and ``{split}.labels.npy`` to the folder ``target``.

    The array's rows are in the order of the TFRecords and of the type that ``model`` answers in:
    a feature map in bfloat16 (which numpy reads as two bytes of no type) takes half the room.
    Batches are run one by one and written to the file, not through a mapping, whose pages would
    count as memory: it does not grow with the split. A run that finds a part of the array goes on
    behind it.

    Args:
        model: pixels to embeddings.
        tfrecords: folder of the TFRecords.
        split: ``train`` or ``validation``.
        target: an existing folder.
        batch_size: photos a forward pass.
        say: prints one line.
    """
    records = read_index(tfrecords).splits[split].records
    partial, position = target / f"{split}.partial.npy", target / f"{split}.position"
    dtype = tf.as_dtype(model.output.dtype).as_numpy_dtype
    done = int(position.read_text()) if position.exists() and partial.exists() else 0
    if done:
        say(f"{split}: resuming behind photo {done} of {records}")
    labels = np.empty((records, 2), np.float32)
    forward = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    start = 0
    with partial.open("r+b" if done else "wb") as file:
        _write_header(file, (records, *model.output_shape[1:]), np.dtype(dtype))
        file.seek(done * np.dtype(dtype).itemsize * math.prod(model.output_shape[1:]), os.SEEK_CUR)
        for images, answers in photos(tfrecords, split, batch_size, ["gender", "age"]):
            end = start + len(images)
            labels[start:end] = np.hstack([answers["gender"], answers["age"]])
            if start >= done:
                file.write(forward(tf.cast(images, tf.float32)).numpy().tobytes())
                if (end // batch_size) % 16 == 0 or end == records:
                    file.flush()
                    mark = position.with_suffix(".new")
                    mark.write_text(str(end))
                    mark.replace(position)
                    say(f"{split}: {end} of {records} photos")
            start = end
    np.save(target / f"{split}.labels.npy", labels)
    partial.replace(target / f"{split}.npy")
    position.unlink(missing_ok=True)


def _write_header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Begin a .npy file; the rows follow as they lie in memory."""
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
    np.lib.format.write_array_header_1_0(file, {**described, "shape": shape})
