"""What frozen layers make of each photo, computed once and kept as a memory-mapped array."""

import io
import math
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from agegender.dataset.records import read_index
from agegender.networks.batches import photos

# Behind a split's name: the file that says how many of its photos are done.
POSITION = ".position"


def embed(
    model: keras.Model,
    tfrecords: Path,
    split: str,
    target: Path,
    batch_size: int,
    say: Callable[[str], None] = print,
) -> None:
    """Write ``{split}.npy`` and ``{split}.labels.npy`` to the folder ``target``.

    The array's rows are in the order of the TFRecords. Batches are run one by one, so that memory
    does not grow with the split. A run that finds a part of the array goes on behind it, and one
    that finds it whole does nothing.

    Args:
        model: pixels to embeddings.
        tfrecords: folder of the TFRecords.
        split: ``train`` or ``validation``.
        target: an existing folder.
        batch_size: photos a forward pass.
        say: prints one line.
    """
    records = read_index(tfrecords).splits[split].records
    partial, position = target / f"{split}.partial", target / f"{split}{POSITION}"
    if (target / f"{split}.npy").exists():
        position.unlink(missing_ok=True)
        return
    done = int(position.read_text()) if position.exists() and partial.exists() else 0
    if done:
        say(f"{split}: resuming behind photo {done} of {records}")
    shape = (records, *model.output_shape[1:])
    labels = np.empty((records, 2), np.float32)
    forward = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    start = 0
    # Written row by row: a memory map would end the process with a signal when the disk is full.
    with partial.open("r+b" if done else "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.seek(done * 4 * math.prod(shape[1:]), os.SEEK_CUR))
        for images, answers in photos(tfrecords, split, batch_size, ["gender", "age"]):
            end = start + len(images)
            labels[start:end] = np.hstack([answers["gender"], answers["age"]])
            if start >= done:
                rows = np.asarray(forward(tf.cast(images, tf.float32)), "<f4")
                file.write(np.ascontiguousarray(rows).data)
                if (end // batch_size) % 16 == 0 or end == records:
                    file.flush()
                    os.fsync(file.fileno())
                    _write_whole(position, str(end).encode())
                    say(f"{split}: {end} of {records} photos")
            start = end
    content = io.BytesIO()
    np.save(content, labels)
    _write_whole(target / f"{split}.labels.npy", content.getvalue())
    # Last, since it says that the split is done.
    partial.replace(target / f"{split}.npy")
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
