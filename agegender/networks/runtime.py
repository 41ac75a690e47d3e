"""TensorFlow's settings that decide whether two runs give the same bytes."""

import keras
import tensorflow as tf


def configure(threads: int, seed: int) -> None:
    """Make all that follows in this process a function of its inputs, the seed and ``threads``.

    The number of threads inside an operation decides in which order partial sums are added, and
    so the last bits of a gradient; it is set here rather than left to the machine.

    Args:
        threads: threads inside one TensorFlow operation.
        seed: of initial weights and dropout.

    Raises:
        RuntimeError: TensorFlow has already run something in this process.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
