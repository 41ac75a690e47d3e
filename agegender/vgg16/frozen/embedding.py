"""The embeddings that frozen layers compute of each photo, once, kept as an array on disk."""

import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from agegender.augmentation.augmentation import augment
from agegender.augmentation.parameters import Augmentation
from agegender.common.files import atomic_write
from agegender.common.progress import progress_bar
from agegender.networks.datasets import photos
from agegender.photos.records import read_index

logger = logging.getLogger(__name__)

# Batches after which what has been computed is safe on disk.
SAVED_EVERY = 16

# What a view makes of a batch of photos, given the number of its first photo in the split.
View = Callable[[tf.Tensor, int], tf.Tensor]


def identity(images: tf.Tensor, number: int) -> tf.Tensor:
    """The photos themselves."""
    return images


def flip_horizontal(images: tf.Tensor, number: int) -> tf.Tensor:
    """Their mirror images."""
    return tf.reverse(images, axis=[2])


def views(count: int, augmentation: Augmentation, seed: int) -> list[View]:
    """That many views: the photo itself, its mirror image, then others changed at random."""

    def changed(images: tf.Tensor, number: int) -> tf.Tensor:
        return augment(images, augmentation, (seed, number))

    every: list[View] = [identity, flip_horizontal, *[changed] * (count - 2)]
    return every[:count]


def embed(
    model: keras.Model,
    tfrecords: Path,
    split: str,
    target: Path,
    batch_size: int,
    views: Sequence[View] = (identity,),
) -> None:
    """Write the array ``target`` (.npy), shape (views · photos, ...), in the type of the model.

    The rows are in the order of the TFRecords, all photos of one view after those of the one
    before. A feature map in bfloat16 (which numpy reads as two bytes of no type) takes half the
    room. Batches are run one by one, so that memory does not grow with the split. A run that finds
    a part of the array goes on after it, and one that finds it whole does nothing.

    Args:
        model: pixels to embeddings.
        tfrecords: folder of the TFRecords.
        split: ``train`` or ``validation``, or both joined by ``+``.
        target: in an existing folder.
        batch_size: photos per forward pass.
        views: what to make of photos before they are embedded.
    """
    if target.exists():
        return
    partial, position = target.with_suffix(".partial"), target.with_suffix(".position")
    records = read_index(tfrecords)[split].records
    dtype = np.dtype(tf.as_dtype(model.output.dtype).as_numpy_dtype)
    shape = (len(views) * records, *model.output_shape[1:])
    done = int(position.read_text()) if position.exists() and partial.exists() else 0
    if done:
        logger.info("%s: resuming after photo %d of %d", split, done, shape[0])
    forward = tf.function(lambda images: model(images, training=False), reduce_retracing=True)

    def batches() -> Iterator[tuple[int, tf.Tensor, View]]:
        start = 0
        for view in views:
            for images, _ in photos(tfrecords, split, batch_size, []):
                yield start, images, view
                start += len(images)

    # Written row by row: the pages of a memory map would count as this process's memory, and it
    # would end the process with a signal when the disk is full.
    with partial.open("r+b" if done else "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
        file.truncate(file.seek(done * dtype.itemsize * math.prod(shape[1:]), os.SEEK_CUR))
        total = len(views) * math.ceil(records / batch_size)
        bar = progress_bar(batches(), total=total, desc=f"embedding {split}", unit="batches")
        for number, (start, images, view) in enumerate(bar, start=1):
            if start < done:
                continue
            changed = view(tf.cast(images, tf.float32), start)
            file.write(forward(changed).numpy().tobytes())
            if number % SAVED_EVERY == 0 or number == total:
                file.flush()
                os.fsync(file.fileno())
                with atomic_write(position, sync=True) as temporary:
                    temporary.write_text(str(start + len(images)))
    # Last, since it says that the split is done.
    partial.replace(target)
    position.unlink(missing_ok=True)


def saved_state(folder: Path) -> str:
    """How far unfinished embedding in ``folder`` is, for people; empty if nothing is saved."""
    rows = sum(len(np.load(file, "r")) for file in folder.glob("*.npy"))
    rows += sum(int(file.read_text()) for file in folder.glob("*.position"))
    return f"{rows} embeddings are saved" if rows else ""
