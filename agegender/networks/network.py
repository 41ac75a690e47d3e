"""What both networks are to the code that trains and saves them."""

from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Network:
    """Two views of the same layers, which share their weights.

    Attributes:
        trained: from what training starts with (pixels, or embeddings) to the raw answers.
        saved: from pixels, shape (n, image_size, image_size, 3), 0 to 255, RGB, to a dict of
            ``gender``, shape (n, 1), P(female), and ``age``, shape (n, 1), years, 0 to 116.
    """

    trained: keras.Model
    saved: keras.Model


def pixels(image_size: int) -> keras.KerasTensor:
    """The input of a saved model: RGB, 0 to 255, shape (n, image_size, image_size, 3)."""
    return keras.Input((image_size, image_size, 3), name="image")
