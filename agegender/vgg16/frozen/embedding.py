"""What frozen layers make of each photo, computed once and kept as an array on disk."""

import io
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from agegender.augmentation.augmentation import augment
from agegender.augmentation.parameters import Augmentation
from agegender.networks.batches import Change, photos
from agegender.photos.records import read_index

# Behind a split's name: the file that says how many of its rows are done.
POSITION = ".position"


def as_it_is(images: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """The photos themselves."""
    return images


def mirrored(images: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Their mirror images."""
    return tf.reverse(images, axis=[2])


def views(count: int, augmentation: Augmentation, seed: int) -> list[Change]:
    """So many views: the photo itself, its mirror image, then others changed at random."""

    def changed(images: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        return augment(images, augmentation, (seed, number))

    every: list[Change] = [as_it_is, mirrored, *[changed] * (count - 2)]
    return every[:count]


def embed(
    model: keras.Model,
    tfrecords: Path,
    split: str,
    target: Path,
    name: str,
    batch_size: int,
    views: Sequence[Change] = (as_it_is,),
    say: Callable[[str], None] = print,
) -> None:
    """Write ``{name}.npy`` and ``{name}.labels.npy`` to the folder ``target``.

    The array's rows are in the order of the TFRecords, those of one view of all photos behind those
    of the view before, and of the type that ``model`` answers in: a feature map in bfloat16 (which
    numpy reads as two bytes of no type) takes half the room. Batches are run one by one, so that
    memory does not grow with the split. A run that finds a part of the array goes on behind it, and
    one that finds it whole does nothing.

    Args:
        model: pixels to embeddings.
        tfrecords: folder of the TFRecords.
        split: ``train`` or ``validation``, or both joined by ``+``.
        target: an existing folder.
        name: of the files.
        batch_size: photos a forward pass.
        views: what to make of photos before they are embedded; a batch's number is that of its
            first photo in all that is embedded.
        say: prints one line.
    """
    records = read_index(tfrecords)[split].records
    partial, position = target / f"{name}.partial", target / f"{name}{POSITION}"
    if (target / f"{name}.npy").exists():
        position.unlink(missing_ok=True)
        return
    dtype = np.dtype(tf.as_dtype(model.output.dtype).as_numpy_dtype)
    shape = (len(views) * records, *model.output_shape[1:])
    done = int(position.read_text()) if position.exists() and partial.exists() else 0
    if done:
        say(f"{name}: resuming behind photo {done} of {shape[0]}")
    labels = np.empty((records, 2), np.float32)
    forward = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    start = 0
    # Written row by row: the pages of a memory map would count as this process's memory, and it
    # would end the process with a signal when the disk is full.
    with partial.open("r+b" if done else "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
        file.truncate(file.seek(done * dtype.itemsize * math.prod(shape[1:]), os.SEEK_CUR))
        for view in views:
            for images, answers in photos(tfrecords, split, batch_size, ["gender", "age"]):
                end = start + len(images)
                if start < records:
                    labels[start:end] = np.hstack([answers["gender"], answers["age"]])
                if start >= done:
                    changed = view(tf.cast(images, tf.float32), tf.constant(start))
                    file.write(forward(changed).numpy().tobytes())
                    if (end // batch_size) % 16 == 0 or end == shape[0]:
                        file.flush()
                        os.fsync(file.fileno())
                        _write_whole(position, str(end).encode())
                        say(f"{name}: {end} of {shape[0]} photos")
                start = end
    content = io.BytesIO()
    np.save(content, labels)
    _write_whole(target / f"{name}.labels.npy", content.getvalue())
    # Last, since it says that the split is done.
    partial.replace(target / f"{name}.npy")
    position.unlink(missing_ok=True)


def saved_photos(target: Path) -> str:
    """How much an unfinished run has kept in the folder ``target``, for people; empty if nothing.

    What a split has kept is said by its labels, which are written at its end, or its position.
    """
    photos = sum(len(np.load(file, "r")) for file in target.glob("*.labels.npy"))
    for file in target.glob(f"*{POSITION}"):
        if not file.with_suffix(".labels.npy").exists():
            photos += int(file.read_text())
    return f"the embeddings of {photos} photos are saved" if photos else ""


def _write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, which is there whole or as it was."""
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
