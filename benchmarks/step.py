"""The custom CNN's training step alone, in a process whose threads can still be set.

`python -m benchmarks.step THREADS PRECISION graph|xla CHANNELS IMAGE_SIZE STEPS` prints a line of
JSON: photos a second, the step's GFLOP/s and, in the same process and precision, the fastest that a
large matrix product or convolution gets to. THREADS 0 is one a core; CHANNELS is `first`, or how
many come last.
"""

import json
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks import usual

BATCH = 32
# Forward, the gradient of the weights and that of the inputs cost the same.
PASSES = 3


def main(
    threads: str, precision: str, compiler: str, channels: str, image_size: str, steps: str
) -> None:
    """Measure and print."""
    if threads != "0":
        tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    keras.config.set_dtype_policy(precision)
    if channels == "first":
        keras.config.set_image_data_format("channels_first")
        model = usual.custom_cnn(int(image_size))
    else:
        model = usual.custom_cnn(int(image_size), int(channels))
    model = usual.compiled(model, jit_compile=compiler == "xla")
    random = np.random.default_rng(0)
    images = tf.constant(random.integers(0, 256, (BATCH, *model.input_shape[1:])), tf.float32)
    answers = (tf.zeros((BATCH, 1)), tf.zeros((BATCH, 1)))
    data = usual.untuned(tf.data.Dataset.from_tensors((images, answers)).repeat(int(steps)))
    model.fit(data, verbose=0)
    taken = _fastest(lambda: model.fit(data, verbose=0), 2) / int(steps)
    times = min(5, int(steps))
    limit = max(_product(times), _convolution(times))
    step = PASSES * BATCH * operations(model) / taken / 1e9
    print(json.dumps({"photos": BATCH / taken, "step": step, "limit": limit}))


def operations(model: keras.Model) -> int:
    """Multiplications and additions of one photo's forward pass."""
    count = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            # Each value of the map is a product with one filter, wherever the channels are.
            count += 2 * int(np.prod(layer.output.shape[1:]) * np.prod(layer.kernel.shape[:3]))
        elif isinstance(layer, keras.layers.Dense):
            count += 2 * int(np.prod(layer.kernel.shape))
    return count


def _fastest(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def _drawn(*shape: int) -> tf.Tensor:
    return tf.cast(tf.random.normal(shape), keras.config.dtype_policy().compute_dtype)


def _product(times: int, side: int = 2048) -> float:
    """GFLOP/s of a matrix product."""
    matrix = _drawn(side, side)
    work = tf.function(lambda: tf.reduce_sum(tf.matmul(matrix, matrix)))
    work().numpy()
    return 2 * side**3 / _fastest(lambda: work().numpy(), times) / 1e9


def _convolution(times: int, side: int = 64, channels: int = 256) -> float:
    """GFLOP/s of a convolution such as VGG16's."""
    images = _drawn(8, side, side, channels)
    kernel = _drawn(3, 3, channels, channels)
    work = tf.function(lambda: tf.reduce_sum(tf.nn.conv2d(images, kernel, 1, "SAME")))
    work().numpy()
    return 8 * 2 * side**2 * 9 * channels**2 / _fastest(lambda: work().numpy(), times) / 1e9


if __name__ == "__main__":
    main(*sys.argv[1:])
