"""Random numbers for a batch of photos, drawn from a key alone."""

from typing import Any

import tensorflow as tf


class Draws:
    """Random numbers for ``count`` photos, others at each call; the same for equal keys.

    A key is two integers.
    """

    def __init__(self, count: tf.Tensor, key: Any) -> None:
        self._count = count
        self._key = tf.cast(key, tf.int64)
        self._calls = 0

    def flat(self, low: float, high: float) -> tf.Tensor:
        """Uniform, shape (n,)."""
        return tf.random.stateless_uniform((self._count,), self._next(), low, high)

    def image(self, low: float, high: float) -> tf.Tensor:
        """Uniform, shape (n, 1, 1, 1)."""
        return self.flat(low, high)[:, tf.newaxis, tf.newaxis, tf.newaxis]

    def normal(self, shape: tf.Tensor) -> tf.Tensor:
        """Standard normal, of any shape."""
        return tf.random.stateless_normal(shape, self._next())

    def others(self, count: tf.Tensor) -> "Draws":
        """Numbers for another count of photos."""
        return Draws(count, self._next())

    def _next(self) -> tf.Tensor:
        self._calls += 1
        return tf.random.experimental.stateless_fold_in(self._key, self._calls)
