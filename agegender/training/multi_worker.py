"""Several machines that train one network: the loop of TensorFlow's guide for custom training.

Keras 3's `fit` does not run under MultiWorkerMirroredStrategy. Machines find each other by
TF_CONFIG: https://www.tensorflow.org/guide/distributed_training#multiworkermirroredstrategy.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from agegender.common.errors import UserError
from agegender.training.objective import Objective

Labels = dict[str, tf.Tensor]

# What TensorFlow raises where another process is gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def fit(
    model: keras.Model,
    objective: Objective,
    dataset: tf.data.Dataset,
    validation_data: tf.data.Dataset,
    epochs: int,
    initial_epoch: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """As `keras.Model.fit` of a compiled model, with each batch split among all replicas.

    Every machine reads all batches, and each photo counts alike, however a batch divides.

    Raises:
        UserError: another machine was lost.
    """
    strategy = tf.distribute.get_strategy()
    tasks, losses, weights = objective.tasks, objective.losses(), objective.weights()
    metrics = objective.metrics()
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

    def on_replicas(step: Callable[..., None]) -> Callable[..., None]:
        run: Callable[..., None] = tf.function(
            lambda part, count: strategy.run(step, (*part, count)), reduce_retracing=True
        )
        return run

    def epoch_of(step: Callable[..., None], batches: tf.data.Dataset) -> dict[str, float]:
        for metric in measured.values():
            metric.reset_state()
        for batch in batches:
            parts = strategy.experimental_distribute_values_from_function(partial(_part, batch))
            step(parts, tf.constant(len(batch[0]), tf.float32))
        return {name: float(metric.result()) for name, metric in measured.items()}

    train, test = on_replicas(train_step), on_replicas(test_step)
    listening = keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs)
    model.stop_training = False
    with noticing_lost_machines():
        listening.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            listening.on_epoch_begin(epoch)
            logs = epoch_of(train, dataset)
            listening.on_test_begin()
            logs |= {f"val_{name}": v for name, v in epoch_of(test, validation_data).items()}
            listening.on_test_end(logs)
            listening.on_epoch_end(epoch, logs)
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
def noticing_lost_machines() -> Iterator[None]:
    """Raise a `UserError` where another machine is gone."""
    try:
        yield
    except _LOST as error:
        raise UserError(
            "another machine of TF_CONFIG was lost, or failed; see what it says, then run the same "
            "command on all machines again: training goes on after the last epoch of machine 0 "
            f"(TensorFlow says: {(error.message.strip() or type(error).__name__).splitlines()[0]})"
        ) from None
