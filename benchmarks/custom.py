"""The custom CNN's training: how much its input and its batch normalization slow it down."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from agegender.custom.network import build
from agegender.custom.parameters import TrainCustom
from agegender.networks.datasets import EpochNumber, training_photos
from agegender.networks.device import enable_determinism
from agegender.training.inference import for_export
from agegender.training.objective import Objective
from agegender.training.optimizer import optimizer
from agegender.training.parameters import Training
from benchmarks.measure import interleaved
from benchmarks.photos import parameters, write_records
from benchmarks.results import Result, faster
from benchmarks.sizes import Sizes
from tests.clones import Clone


def measure(clone: Clone, sizes: Sizes) -> list[Result]:
    """Epochs from TFRecords and from one batch in memory; steps with either normalization."""
    given, image_size = parameters(), parameters(clone.path)["image_size"]
    options, tasks = TrainCustom.parse(given["train_custom"]), given["tasks"]
    enable_determinism(1, options.intra_op_threads)
    records = write_records(clone, clone.path.parent / "fed", train=sizes.fed)
    from_records = training_photos(records, "train", options.batch_size, tasks, 1, EpochNumber())
    batch, steps = next(iter(from_records)), int(from_records.cardinality())
    model = compiled(build(options, image_size, tasks), options, tasks)
    in_memory = repeated(batch, steps)
    fed, unfed = interleaved(sizes.repetitions, fit(model, from_records), fit(model, in_memory))

    options = options.model_copy(update={"batch_normalization": True})
    fused = build(options, image_size, tasks)
    # What is exported has Keras's own layers.
    plain = for_export(fused)
    few = repeated(batch, steps // 2 or 1)
    ours, theirs = interleaved(
        sizes.repetitions,
        *(fit(compiled(each, options, tasks), few) for each in (fused, plain)),
    )
    epoch = f"an epoch of {sizes.fed:,} photos"
    name = f"custom CNN fed from TFRecords, {epoch}, against one batch that never leaves memory"
    normalization = "custom CNN with fused batch normalization, against Keras's own"
    return [
        faster(name, fed, unfed, "s", 0.97),
        faster(normalization, ours, theirs, "s", 1),
    ]


def compiled(model: keras.Model, options: Training, tasks: Sequence[str]) -> keras.Model:
    """``model``, compiled as `train` does it."""
    objective = Objective(tasks, options)
    model.compile(
        optimizer(options, steps=1),
        loss=objective.losses(),
        metrics=objective.metrics(),
    )
    return model


def fit(model: keras.Model, data: tf.data.Dataset) -> Callable[[], object]:
    """An epoch, to be measured."""
    return lambda: model.fit(data, shuffle=False, verbose=0)


def repeated(batch: object, times: int) -> tf.data.Dataset:
    """``batch`` again and again, without tf.data's tuner, as the project's datasets are."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensors(batch).repeat(times).with_options(options)
