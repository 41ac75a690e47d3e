"""The custom CNN fed from TFRecords, against one batch that never leaves memory."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from agegender.custom.network import build
from agegender.custom.parameters import TrainCustom
from agegender.networks.datasets import EpochNumber, training_photos
from agegender.networks.device import enable_determinism
from agegender.training import objective
from agegender.training.optimizer import optimizer
from agegender.training.parameters import Training
from benchmarks.measure import interleaved
from benchmarks.photos import of_splits, parameters, paths, preprocess
from benchmarks.results import Result, speed
from benchmarks.sizes import Sizes
from tests.clones import Clone


def measure(clone: Clone, sizes: Sizes) -> list[Result]:
    """An epoch of the same network either way."""
    clone.dvc("repro", "split")
    given = parameters()
    options, tasks = TrainCustom.parse(given["train_custom"]), given["tasks"]
    enable_determinism(1, options.intra_op_threads)
    image_size = parameters(clone.path)["image_size"]
    folder = clone.path.parent / "fed"
    some = of_splits(clone, train=sizes.fed)
    preprocess(paths(clone, some), some, folder, image_size)
    from_records = training_photos(folder, "train", options.batch_size, tasks, 1, EpochNumber())
    in_memory = repeated(next(iter(from_records)), int(from_records.cardinality()))
    model = compiled(build(options, image_size, tasks), options, tasks)
    ours, theirs = interleaved(
        sizes.repetitions,
        lambda: model.fit(from_records, shuffle=False, verbose=0),
        lambda: model.fit(in_memory, shuffle=False, verbose=0),
    )
    against = "against one batch that never leaves memory"
    name = f"custom CNN fed from TFRecords, an epoch of {sizes.fed:,} photos, {against}"
    return [speed(name, ours, theirs, "s", 0.97)]


def compiled(model: keras.Model, options: Training, tasks: Sequence[str]) -> keras.Model:
    """``model``, compiled as `train` does it."""
    model.compile(
        optimizer(options, steps=1),
        loss=objective.losses(tasks, options),
        metrics=objective.metrics(tasks, options),
    )
    return model


def repeated(batch: object, times: int) -> tf.data.Dataset:
    """``batch`` again and again, without tf.data's tuner, as the project's datasets are."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensors(batch).repeat(times).with_options(options)
