"""VGG16 without its top, cut in two: frozen layers, run once a photo, and those that are trained.

The architecture is that of Simonyan and Zisserman (2015, arXiv:1409.1556), configuration D. The
ImageNet weights come with the input scaling that they were trained with: BGR, less the mean of
each channel.
"""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from agegender.common.errors import UserError
from agegender.networks.network import pixels
from agegender.networks.precision import computing_in

# Means of ImageNet's blue, green and red, as in keras.applications' "caffe" preprocessing.
IMAGENET_MEANS = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class Base:
    """VGG16 without its top, cut below the first block that is trained.

    Attributes:
        frozen: convolutions and poolings below the cut.
        trainable: those above it; empty where nothing of VGG16 is trained.
        pooling: the average over the last feature map.
        scale: what ImageNet's training did to pixels.
    """

    frozen: list[keras.layers.Layer]
    trainable: list[keras.layers.Layer]
    pooling: keras.layers.Layer
    scale: keras.layers.Layer

    def embed(self, image: keras.KerasTensor) -> keras.KerasTensor:
        """What the frozen layers make of an image: the pooled vector, or the map at the cut.

        Args:
            image: pixels, RGB, 0 to 255, shape (n, image_size, image_size, 3).
        """
        features = _through(self.frozen, self.scale(keras.ops.flip(image, axis=-1)))
        return features if self.trainable else self.pooling(features)

    @property
    def above(self) -> list[keras.layers.Layer]:
        """From the embedding to the pooled vector, shape (n, 512): none if it is that already."""
        return [*self.trainable, self.pooling] if self.trainable else []

    @property
    def pretrained(self) -> list[keras.Variable]:
        """The weights from ImageNet that are trained."""
        convolutions = [layer for layer in self.trainable if isinstance(layer, keras.layers.Conv2D)]
        return [weight for layer in convolutions for weight in layer.trainable_weights]

    def twin(self) -> "Base":
        """The same frozen layers, and others like those that are trained, with no weights yet."""
        return replace(
            self,
            trainable=[type(layer).from_config(layer.get_config()) for layer in self.trainable],
            pooling=keras.layers.GlobalAveragePooling2D(name=self.pooling.name),
        )


def _through(layers: Sequence[keras.layers.Layer], x: keras.KerasTensor) -> keras.KerasTensor:
    for layer in layers:
        x = layer(x)
    return x


def base(
    image_size: int,
    unfreeze: str,
    weights: Mapping[str, np.ndarray] | None,
    precision: str = "float32",
) -> Base:
    """VGG16's layers with these weights, cut below the block ``unfreeze``.

    Args:
        image_size: pixels a side, at least 32.
        unfreeze: ``none``, or the first trainable block, ``block5`` down to ``block1``.
        weights: ``block1_conv1/kernel`` and so on; None draws them at random.
        precision: see `precision.computing_in`.
    """
    with computing_in(precision):
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
    return Base(
        frozen=layers[:cut],
        trainable=layers[cut:],
        pooling=keras.layers.GlobalAveragePooling2D(name="average"),
        scale=keras.layers.Rescaling(1.0, [-mean for mean in IMAGENET_MEANS], name="scale"),
    )


def load_weights(path: Path) -> dict[str, np.ndarray]:
    """The ImageNet weights by layer, as the file at ``path`` (.npz) holds them.

    Raises:
        UserError: it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError):
        raise UserError(
            f"{path} is damaged; make it anew with `dvc repro -sf download_vgg16`"
        ) from None


def embedder(base: Base, image_size: int, precision: str = "float32") -> keras.Model:
    """The frozen layers alone: pixels to embeddings.

    Args:
        base: VGG16's layers.
        image_size: pixels a side.
        precision: the type of a feature map, whatever the layers compute in; a pooled vector is
            float32.
    """
    image = pixels(image_size)
    embedding = base.embed(image)
    if base.trainable:
        embedding = keras.ops.cast(embedding, precision)
    return keras.Model(image, embedding, name="vgg16_frozen")
