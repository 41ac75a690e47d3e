"""VGG16 without its top, cut in two: frozen layers, run once per photo, and trainable ones.

The architecture is that of Simonyan and Zisserman (2015, arXiv:1409.1556), configuration D. The
ImageNet weights come with the input scaling that they were trained with: BGR, less the mean of
each channel.
"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from agegender.common.errors import UserError
from agegender.networks.device import dtype_policy

# Means of ImageNet's blue, green and red, as in keras.applications' "caffe" preprocessing.
IMAGENET_MEANS = (103.939, 116.779, 123.68)

Layers = list[keras.layers.Layer]


def split_layers(
    image_size: int,
    unfreeze: str,
    weights: Mapping[str, np.ndarray] | None,
    precision: str = "float32",
) -> tuple[Layers, Layers]:
    """VGG16's layers with these weights: those before the block ``unfreeze``, frozen, and the rest.

    Args:
        image_size: pixels a side, at least 32.
        unfreeze: ``none``, or the first trainable block, ``block5`` down to ``block1``.
        weights: ``block1_conv1/kernel`` and so on; None draws them at random.
        precision: see `dtype_policy`.
    """
    with dtype_policy(precision):
        layers = keras.applications.VGG16(
            include_top=False, weights=None, input_shape=(image_size, image_size, 3)
        ).layers[1:]
    for layer in layers:
        if weights is not None and layer.weights:
            layer.set_weights([weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]])
    cut = len(layers)
    if unfreeze != "none":
        cut = next(i for i, layer in enumerate(layers) if layer.name.startswith(unfreeze))
    for layer in layers[:cut]:
        layer.trainable = False
    return layers[:cut], layers[cut:]


class Backbone:
    """The frozen layers as a function of pixels; calling it again shares the layers."""

    def __init__(
        self,
        image_size: int,
        unfreeze: str,
        weights: Mapping[str, np.ndarray] | None,
        precision: str = "float32",
    ) -> None:
        frozen, trainable = split_layers(image_size, unfreeze, weights, precision)
        if not trainable:
            frozen.append(keras.layers.GlobalAveragePooling2D(name="average"))
        self._layers = frozen
        self._scale = keras.layers.Rescaling(1.0, [-mean for mean in IMAGENET_MEANS], name="scale")
        self._image_size = image_size
        # Of a feature map at the cut on disk; a pooled vector is float32.
        self._dtype = precision if trainable else "float32"

    def __call__(self, image: keras.KerasTensor) -> keras.KerasTensor:
        """The embedding: the pooled vector, shape (n, 512), or the feature map at the cut.

        Args:
            image: pixels, RGB, 0 to 255, shape (n, image_size, image_size, 3).
        """
        x = self._scale(keras.ops.flip(image, axis=-1))
        for layer in self._layers:
            x = layer(x)
        return x

    def model(self) -> keras.Model:
        """From pixels to embeddings, in the type in which they are kept."""
        image = keras.Input((self._image_size, self._image_size, 3), name="image")
        embedding = keras.ops.cast(self(image), self._dtype)
        return keras.Model(image, embedding, name="vgg16_frozen")


def load_weights(path: Path) -> dict[str, np.ndarray]:
    """The ImageNet weights by layer, as the file at ``path`` (.npz) holds them.

    Raises:
        UserError: it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError):
        raise UserError(f"{path} is damaged") from None
