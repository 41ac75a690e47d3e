"""The custom CNN's training: what its input, batch normalization and settings do to its time."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

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
from benchmarks.measure import interleaved, seconds
from benchmarks.photos import parameters, records_of
from benchmarks.results import Result, faster
from stages.common.environment import SETTINGS
from tests.clones import ROOT, Clone

EPOCH = "import sys; from benchmarks.custom import epoch_seconds; print(epoch_seconds(sys.argv[1]))"


def measure(clone: Clone, quick: bool) -> list[Result]:
    """Epochs fed in two ways, with either normalization, and with or without settings."""
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
    kept, returned, other_kernels = _epochs(
        records,
        1 if quick else 3,
        SETTINGS,
        SETTINGS | {"GLIBC_TUNABLES": ""},
        SETTINGS | {"TF_ENABLE_ONEDNN_OPTS": "0"},
    )
    epoch = f"an epoch of {count:,} photos"
    name = f"custom CNN fed from TFRecords, {epoch}, against one batch that never leaves memory"
    normalization = "custom CNN with fused batch normalization, against Keras's own"
    allocation = "custom CNN with memory kept between steps, against glibc's defaults"
    kernels = "custom CNN with oneDNN's kernels, against TensorFlow's own"
    return [
        faster(name, fed, unfed, "s", 0.97),
        faster(normalization, ours, theirs, "s", 1),
        faster(allocation, kept, returned, "s", 1),
        faster(kernels, kept, other_kernels, "s", 1),
    ]


def _epochs(records: Path, repetitions: int, *environments: dict[str, str]) -> list[float]:
    """Seconds of an epoch in processes with each of these environments, in turn."""
    command = [sys.executable, "-c", EPOCH, str(records)]
    times: list[list[float]] = [[] for _ in environments]
    for _ in range(repetitions):
        for environment, measured in zip(environments, times, strict=True):
            env = os.environ | environment
            printed = subprocess.check_output(command, cwd=ROOT, env=env, text=True)
            measured.append(float(printed.splitlines()[-1]))
    return [median(each) for each in times]


def epoch_seconds(folder: str) -> float:
    """What an epoch takes in this process, after another one to warm up."""
    given = parameters()
    options, tasks = TrainCustom.parse(given["train_custom"]), given["tasks"]
    enable_determinism(1, options.intra_op_threads)
    photos = training_photos(Path(folder), "train", options.batch_size, tasks, 1, EpochNumber())
    size = int(photos.element_spec[0].shape[1])
    train = fit(compiled(build(options, size, tasks), options, tasks), photos)
    train()
    return seconds(train)


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
