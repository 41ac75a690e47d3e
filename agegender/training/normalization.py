"""Batch normalization of feature maps by TensorFlow's fused operation."""

from typing import Any

import keras
import tensorflow as tf


def batch_normalization(name: str) -> keras.layers.BatchNormalization:
    """The fastest layer for feature maps; on several replicas one over the photos of all."""
    if tf.distribute.has_strategy():
        return keras.layers.BatchNormalization(synchronized=True, name=name)
    return FusedBatchNormalization(name=name)


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer, its training step in one operation where Keras has some twenty.

    Of maps, shape (n, height, width, channels). On a processor the many passes over memory take
    much of a training step's time: `make bench` measures how much. Weights and outputs are those
    of Keras's layer; only the moving variance is the unbiased one. Models are saved with Keras's
    own, so that loading them takes no code of this project.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize, in training by the batch's own mean and variance, see Keras."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        normalized, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma.value),
            offset=tf.convert_to_tensor(self.beta.value),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, of_batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + of_batch * (1 - self.momentum))
        return normalized
