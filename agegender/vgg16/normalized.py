"""Batch normalisation for the blocks of VGG16 that are trained, which were made without.

It changes nothing to begin with: each channel's mean, deviation and offset are set to what the
ImageNet weights make of real embeddings.
"""

from collections.abc import Mapping
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from agegender.networks.precision import computing_in
from agegender.training.normalization import Normalization
from agegender.vgg16.frozen.backbone import Base


def normalized(base: Base, normalize: Normalization, precision: str) -> Base:
    """The same layers with batch normalisation between each trainable convolution and its ReLU.

    Args:
        base: VGG16's layers.
        normalize: makes a batch normalisation.
        precision: see `precision.computing_in`.
    """
    layers: list[keras.layers.Layer] = []
    with computing_in(precision):
        for layer in base.trainable:
            if not isinstance(layer, keras.layers.Conv2D):
                layers.append(layer)
                continue
            # A bias would be idle in front of batch normalisation.
            convolution = keras.layers.Conv2D.from_config(
                {**layer.get_config(), "activation": "linear", "use_bias": False}
            )
            convolution.build(layer.input.shape)
            convolution.set_weights(layer.get_weights()[:1])
            normalization = normalize(name=f"{layer.name}_norm")
            normalization.build(layer.output.shape)
            layers += [convolution, normalization, keras.layers.ReLU(name=f"{layer.name}_relu")]
    return replace(base, trainable=layers)


def calibrate(base: Base, weights: Mapping[str, np.ndarray], embeddings: np.ndarray) -> None:
    """Set batch normalisation so that these embeddings end in what they ended in without it.

    A channel's deviation goes from its normalisation, where it is 1, into the weights of the next
    convolution; so the features of the last one come out in units of their deviations.

    Args:
        base: `normalized`, with the ImageNet weights.
        weights: the same weights; the biases, such as ``block5_conv1/bias``, are needed here.
        embeddings: of some photos, float32, shape (n, height, width, channels).
    """
    x = tf.convert_to_tensor(embeddings)
    # How many times smaller each channel is than without normalisation; `common` is the part of it
    # that has been left out of the weights, where it would only make them large.
    smaller, common = np.ones(x.shape[-1], np.float32), 1.0
    for layer in base.trainable:
        if isinstance(layer, keras.layers.Conv2D):
            common *= smaller.mean()
            kernel = layer.kernel.numpy() * (smaller / smaller.mean())[:, np.newaxis]
            layer.set_weights([kernel])
            x = tf.nn.conv2d(x, kernel, 1, "SAME")
            bias = weights[f"{layer.name}/bias"] / common
        elif isinstance(layer, keras.layers.BatchNormalization):
            mean, variance = (value.numpy() for value in tf.nn.moments(x, axes=(0, 1, 2)))
            smaller = np.sqrt(variance + layer.epsilon)
            offset = (mean + bias) / smaller
            layer.set_weights([np.ones_like(offset), offset, mean, variance])
            x = (x - mean) / smaller + offset
        elif isinstance(layer, keras.layers.ReLU):
            x = tf.nn.relu(x)
        else:
            x = tf.nn.max_pool2d(x, layer.pool_size, layer.strides, "VALID")
