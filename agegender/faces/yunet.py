"""YuNet, the face detector, as a plain Keras model."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import onnx
from keras import layers
from numpy.typing import NDArray

from agegender.common.errors import DamagedFileError
from agegender.common.files import read_limited

# Of the three feature maps that faces are found on: pixels per cell.
STRIDES = (8, 16, 32)
# Of its file; the publisher's has 232,589.
MAX_BYTES = 1_000_000
Weights = Iterator[list[NDArray[np.float32]]]


def load_yunet(path: Path) -> keras.Model:
    """YuNet with the weights of the ONNX file ``path``.

    Returns:
        From pixels, RGB, 0 to 255, shape (n, height, width, 3), sides multiples of 32, to a dict of
        ``cls``, ``obj``, ``bbox`` and ``kps``: each a list with one feature map for each of
        `STRIDES`, of 1, 1, 4 and 10 channels. See `detection` for what they mean.

    Raises:
        DamagedFileError: the file is missing, or is something else.
    """
    content = read_limited(path, MAX_BYTES)
    try:
        return _build(_read_weights(onnx.load_from_string(content)))
    except Exception:
        # On damaged files ONNX and Keras raise nearly everything.
        raise DamagedFileError(path, "is not the ONNX file of YuNet, or is damaged") from None


def _read_weights(model: onnx.ModelProto) -> Weights:
    """Kernel and bias of each convolution, in the order in which the graph computes them.

    ONNX stores kernels as (out, in, height, width), Keras as (height, width, in, out); one of a
    depthwise convolution is (channels, 1, height, width) there, (height, width, channels, 1) here.
    """
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv":
            kernel, bias = (arrays[name] for name in node.input[1:])
            depthwise = kernel.shape[1:] == (1, 3, 3)
            yield [kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0)), bias]


def _build(weights: Weights) -> keras.Model:
    """The network of the publisher's file, layer by layer in the order of its weights."""

    def apply(layer: layers.Layer, x: keras.KerasTensor) -> keras.KerasTensor:
        output = layer(x)
        layer.set_weights(next(weights))
        return output

    def unit(
        x: keras.KerasTensor, channels: int, activation: str | None = "relu"
    ) -> keras.KerasTensor:
        x = apply(layers.Conv2D(channels, 1), x)
        return apply(layers.DepthwiseConv2D(3, padding="same", activation=activation), x)

    image = keras.Input((None, None, 3), name="image")
    # The network was trained on BGR.
    x = layers.ZeroPadding2D(1)(keras.ops.flip(image, axis=3))
    x = apply(layers.Conv2D(16, 3, strides=2, activation="relu"), x)
    x = layers.MaxPooling2D()(unit(x, 16))
    x = unit(unit(x, 16), 32)
    x = layers.MaxPooling2D()(unit(unit(x, 32), 64))
    stride8 = unit(unit(x, 64), 64)
    stride16 = unit(unit(layers.MaxPooling2D()(stride8), 64), 64)
    stride32 = unit(unit(layers.MaxPooling2D()(stride16), 64), 64)
    # A feature pyramid: each map gets what the coarser one saw.
    stride32 = unit(stride32, 64)
    stride16 = unit(stride16 + layers.UpSampling2D()(stride32), 64)
    stride8 = unit(stride8 + layers.UpSampling2D()(stride16), 64)
    outputs = {
        name: [unit(x, channels, activation) for x in (stride8, stride16, stride32)]
        for name, channels, activation in (
            ("cls", 1, "sigmoid"),
            ("bbox", 4, None),
            ("obj", 1, "sigmoid"),
            ("kps", 10, None),
        )
    }
    return keras.Model(image, outputs, name="yunet")
