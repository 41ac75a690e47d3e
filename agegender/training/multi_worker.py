"""Several machines that train one network: the loop of TensorFlow's guide for custom training.

Keras 3's `fit` does not run under MultiWorkerMirroredStrategy. Machines find each other by
TF_CONFIG: https://www.tensorflow.org/guide/distributed_training#multiworkermirroredstrategy.
"""

import json
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from agegender.common.errors import UserError
from agegender.training import objective
from agegender.training.parameters import Training

logger = logging.getLogger(__name__)

Labels = dict[str, tf.Tensor]

# What TensorFlow raises where another process is gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)
# Bytes of a checkpoint that go over the network at a time.
_PIECE = 2**24


def connect(work: str) -> tf.distribute.Strategy:
    """The strategy of the machines of TF_CONFIG, once all of them are here.

    Args:
        work: equal on all machines if and only if they train the same.

    Raises:
        UserError: TF_CONFIG is missing or wrong, or the machines have different work.
    """
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        count, worker = len(config["cluster"]["worker"]), config["task"]["index"]
    except (KeyError, TypeError, ValueError):
        raise UserError(
            "strategy: multi_worker needs the environment variable TF_CONFIG, such as "
            '{"cluster": {"worker": ["first:2222", "second:2222"]}, "task": {"type": "worker", '
            '"index": 0}}, with each machine\'s own index'
        ) from None
    logger.info("machine %d of %d: waiting for the others", worker + 1, count)
    # TensorFlow waits without letting Python answer Ctrl-C.
    answer = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        signal.signal(signal.SIGINT, answer)
    if _from_chief(strategy, work.encode()) != work.encode():
        raise UserError(
            "the machines of TF_CONFIG have different work: parameters, code, data or packages are "
            "not the same; bring all to the same commit and data and run the same command"
        )
    return strategy


def is_active() -> bool:
    """Whether this is called in the scope of `connect`'s strategy."""
    return isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)


def from_chief(path: Path) -> bytes:
    """The content of the chief's file (machine 0's) on all machines; empty if it has none.

    Raises:
        UserError: another machine was lost.
    """
    content = path.read_bytes() if path.exists() else b""
    with _noticing_lost_machines():
        return _from_chief(tf.distribute.get_strategy(), content)


def fit(
    model: keras.Model,
    dataset: tf.data.Dataset,
    validation_data: tf.data.Dataset,
    epochs: int,
    initial_epoch: int,
    callbacks: Sequence[keras.callbacks.Callback],
    tasks: Sequence[str],
    options: Training,
) -> None:
    """As `keras.Model.fit` of a compiled model, with each batch split among all replicas.

    Every machine reads all batches, and each photo counts alike, however a batch divides.

    Raises:
        UserError: another machine was lost.
    """
    strategy = tf.distribute.get_strategy()
    losses, weights = objective.losses(tasks, options), objective.weights(tasks, options)
    metrics = objective.metrics(tasks, options)
    measured = {"loss": keras.metrics.Mean()}
    measured |= {f"{task}_{m.name}": m for task, given in metrics.items() for m in given}

    def forward(photos: tf.Tensor, labels: Labels, training: bool) -> tf.Tensor:
        outputs = model(photos, training=training)
        loss = tf.add_n([weights[t] * losses[t](labels[t], outputs[t]) for t in tasks])
        measured["loss"].update_state(loss)
        for task, given in metrics.items():
            for metric in given:
                metric.update_state(labels[task], outputs[task])
        return loss

    def train_step(photos: tf.Tensor, labels: Labels, count: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            # The optimizer adds up the gradients of all replicas.
            loss = tf.reduce_sum(forward(photos, labels, training=True)) / count
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        model.optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def test_step(photos: tf.Tensor, labels: Labels, count: tf.Tensor) -> None:
        forward(photos, labels, training=False)

    def run(step: Callable[..., None], batches: tf.data.Dataset) -> dict[str, float]:
        on_replicas = tf.function(
            lambda part, count: strategy.run(step, (*part, count)), reduce_retracing=True
        )
        for metric in measured.values():
            metric.reset_state()
        for batch in batches:
            parts = strategy.experimental_distribute_values_from_function(partial(_part, batch))
            on_replicas(parts, tf.constant(len(batch[0]), tf.float32))
        return {name: float(metric.result()) for name, metric in measured.items()}

    listening = keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs)
    model.stop_training = False
    with _noticing_lost_machines():
        listening.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            listening.on_epoch_begin(epoch)
            logs = run(train_step, dataset)
            listening.on_test_begin()
            logs |= {f"val_{name}": v for name, v in run(test_step, validation_data).items()}
            listening.on_test_end(logs)
            listening.on_epoch_end(epoch, logs)
            values = ", ".join(f"{name} {value:.3f}" for name, value in logs.items())
            logger.info("epoch %d/%d: %s", epoch + 1, epochs, values)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_variables)
        listening.on_train_end(None)


def _part(batch: tuple[tf.Tensor, Labels], context: Any) -> tuple[tf.Tensor, Labels]:
    """A replica's part of a batch."""
    photos, labels = batch
    replica, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
    own = slice(len(photos) * replica // replicas, len(photos) * (replica + 1) // replicas)
    return photos[own], {task: values[own] for task, values in labels.items()}


@contextmanager
def _noticing_lost_machines() -> Iterator[None]:
    try:
        yield
    except _LOST as error:
        raise UserError(
            "another machine of TF_CONFIG was lost; see what it says, then run the same command on "
            "all machines again: training goes on after the last epoch of machine 0 (TensorFlow "
            f"says: {error.message.strip().splitlines()[0]})"
        ) from None


def _from_chief(strategy: tf.distribute.Strategy, content: bytes) -> bytes:
    def summed(numbers: np.ndarray) -> np.ndarray:
        own = strategy.experimental_distribute_values_from_function(
            lambda context: numbers * (context.replica_id_in_sync_group == 0)
        )
        return np.asarray(strategy.reduce("SUM", own, axis=None))

    length = int(summed(np.array([len(content)], np.int64))[0])
    numbers = np.zeros(length, np.int32)
    own = np.frombuffer(content[:length], np.uint8)
    numbers[: len(own)] = own
    pieces = [summed(numbers[i : i + _PIECE]) for i in range(0, length, _PIECE)]
    return b"".join(piece.astype(np.uint8).tobytes() for piece in pieces)
