"""The custom CNN: convolutions with pooling, then dense layers, trained from scratch."""

from collections.abc import Sequence

import keras

from agegender.networks.heads import Head, within_bounds
from agegender.networks.network import Network, pixels


def build(
    image_size: int,
    tasks: Sequence[str],
    filters: Sequence[int],
    dense_units: Sequence[int],
    dropout: float,
    first_age: float = 0.0,
) -> Network:
    """The source report's network for its values: 4,616,130 parameters.

    Args:
        image_size: pixels a side, at least 2 to the power of the number of convolutions.
        tasks: ``gender``, ``age`` or both.
        filters: of each 3x3 convolution with ReLU, each followed by 2x2 max pooling.
        dense_units: of each dense layer behind the flattened feature map.
        dropout: share of the last dense layer's units dropped in training.
        first_age: years that the untrained network answers.
    """
    image = pixels(image_size)
    # Around 0: a network without batch normalisation learns faster so than from 0 to 1.
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image)
    for index, count in enumerate(filters, start=1):
        convolution = keras.layers.Conv2D(
            count, 3, padding="same", activation="relu", name=f"conv{index}"
        )
        x = keras.layers.MaxPooling2D(name=f"pool{index}")(convolution(x))
    x = keras.layers.Flatten(name="flatten")(x)
    answers = Head(tasks, dense_units, dropout, first_age)(x)
    return Network(
        trained=keras.Model(image, answers, name="custom_trained"),
        saved=keras.Model(image, within_bounds(answers), name="custom"),
    )
