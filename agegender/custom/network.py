"""The custom CNN: convolutions with pooling, then dense layers, trained from scratch."""

from collections.abc import Sequence
from typing import Any

import keras

from agegender.custom.parameters import TrainCustom
from agegender.networks.network import Network, pixels
from agegender.networks.precision import computing_in
from agegender.training.heads import Head
from agegender.training.members import Member, assembled
from agegender.training.normalization import Normalization, normalization


def build(
    options: TrainCustom,
    image_size: int,
    tasks: Sequence[str],
    first_age: float = 0.0,
    to_save: bool = False,
) -> Network:
    """The source report's network for its values: 4,616,130 parameters.

    Args:
        options: filters, convolutions, pooling, batch normalisation, precision and the head.
        image_size: pixels a side, at least 2 to the power of the number of poolings.
        tasks: ``gender``, ``age`` or both.
        first_age: years that the untrained network answers.
        to_save: all members, in float32 and of Keras's own layers, for everyone's processor and
            loader; else one, as it is trained fastest. Both have the same weights.
    """
    normalize = normalization(to_save) if options.batch_normalization else None
    with computing_in("float32" if to_save else options.precision):
        members = [
            Member(_layers(options, normalize), Head(tasks, options, first_age)).numbered(number)
            for number in range(options.ensemble_size if to_save else 1)
        ]
        return assembled(members, pixels(image_size), lambda image: image, options, "custom")


def _layers(options: TrainCustom, normalize: Normalization | None) -> list[keras.layers.Layer]:
    """From pixels to the vector of features."""
    # Around 0: a network without batch normalisation learns faster so than from 0 to 1.
    layers: list[keras.layers.Layer] = [
        keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")
    ]
    for index, filters in enumerate(options.filters, start=1):
        for place in range(1, options.convs_per_block + 1):
            name = str(index) if options.convs_per_block == 1 else f"{index}_{place}"
            pool = []
            if place == options.convs_per_block:
                pool = [keras.layers.MaxPooling2D(name=f"pool{index}")]
            if normalize:
                layers += _normalized(filters, name, normalize, pool)
            else:
                layers += [_convolution(filters, name, activation="relu"), *pool]
    if options.pooling == "average":
        return [*layers, keras.layers.GlobalAveragePooling2D(name="average")]
    return [*layers, keras.layers.Flatten(name="flatten")]


def _normalized(
    filters: int,
    name: str,
    normalize: Normalization,
    pool: Sequence[keras.layers.Layer],
) -> list[keras.layers.Layer]:
    """A convolution, pooled if it is its block's last, then normalised, then ReLU.

    Pooling and ReLU may change places, and what is pooled first leaves a quarter of the work to
    the other two. A bias would be idle in front of batch normalisation.
    """
    convolution = _convolution(filters, name, use_bias=False)
    relu = keras.layers.ReLU(name=f"relu{name}")
    return [convolution, *pool, normalize(name=f"norm{name}"), relu]


def _convolution(filters: int, name: str, **options: Any) -> keras.layers.Layer:
    return keras.layers.Conv2D(filters, 3, padding="same", name=f"conv{name}", **options)
