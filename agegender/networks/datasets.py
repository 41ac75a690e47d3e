"""What training and prediction read, batch by batch, as tf.data datasets."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from agegender.photos.photos import task_labels
from agegender.photos.records import Index, read_index

# Serialized photos held for shuffling: about 100 MB at 128 pixels a side.
SHUFFLE_BUFFER = 2048
# Shards that are read in turn, so that neighbours on disk are not neighbours in training.
INTERLEAVED_SHARDS = 4

# Batches made ready ahead of the one in use, and batches made at a time. They are fixed rather
# than tuned by tf.data: at the end of an epoch, TensorFlow 2.21 waits until the tuner wakes up,
# which it does after 10, 20, 40 ... milliseconds, and so for up to as long as the epoch took.
READY_BATCHES = 4
WORKERS = os.cpu_count() or 1


class Stream(IntEnum):
    """What is drawn from a seed and a number besides the order of photos, each differently."""

    AUGMENTATION = 1
    NETWORK = 2
    VIEWS = 3


# Photos of a batch, changed; given two integers that are the batch's alone.
BatchTransform = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class EpochNumber:
    """Which epoch begins, from 0, so that a dataset can be a function of its number."""

    value = 0

    def set(self, epoch: int, logs: object = None) -> None:
        """For Keras's LambdaCallback, at the beginning of each epoch."""
        self.value = epoch


def generator(*key: int) -> np.random.Generator:
    """Random numbers that depend on nothing but these integers, such as (seed, epoch)."""
    return np.random.default_rng(key)


def photos(folder: Path, split: str, batch_size: int, tasks: Sequence[str]) -> tf.data.Dataset:
    """Photos and labels of a split, in the order of the TFRecords.

    Args:
        folder: of the TFRecords and their index.
        split: ``train``, ``validation`` or ``test``, or several joined by ``+``.
        batch_size: photos per batch; the last may be smaller.
        tasks: the labels wanted.

    Returns:
        Batches of (photos, labels): uint8 of shape (n, image_size, image_size, 3), and a dict from
        task to float32, NaN where it is not known: ``gender`` of shape (n, 1), and ``age`` of shape
        (n, 2), the lowest and the highest age that the label allows.

    Raises:
        UserError: a shard is missing or is not as long as it was written.
    """
    index = read_index(folder)
    batches = tf.data.TFRecordDataset(_shards(folder, index, split)).batch(batch_size)
    parsed = batches.map(_parser(index.image_size, tasks), num_parallel_calls=WORKERS)
    return _finished(parsed, math.ceil(index[split].records / batch_size))


def training_photos(
    folder: Path,
    split: str,
    batch_size: int,
    tasks: Sequence[str],
    seed: int,
    epoch: EpochNumber,
    transform: BatchTransform | None = None,
) -> tf.data.Dataset:
    """As `photos`, shuffled and changed at random, in each epoch by its number and the seed alone.

    Args:
        folder: see `photos`, like ``split``, ``batch_size`` and ``tasks``.
        seed: of order and changes.
        epoch: the epoch that begins.
        transform: what is made of each batch, float32 of the same shape; None leaves it as it is.
    """
    index = read_index(folder)
    shards = _shards(folder, index, split)
    parse = _parser(index.image_size, tasks)

    def draws() -> Iterator[tuple[list[str], int, int]]:
        random = generator(seed, epoch.value)
        order = list(shards)
        random.shuffle(order)
        # Other numbers than those that draw the order of the same epoch.
        key = generator(seed, epoch.value, Stream.AUGMENTATION).integers(2**62)
        yield order, int(random.integers(2**31)), int(key)

    def shuffled(order: tf.Tensor, shuffle_seed: tf.Tensor, key: tf.Tensor) -> tf.data.Dataset:
        records = tf.data.Dataset.from_tensor_slices(order).interleave(
            tf.data.TFRecordDataset,
            cycle_length=INTERLEAVED_SHARDS,
            num_parallel_calls=WORKERS,
            deterministic=True,
        )
        records = records.shuffle(SHUFFLE_BUFFER, shuffle_seed, reshuffle_each_iteration=False)
        batches = records.batch(batch_size).enumerate()
        return batches.map(lambda number, batch: (batch, tf.stack([key, number])))

    def changed(batch: tf.Tensor, key: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        images, labels = parse(batch)
        return images if transform is None else transform(images, key), labels

    number = tf.TensorSpec((), tf.int64)
    signature = (tf.TensorSpec((len(shards),), tf.string), number, number)
    epochs = tf.data.Dataset.from_generator(draws, output_signature=signature)
    batches = epochs.flat_map(shuffled).map(changed, num_parallel_calls=WORKERS, deterministic=True)
    return _finished(batches, math.ceil(index[split].records / batch_size))


def _shards(folder: Path, index: Index, split: str) -> list[str]:
    return [str(folder / shard) for shard in index[split].shards]


def _parser(image_size: int, tasks: Sequence[str]):  # type: ignore[no-untyped-def]
    unknown = tf.io.FixedLenFeature([1], tf.float32, default_value=[math.nan])
    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        **dict.fromkeys(["gender", "age", "age_min", "age_max"], unknown),
    }

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        examples = tf.io.parse_example(serialized, features)
        pixels = tf.io.decode_raw(examples["image"], tf.uint8)
        images = tf.reshape(pixels, (-1, image_size, image_size, 3))
        age, *ends = (examples[name] for name in ("age", "age_min", "age_max"))
        ages = [tf.where(tf.math.is_nan(end), age, end) for end in ends]
        labels = {"gender": examples["gender"], "age": tf.concat(ages, axis=1)}
        return images, {task: labels[task] for task in tasks}

    return parse


def embeddings(
    embedded: np.ndarray,
    labels: pd.DataFrame,
    batch_size: int,
    tasks: Sequence[str],
    seed: int | None = None,
    epoch: EpochNumber | None = None,
    feature_shift: int = 0,
) -> tf.data.Dataset:
    """Embeddings and labels of a split, read as they are needed.

    Args:
        embedded: shape (views · photos, ...), all photos of one view after those of the one before;
            an array, or a memory-mapped file as a whole.
        labels: one row per photo, see `agegender.photos.photos.read_photos`.
        batch_size: photos per batch; the last may be smaller.
        tasks: the labels wanted.
        seed: of the order. Each photo goes through its views from epoch to epoch, from one that the
            seed draws. None keeps the array's order and its first view.
        epoch: the epoch that begins; given with ``seed``.
        feature_shift: cells, at most, by which maps of shape (height, width, channels) are shifted
            at random in each direction, with their edge repeated. Only with ``seed``.

    Returns:
        Batches of (float32 of shape (n, ...), labels), the labels as in `photos`.
    """
    photos, views = len(labels), len(embedded) // len(labels)
    columns = {task: task_labels(labels, task) for task in tasks}

    def batches() -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        chosen, rows = np.arange(photos), np.arange(photos)
        shifts = np.zeros((photos, 2), np.int64)
        if seed is not None and epoch is not None:
            random = generator(seed, epoch.value)
            random.shuffle(chosen)
            first_views = generator(seed, 0, Stream.VIEWS).integers(views, size=photos)
            rows = (first_views[chosen] + epoch.value) % views * photos + chosen
            shifts = random.integers(-feature_shift, feature_shift, (photos, 2), endpoint=True)
        for start in range(0, photos, batch_size):
            batch = slice(start, start + batch_size)
            features = _read(embedded, rows[batch])
            if embedded.ndim == 4 and feature_shift:
                pairs = zip(features, shifts[batch], strict=True)
                features = np.stack([_shifted(*pair) for pair in pairs])
            yield features, {task: values[chosen[batch]] for task, values in columns.items()}

    features = tf.TensorSpec((None, *embedded.shape[1:]), tf.as_dtype(_typed(embedded.dtype)))
    signature = (
        features,
        {
            task: tf.TensorSpec((None, values.shape[1]), tf.float32)
            for task, values in columns.items()
        },
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    dataset = dataset.map(lambda features, labels: (tf.cast(features, tf.float32), labels))
    return _finished(dataset, math.ceil(photos / batch_size))


def _finished(dataset: tf.data.Dataset, batches: int) -> tf.data.Dataset:
    """With its length known, the next batches made ready, and nothing left to tf.data's tuner."""
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches))
    return dataset.prefetch(READY_BATCHES).with_options(options)


def _read(embedded: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if isinstance(embedded, np.memmap):
        # Mapped for this batch alone: the pages of a mapping count as this process's memory, which
        # would grow with the number of photos.
        embedded = np.load(str(embedded.filename), "r")
    return embedded[rows].view(_typed(embedded.dtype))


def _typed(dtype: np.dtype) -> np.dtype:
    """The type of an array in a .npy file, where numpy has no name for bfloat16."""
    return np.dtype(tf.bfloat16.as_numpy_dtype) if dtype == np.dtype("V2") else dtype


def _shifted(features: np.ndarray, by: np.ndarray) -> np.ndarray:
    """A map moved down and right by a number of cells; the edge is repeated."""
    height, width, _ = features.shape
    down = np.clip(np.arange(height) - by[0], 0, height - 1)
    right = np.clip(np.arange(width) - by[1], 0, width - 1)
    return features[down][:, right]
