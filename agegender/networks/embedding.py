"""What frozen layers make of each photo, computed once and kept as a memory-mapped array."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from agegender.dataset.records import read_index
from agegender.networks.augmentation import augment
from agegender.networks.batches import Change, photos
from agegender.parameters.augmentation import Augmentation


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
    batch_size: int,
    views: Sequence[Change] = (as_it_is,),
    say: Callable[[str], None] = print,
) -> None:
    """Write ``{split}.npy`` and ``{split}.labels.npy`` to the folder ``target``.

    The array's rows are in the order of the TFRecords, those of one view of all photos behind those
    of the view before. Batches are run one by one, so that memory does not grow with the split. A
    run that finds a part of the array goes on behind it.

    Args:
        model: pixels to embeddings.
        tfrecords: folder of the TFRecords.
        split: ``train`` or ``validation``.
        target: an existing folder.
        batch_size: photos a forward pass.
        views: what to make of photos before they are embedded; a batch's number is that of its
            first photo in all that is embedded.
        say: prints one line.
    """
    records = read_index(tfrecords).splits[split].records
    partial, position = target / f"{split}.partial.npy", target / f"{split}.position"
    shape = (len(views) * records, *model.output_shape[1:])
    done = int(position.read_text()) if position.exists() and partial.exists() else 0
    rows = np.lib.format.open_memmap(partial, "r+" if done else "w+", np.float32, shape)
    if done:
        say(f"{split}: resuming behind photo {done} of {len(rows)}")
    labels = np.empty((records, 2), np.float32)
    forward = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    start = 0
    for view in views:
        for images, answers in photos(tfrecords, split, batch_size, ["gender", "age"]):
            end = start + len(images)
            if start < records:
                labels[start:end] = np.hstack([answers["gender"], answers["age"]])
            if start >= done:
                changed = view(tf.cast(images, tf.float32), start)
                rows[start:end] = np.asarray(forward(changed), np.float32)
                if (end // batch_size) % 16 == 0 or end == len(rows):
                    rows.flush()
                    mark = position.with_suffix(".new")
                    mark.write_text(str(end))
                    mark.replace(position)
                    say(f"{split}: {end} of {len(rows)} photos")
            start = end
    np.save(target / f"{split}.labels.npy", labels)
    partial.replace(target / f"{split}.npy")
    position.unlink(missing_ok=True)
