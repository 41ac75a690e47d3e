"""VGG16 with a new head, as it is trained on embeddings."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from agegender.networks.device import dtype_policy
from agegender.training.heads import head
from agegender.training.normalization import batch_normalization
from agegender.vgg16.frozen.backbone import split_layers
from agegender.vgg16.parameters import TrainVgg16


def build(
    options: TrainVgg16,
    image_size: int,
    tasks: Sequence[str],
    weights: Mapping[str, np.ndarray] | None,
    initial_age_bias: float = 0.0,
) -> keras.Model:
    """What is trained of VGG16: the unfrozen blocks, if any, pooling, and the head.

    With 256 dense units and one task, and the frozen layers in front, 14,846,273 parameters. Where
    the unfrozen blocks have batch normalization, call `calibrate` before training.

    Args:
        options: how much is trained, in what precision, and the head.
        image_size: pixels a side.
        tasks: ``gender``, ``age`` or both.
        weights: see `split_layers`.
        initial_age_bias: see `head`.

    Returns:
        From embeddings, as `Backbone` makes them, to what `head` returns.
    """
    frozen, trainable = split_layers(image_size, options.unfreeze, weights, options.precision)
    with dtype_policy(options.precision):
        shape = frozen[-1].output.shape[1:] if frozen else (image_size, image_size, 3)
        x = embedding = keras.Input(shape if trainable else shape[-1:], name="embedding")
        for layer in trainable:
            if options.backbone_batch_normalization and isinstance(layer, keras.layers.Conv2D):
                x = _normalized(layer, x)
            else:
                x = layer(x)
        if trainable:
            x = keras.layers.GlobalAveragePooling2D(name="average")(x)
        if options.batch_normalization:
            # On several GPUs or machines, over the photos of all.
            synchronized = tf.distribute.has_strategy()
            x = keras.layers.BatchNormalization(synchronized=synchronized, name="norm")(x)
        return keras.Model(embedding, head(x, tasks, options, initial_age_bias), name="vgg16")


def pretrained_variables(model: keras.Model) -> list[keras.Variable]:
    """The trainable weights from ImageNet."""
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    return [weight for layer in convolutions for weight in layer.trainable_weights]


def _normalized(layer: keras.layers.Conv2D, x: keras.KerasTensor) -> keras.KerasTensor:
    """A convolution with batch normalization between it and its ReLU."""
    # A bias would do nothing before batch normalization.
    config = layer.get_config() | {"activation": "linear", "use_bias": False}
    convolution = keras.layers.Conv2D.from_config(config)
    x = convolution(x)
    convolution.set_weights(layer.get_weights()[:1])
    x = batch_normalization(f"{layer.name}_norm")(x)
    return keras.layers.ReLU(name=f"{layer.name}_relu")(x)


def calibrate(
    model: keras.Model, weights: Mapping[str, np.ndarray], embeddings: np.ndarray
) -> None:
    """Set the unfrozen blocks' batch normalization so that it has no effect to begin with.

    Each channel's mean, deviation and offset become what the ImageNet weights make of these
    embeddings. A channel's deviation goes from its normalization, where it is 1, into the weights
    of the next convolution; so the features of the last one come out in units of their deviations.

    Args:
        model: as `build` returns it, with the ImageNet weights.
        weights: the same weights; the biases, such as ``block5_conv1/bias``, are needed here.
        embeddings: of some photos, float32, shape (n, height, width, channels).
    """
    x = tf.convert_to_tensor(embeddings)
    # How many times smaller each channel is than without normalization; `common` is the part of it
    # that has been left out of the weights, where it would only make them large.
    smaller, common = np.ones(x.shape[-1], np.float32), 1.0
    for layer in model.layers[1:]:
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return
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
