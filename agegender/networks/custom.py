"""The custom CNN: convolutions with pooling, then dense layers, trained from scratch."""

from collections.abc import Sequence

import keras

from agegender.networks.heads import Head, answering
from agegender.networks.network import Network, computing_in, pixels
from agegender.parameters.train_custom import TrainCustom


def build(
    options: TrainCustom,
    image_size: int,
    tasks: Sequence[str],
    first_age: float = 0.0,
    precision: str = "float32",
) -> Network:
    """The source report's network for its values: 4,616,130 parameters.

    Args:
        options: filters, convolutions, pooling, batch normalisation and the head.
        image_size: pixels a side, at least 2 to the power of the number of poolings.
        tasks: ``gender``, ``age`` or both.
        first_age: years that the untrained network answers.
        precision: of the layers' arithmetic, ``float32`` or ``bfloat16``.
    """
    with computing_in(precision):
        layers = _layers(options)
        head = Head(tasks, options.dense_units, options.dropout, options.age_head, first_age)

        def raw(image: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
            x = image
            for layer in layers:
                x = layer(x)
            return head(x)

        image = pixels(image_size)
        return Network(
            trained=keras.Model(image, raw(image), name="custom_trained"),
            saved=answering(image, raw, head, options.mirror, "custom"),
        )


def _layers(options: TrainCustom) -> list[keras.layers.Layer]:
    """From pixels to the vector of features."""
    # Around 0: a network without batch normalisation learns faster so than from 0 to 1.
    layers: list[keras.layers.Layer] = [
        keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")
    ]
    for index, count in enumerate(options.filters, start=1):
        for place in range(options.convolutions):
            name = str(index) if options.convolutions == 1 else f"{index}_{place + 1}"
            layers += _convolution(count, name, options.batch_normalization)
        layers.append(keras.layers.MaxPooling2D(name=f"pool{index}"))
    if options.pooling == "average":
        return [*layers, keras.layers.GlobalAveragePooling2D(name="average")]
    return [*layers, keras.layers.Flatten(name="flatten")]


def _convolution(filters: int, name: str, normalized: bool) -> list[keras.layers.Layer]:
    """A 3x3 convolution with ReLU; batch normalisation in between makes its bias idle."""
    if not normalized:
        return [
            keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{name}")
        ]
    return [
        keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{name}"),
        keras.layers.BatchNormalization(name=f"norm{name}"),
        keras.layers.ReLU(name=f"relu{name}"),
    ]
