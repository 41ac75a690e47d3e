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
from benchmarks.photos import parameters, records_of
from benchmarks.results import Result, faster
from tests.clones import Clone


def measure(clone: Clone, quick: bool) -> list[Result]:
    """Epochs from TFRecords and from one batch in memory; steps with either normalization."""
    given, image_size = parameters(), parameters(clone.path)["image_size"]
    count = 32 if quick else 1024
    options, tasks = TrainCustom.parse(given["train_custom"]), given["tasks"]
    enable_determinism(1, options.intra_op_threads)
    records = records_of(clone, clone.path.parent / "fed", train=count)
    from_records = training_photos(records, "train", options.batch_size, tasks, 1, EpochNumber())
    batch, steps = next(iter(from_records)), int(from_records.cardinality())
    model = compiled(build(options, image_size, tasks), options, tasks)
    fed, unfed = interleaved(quick, fit(model, from_records), fit(model, repeated(batch, steps)))

    options = options.model_copy(update={"batch_normalization": True})
    fused = build(options, image_size, tasks)
    # What is exported has Keras's own layers.
    either = (compiled(each, options, tasks) for each in (fused, for_export(fused)))
    few = repeated(batch, steps // 2 or 1)
    ours, theirs = interleaved(quick, *(fit(each, few) for each in either))
    epoch = f"an epoch of {count:,} photos"
    name = f"custom CNN fed from TFRecords, {epoch}, against one batch that never leaves memory"
    normalization = "custom CNN with fused batch normalization, against Keras's own"
    return [
        faster(name, fed, unfed, "s", 0.97),
        faster(normalization, ours, theirs, "s", 1),
    ]


def compiled(model: keras.Model, options: Training, tasks: Sequence[str]) -> keras.Model:
    """``model``, compiled as `train` does it."""
    objective = Objective(tasks, options)
    model.compile(optimizer(options, steps=1), loss=objective.losses(), metrics=objective.metrics())
    return model


def fit(model: keras.Model, data: tf.data.Dataset) -> Callable[[], object]:
    """An epoch, to be measured."""
    return lambda: model.fit(data, shuffle=False, verbose=0)


def repeated(batch: object, times: int) -> tf.data.Dataset:
    """``batch`` again and again, without tf.data's tuner, as the project's datasets are."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensors(batch).repeat(times).with_options(options)
