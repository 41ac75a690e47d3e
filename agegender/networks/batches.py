"""What training and prediction read, batch by batch, as tf.data datasets."""

import math
import os
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path

import numpy as np
import tensorflow as tf

from agegender.photos.records import read_index

# Serialised photos held for shuffling: about 100 MB at 128 pixels a side.
SHUFFLE_BUFFER = 2048
# Shards that are read in turn, so that neighbours on disk are not neighbours in training.
INTERLEAVED_SHARDS = 4

# Batches made ready ahead of the one that is worked on, and by how many at a time. They are fixed
# rather than tuned by tf.data: at the end of an epoch, TensorFlow 2.21 waits until the tuner wakes
# up, which it does after 10, 20, 40 ... milliseconds, and so for up to as long as the epoch took.
READY_BATCHES = 4
WORKERS = os.cpu_count() or 1

# Another number than those of what else is drawn from a seed and a number.
_VIEWS = 3

# What is made of a batch of photos, given its number in what is read.
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def generator(*key: int) -> np.random.Generator:
    """Random numbers that depend on nothing but these integers, such as (seed, epoch)."""
    return np.random.default_rng(key)


def photos(
    folder: Path,
    split: str,
    batch_size: int,
    tasks: Sequence[str],
    order: Sequence[int] = (),
    change: Change | None = None,
) -> tf.data.Dataset:
    """Photos and labels of a split, read from TFRecords as they are needed.

    Args:
        folder: of the TFRecords and their index.
        split: ``train``, ``validation`` or ``test``, or several joined by ``+``.
        batch_size: photos a batch; the last may be smaller.
        tasks: the labels wanted.
        order: integers such as (seed, epoch) that draw the order; none keeps that of the files.
        change: what is made of each batch of photos; None leaves them as they are.

    Returns:
        Batches of (photos, labels): uint8 of shape (n, image_size, image_size, 3), or what
        ``change`` makes of that, and a dict from task to float32 of shape (n, 1).

    Raises:
        UserError: a shard is missing or is not as long as it was written.
    """
    index = read_index(folder)
    parse = _parser(index.image_size, tasks)
    batches = math.ceil(index[split].records / batch_size)
    dataset = (
        _serialized(folder, split, order)
        .batch(batch_size)
        .apply(tf.data.experimental.assert_cardinality(batches))
        .map(parse, num_parallel_calls=WORKERS, deterministic=True)
    )
    if change is not None:
        dataset = dataset.enumerate().map(
            lambda number, batch: (change(batch[0], number), batch[1]),
            num_parallel_calls=WORKERS,
            deterministic=True,
        )
    return _untuned(dataset.prefetch(READY_BATCHES))


def _serialized(folder: Path, split: str, order: Sequence[int]) -> tf.data.Dataset:
    shards = [str(folder / shard) for shard in read_index(folder)[split].shards]
    if not order:
        return tf.data.TFRecordDataset(shards)
    random = generator(*order)
    random.shuffle(shards)
    return (
        tf.data.Dataset.from_tensor_slices(shards)
        .interleave(
            tf.data.TFRecordDataset,
            cycle_length=INTERLEAVED_SHARDS,
            num_parallel_calls=WORKERS,
            deterministic=True,
        )
        .shuffle(SHUFFLE_BUFFER, seed=int(random.integers(2**31)), reshuffle_each_iteration=False)
    )


def _parser(image_size: int, tasks: Sequence[str]):  # type: ignore[no-untyped-def]
    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        **{task: tf.io.FixedLenFeature([], tf.int64) for task in tasks},
    }

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        examples = tf.io.parse_example(serialized, features)
        pixels = tf.io.decode_raw(examples["image"], tf.uint8)
        images = tf.reshape(pixels, (-1, image_size, image_size, 3))
        labels = {task: tf.cast(examples[task], tf.float32)[:, tf.newaxis] for task in tasks}
        return images, labels

    return parse


def embeddings(
    embedded: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    tasks: Sequence[str],
    order: tuple[int, int] | None = None,
    feature_shift: int = 0,
) -> tf.data.Dataset:
    """Embeddings and labels of a split, read as they are needed.

    Args:
        embedded: shape (views · photos, ...), one view of all photos behind the other; an array, or
            a memory-mapped file as a whole.
        labels: float32, shape (photos, 2), gender and age.
        batch_size: photos a batch; the last may be smaller.
        tasks: the labels wanted.
        order: (seed, epoch), which draw the order. Each photo goes through its views from epoch to
            epoch, from one that the seed draws. None keeps the array's order and its first view.
        feature_shift: cells, at most, by which maps are shifted at random in each direction; the
            edge is repeated. Only with ``order`` and maps of shape (height, width, channels).

    Returns:
        Batches of (float32 of shape (n, ...), labels), the labels as in `photos`.
    """
    read = _reader(embedded)
    rows = np.arange(len(labels))
    views = np.zeros_like(rows)
    shifts = np.zeros((len(rows), 2), np.int64)
    if order:
        seed, epoch = order
        random = generator(seed, epoch)
        random.shuffle(rows)
        count = len(embedded) // len(labels)
        views = (generator(seed, 0, _VIEWS).integers(count, size=len(rows)) + epoch) % count
        shifts = random.integers(-feature_shift, feature_shift, (len(rows), 2), endpoint=True)
    columns = {"gender": 0, "age": 1}

    def batches():  # type: ignore[no-untyped-def]
        for start in range(0, len(rows), batch_size):
            batch = slice(start, start + batch_size)
            chosen = rows[batch]
            vectors = read(views[chosen] * len(labels) + chosen)
            if embedded.ndim == 4 and feature_shift:
                vectors = np.stack(
                    [_shifted(*pair) for pair in zip(vectors, shifts[batch], strict=True)]
                )
            yield vectors, {task: labels[chosen, columns[task], np.newaxis] for task in tasks}

    vectors = tf.TensorSpec((None, *embedded.shape[1:]), tf.as_dtype(_typed(embedded.dtype)))
    answers = {task: tf.TensorSpec((None, 1), tf.float32) for task in tasks}
    dataset = tf.data.Dataset.from_generator(batches, output_signature=(vectors, answers))
    count = math.ceil(len(rows) / batch_size)
    return _untuned(
        dataset.apply(tf.data.experimental.assert_cardinality(count))
        .map(lambda vectors, answers: (tf.cast(vectors, tf.float32), answers))
        .prefetch(READY_BATCHES)
    )


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _reader(embedded: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What gives the rows of these numbers.

    Those of a memory-mapped array are read from its file instead: the pages of a mapping count as
    this process's memory, which would grow with the number of photos.
    """
    if not isinstance(embedded, np.memmap):
        return lambda rows: embedded[rows].view(_typed(embedded.dtype))
    path, offset, dtype = str(embedded.filename), embedded.offset, _typed(embedded.dtype)
    shape = embedded.shape[1:]
    stride = dtype.itemsize * math.prod(shape)

    def read(rows: np.ndarray) -> np.ndarray:
        values = np.empty((len(rows), *shape), dtype)
        with FileIO(path) as file:
            for row, value in zip(rows.tolist(), values, strict=True):
                file.seek(offset + row * stride)
                file.readinto(value.view(np.uint8))
        return values

    return read


def _typed(dtype: np.dtype) -> np.dtype:
    """The type of an array in a .npy file, where numpy has no name for bfloat16."""
    return np.dtype(tf.bfloat16.as_numpy_dtype) if dtype == np.dtype("V2") else dtype


def _shifted(features: np.ndarray, by: np.ndarray) -> np.ndarray:
    """A map moved by so many cells down and right; the edge is repeated."""
    height, width, _ = features.shape
    down = np.clip(np.arange(height) - by[0], 0, height - 1)
    right = np.clip(np.arange(width) - by[1], 0, width - 1)
    return features[down][:, right]
