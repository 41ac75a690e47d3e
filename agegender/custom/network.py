"""The custom CNN: convolutions with pooling, then dense layers, trained from scratch."""

from collections.abc import Sequence

import keras

from agegender.common.errors import UserError
from agegender.custom.parameters import TrainCustom
from agegender.networks.device import dtype_policy
from agegender.training.heads import head
from agegender.training.normalization import batch_normalization


def build(
    options: TrainCustom, image_size: int, tasks: Sequence[str], initial_age_bias: float = 0.0
) -> keras.Model:
    """The network as it is trained; with the default options 4,616,130 parameters.

    Args:
        options: filters, convolutions, pooling, batch normalization, precision and the head.
        image_size: pixels a side, at least 2 to the power of the number of poolings.
        tasks: ``gender``, ``age`` or both.
        initial_age_bias: see `head`.

    Returns:
        From pixels, RGB, 0 to 255, shape (n, image_size, image_size, 3), to what `head` returns.

    Raises:
        UserError: poolings would leave nothing of the photos.
    """
    if image_size < 2 ** len(options.filters):
        raise UserError(
            f"filters has {len(options.filters)} blocks, each of which halves photos; of an "
            f"image_size of {image_size} at most {image_size.bit_length() - 1} are possible"
        )
    with dtype_policy(options.precision):
        image = keras.Input((image_size, image_size, 3), name="image")
        # Around 0: without batch normalization a network learns faster so than from 0 to 1.
        x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image)
        blocks = zip(options.filters, options.convolutions, strict=True)
        for block, (filters, convolutions) in enumerate(blocks, start=1):
            for place in range(1, convolutions + 1):
                name = str(block) if convolutions == 1 else f"{block}_{place}"
                # Before batch normalization a bias would do nothing, and ReLU comes after it.
                x = keras.layers.Conv2D(
                    filters,
                    3,
                    padding="same",
                    activation=None if options.batch_normalization else "relu",
                    use_bias=not options.batch_normalization,
                    name=f"conv{name}",
                )(x)
                if place == convolutions:
                    x = keras.layers.MaxPooling2D(name=f"pool{block}")(x)
                if options.batch_normalization:
                    # After pooling, which leaves a quarter of the work and may change places with
                    # ReLU.
                    x = batch_normalization(f"norm{name}")(x)
                    x = keras.layers.ReLU(name=f"relu{name}")(x)
        if options.pooling == "average":
            x = keras.layers.GlobalAveragePooling2D(name="average")(x)
        else:
            x = keras.layers.Flatten(name="flatten")(x)
        return keras.Model(image, head(x, tasks, options, initial_age_bias), name="custom")
