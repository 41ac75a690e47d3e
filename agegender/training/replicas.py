"""Epochs of training whose batches are parted among replicas.

Not by Keras's `fit`: it would weigh the parts of a batch alike, whatever their sizes, and report
the mean of the parts' means. Here each photo counts the same, as in one process, and so does batch
normalisation count it (`synchronized`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from agegender.networks.batches import READY_BATCHES
from agegender.training import objective
from agegender.training.distribution import Distribution
from agegender.training.parameters import Training

Labels = dict[str, tf.Tensor]
# A replica's photos and labels, and how much each of its photos counts.
Part = tuple[tf.Tensor, Labels, tf.Tensor]


class Replicas:
    """All replicas of a compiled model at work. To be made in the distribution's scope."""

    def __init__(
        self,
        model: keras.Model,
        distribution: Distribution,
        tasks: Sequence[str],
        options: Training,
    ) -> None:
        self._model = model
        self._distribution = distribution
        self._losses = objective.losses(tasks, options)
        self._weights = objective.weights(tasks, options)
        self._loss = keras.metrics.Mean(name="loss")
        self._metrics = objective.metrics(tasks, options)
        self._train = self._on_all(self._train_step)
        self._check = self._on_all(self._check_step)

    def train(self, batches: tf.data.Dataset) -> dict[str, float]:
        """Train for an epoch.

        Args:
            batches: whole ones, the same on all workers.

        Returns:
            means over the photos, by Keras's names.

        Raises:
            UserError: another worker was lost.
        """
        return self._epoch(self._train, batches)

    def check(self, batches: tf.data.Dataset) -> dict[str, float]:
        """Only measure; see `train`."""
        return self._epoch(self._check, batches)

    def _epoch(self, step: Callable[..., None], batches: tf.data.Dataset) -> dict[str, float]:
        first = self._distribution.own[0]
        measures = {"loss": self._loss}
        for task, metrics in self._metrics.items():
            measures |= {f"{task}_{metric.name}": metric for metric in metrics}
        with self._distribution.noticing():
            for measure in measures.values():
                measure.reset_state()
            for parts, count in batches.map(self._parted).prefetch(READY_BATCHES):
                by_replica = dict(enumerate(parts, start=first))
                step(self._distribution.distributed(by_replica.__getitem__), count)
            return {name: float(measure.result()) for name, measure in measures.items()}

    def _parted(self, photos: tf.Tensor, labels: Labels) -> tuple[tuple[Part, ...], tf.Tensor]:
        """Each own replica's part of a batch, and the number of photos in all parts.

        Of fewer photos than replicas each replica gets all, at a share of their weight: there are
        operations that an empty batch spoils.
        """
        count, replicas = tf.shape(photos)[0], self._distribution.replicas
        few = count < replicas

        def part(replica: int) -> Part:
            start = tf.where(few, 0, count * replica // replicas)
            end = tf.where(few, count, count * (replica + 1) // replicas)
            own = {task: values[start:end] for task, values in labels.items()}
            return photos[start:end], own, tf.where(few, 1 / replicas, 1.0)

        return tuple(part(replica) for replica in self._distribution.own), tf.cast(
            count, tf.float32
        )

    def _on_all(self, step: Callable[[Part, tf.Tensor], None]) -> Callable[..., None]:
        strategy = self._distribution.strategy
        assert strategy is not None

        @tf.function(reduce_retracing=True)
        def on_all(parts: Any, count: tf.Tensor) -> None:
            strategy.run(step, args=(parts, count))

        run: Callable[..., None] = on_all
        return run

    def _train_step(self, part: Part, count: tf.Tensor) -> None:
        photos, labels, share = part
        with tf.GradientTape() as tape:
            answers = self._model(photos, training=True)
            losses = self._loss_of_each(labels, answers)
            # The optimizer adds up the gradients of all replicas.
            loss = tf.reduce_sum(losses) * share / count
        weights = self._model.trainable_variables
        gradients = tape.gradient(loss, weights)
        self._model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self._measure(labels, answers, losses, share)

    def _check_step(self, part: Part, count: tf.Tensor) -> None:
        photos, labels, share = part
        answers = self._model(photos, training=False)
        self._measure(labels, answers, self._loss_of_each(labels, answers), share)

    def _loss_of_each(self, labels: Labels, answers: Labels) -> tf.Tensor:
        """The loss of each photo, shape (n,)."""
        return tf.add_n(
            [
                weight * self._losses[task](labels[task], answers[task])
                for task, weight in self._weights.items()
            ]
        )

    def _measure(
        self, labels: Labels, answers: Labels, losses: tf.Tensor, share: tf.Tensor
    ) -> None:
        counted = tf.fill(tf.shape(losses), share)
        self._loss.update_state(losses, counted)
        for task, metrics in self._metrics.items():
            for metric in metrics:
                metric.update_state(labels[task], answers[task], sample_weight=counted)
